//! 家庭账单 on the pages: a click is no yes, the code is one; then sums and files, until one click ends it.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, LOCATION};
use charging::clock::Clock as _;
use chrono::TimeDelta;
use sqlx::AssertSqlSafe;

use crate::consent::{Portal, bytes, verify};
use crate::world::PLAN;

impl Portal {
    async fn page(&self, cookie: &str, path: &str) -> String {
        String::from_utf8(bytes(self.get(cookie, path).await).await).unwrap()
    }

    async fn status(&self, cookie: &str, path: &str) -> StatusCode {
        self.get(cookie, path).await.status()
    }

    async fn billed(&self, subscriber_id: i64, month: &str, amount: &str) {
        let sql = format!(
            "insert into bill (subscriber_id, month, total, closed_at)
            values ({subscriber_id}, '{month}-01', {amount}, '2026-12-01T02:00:00+08:00');
            insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
            values ({subscriber_id}, '{month}-01', 1, 'recurring', '{PLAN}', 1, '{month}-01', 1, {amount}, {amount})"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.world.db.app).await.unwrap();
    }

    async fn newest_invitation(&self, subscriber_id: i64) -> i64 {
        sqlx::query_scalar("select max(invitation_id) from family_invitation where subscriber_id = $1")
            .bind(subscriber_id)
            .fetch_one(&self.world.db.app)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_family_bill_is_joined_seen_and_left() {
    let portal = Portal::new().await;
    let (holder, a, stranger) =
        (portal.world.subscriber(1).await, portal.world.subscriber(2).await, portal.world.subscriber(3).await);
    for month in ["2026-09", "2026-10"] {
        portal.billed(holder, month, "10.00").await;
        portal.billed(a, month, "59.00").await;
    }
    let (own, hers, strange) = (portal.sign_in(holder).await, portal.sign_in(a).await, portal.sign_in(stranger).await);
    let files = ["/me/family/2026-10", "/me/family/2026-10/bill.pdf", "/me/family/2026-10/bill.csv"];
    let nothing_is_seen = async |what: &str| {
        for path in files {
            assert_eq!(portal.status(&own, path).await, StatusCode::NOT_FOUND, "{what}: {path}");
        }
    };

    // What cannot be invited is said, and nothing typed breaks the page.
    for (typed, problem) in [("abc", "number"), ("", "number"), ("13800000001", "oneself"), ("13900000009", "nobody")] {
        let to = portal.post(&own, "family_invite", &format!("msisdn={typed}")).await;
        assert_eq!(to, format!("/me/family?problem={problem}"), "{typed}");
        assert!(portal.page(&own, &to).await.contains("class=\"banner warn\""), "{problem}");
    }
    assert!(portal.page(&own, "/me/family").await.contains("还没有"), "nobody yet");
    assert_eq!(portal.post(&own, "family_invite", "msisdn=138-0000%200002").await, "/me/family?ok=invited");
    nothing_is_seen("invited").await;

    // The number that was invited reads what is seen before it answers; a click asks for the code, and is no yes.
    assert!(portal.page(&hers, "/me").await.contains("13800000001 邀请您加入家庭账单"));
    let page = portal.page(&hers, "/me/family").await;
    for said in ["对方看不到：通话、短信、上网的详单", "您的费用仍由您自己付", "以前的看不到"]
    {
        assert!(page.contains(said), "{said}");
    }
    let invitation = portal.newest_invitation(a).await;
    let form = format!("invitation_id={invitation}");
    assert_eq!(portal.post(&own, "family_join", &form).await, "/me/family?problem=gone", "the holder says no yes");
    assert_eq!(portal.post(&strange, "family_decline", &form).await, "/me/family?problem=gone");
    assert_eq!(portal.post(&strange, "family_withdraw", &form).await, "/me/family?problem=gone");
    let asked = portal.post(&hers, "family_join", &form).await;
    let request = portal.newest_request(a).await;
    assert_eq!(asked, format!("/me/family?request={request}&ok=sent"));
    assert!(portal.page(&hers, &asked).await.contains("action=\"/api/consent_code\""));
    let code = portal.code(a).await;
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let to = portal.post(&hers, "consent_code", &format!("request_id={request}&code={wrong}")).await;
    assert_eq!(to, format!("/me/family?request={request}&problem=code_wrong"));
    nothing_is_seen("asked").await;
    let to = portal.post(&hers, "consent_code", &format!("request_id={request}&code={code}")).await;
    assert_eq!(to, "/me/family?ok=joined");

    // Sums of the month of the yes, on the page and in both files, and nothing before it.
    assert!(portal.page(&own, "/me/family").await.contains("/me/family/2026-10"));
    let page = portal.page(&own, "/me/family/2026-10").await;
    assert!(page.contains("13800000002") && page.contains("69.00") && page.contains("各付各的"), "{page}");
    assert_eq!(
        portal.page(&own, "/me/family/2026-10/bill.csv").await,
        "\u{feff}msisdn,month,kind,amount_yuan,total_yuan\r\n\
         13800000001,2026-10,recurring,10.00,10.00\r\n\
         13800000002,2026-10,recurring,59.00,59.00\r\n"
    );
    let pdf = portal.get(&own, "/me/family/2026-10/bill.pdf").await;
    assert!(pdf.headers()[CONTENT_DISPOSITION].to_str().unwrap().contains("family-2026-10.pdf"));
    assert!(bytes(pdf).await.starts_with(b"%PDF-"));
    for (cookie, path) in
        [(&own, "/me/family/2026-09"), (&own, "/me/family/x"), (&hers, files[0]), (&strange, files[2])]
    {
        assert_eq!(portal.status(cookie, path).await, StatusCode::NOT_FOUND, "{path}");
    }
    let signed_out = portal.get("", files[2]).await;
    assert!(signed_out.headers()[LOCATION].to_str().unwrap().starts_with("/login?next="));
    let slip = bytes(portal.get(&hers, "/me/agreements/family-1/slip.pdf").await).await;
    let sound = charging::consent::proof::check(&slip, None).unwrap();
    assert!(sound.is_slip && sound.evidence.holder_id == Some(holder));
    let said = String::from_utf8(verify(&slip, "family.pdf", None).stdout).unwrap();
    assert!(said.contains("a family bill was joined") && said.contains(&format!("subscriber {holder} sees")), "{said}");
    assert!(portal.page(&hers, "/me/agreements").await.contains("13800000001 的家庭账单"));

    // A stranger ends nothing; one click of the number does, at once.
    portal.post(&strange, "family_end", &format!("member={a}")).await;
    portal.post(&strange, "family_leave", "").await;
    assert_eq!(portal.status(&own, files[0]).await, StatusCode::OK);
    assert_eq!(portal.post(&hers, "family_leave", "").await, "/me/family?ok=left");
    nothing_is_seen("left").await;

    // And one of the holder.
    portal.clock.set(portal.clock.now() + TimeDelta::minutes(5));
    portal.post(&own, "family_invite", "msisdn=13800000002").await;
    portal.post(&hers, "family_join", &format!("invitation_id={}", portal.newest_invitation(a).await)).await;
    let form = format!("request_id={}&code={}", portal.newest_request(a).await, portal.code(a).await);
    assert_eq!(portal.post(&hers, "consent_code", &form).await, "/me/family?ok=joined");
    assert_eq!(portal.status(&own, files[0]).await, StatusCode::OK);
    assert_eq!(portal.post(&own, "family_end", &format!("member={a}")).await, "/me/family?ok=ended");
    nothing_is_seen("ended").await;
    portal.world.db.drop().await;
}
