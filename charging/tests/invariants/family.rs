//! A family bill: nothing is seen without a yes of the number itself, nor after either side ended it.

use super::{Broken, DENIED, accepted, execute, refused};

const ASKED: &str = "2026-10-15T12:00:00+08:00";
const AGREED: &str = "2026-10-15T12:01:00+08:00";

/// The question whether `holder` sees the bills of `a`.
fn request(a: i64, holder: &str) -> String {
    format!(
        "insert into consent_request (subscriber_id, purpose, holder_id, description, channel_id, asked_by, asked_at, expires_at,
            state, closed_at, closed_by, closed_channel_id)
        values ({a}, 'family', {holder}, 'x', 'web', 'subscriber', '{ASKED}', timestamptz '{ASKED}' + interval '10 minutes',
            'agreed', '{AGREED}', 'subscriber', 'web')"
    )
}

/// The yes to the newest question; `said` is the holder in the evidence.
fn consent(a: i64, holder: &str, said: &str) -> String {
    format!(
        "insert into consent (subscriber_id, seq, purpose, holder_id, method, channel_id, asked_at, agreed_at, request_id,
            evidence, previous_seq, previous_hash, hash)
        select {a}, h.seq + 1, 'family', {holder}, 'sms_code', 'web', '{ASKED}', '{AGREED}',
            (select max(request_id) from consent_request where subscriber_id = {a}), e.evidence, h.seq, h.hash,
            sha256(h.hash || e.evidence)
        from (select seq, hash from consent where subscriber_id = {a} order by seq desc limit 1) as h,
            lateral (select convert_to((jsonb_build_object('subscriber_id', {a}, 'seq', h.seq + 1, 'purpose', 'family',
                'scheme_id', null, 'version', null, 'recurring_price', null, 'one_off_price', null, 'cap', null,
                'method', 'sms_code', 'channel_id', 'web', 'description', 'x', 'answer', '123456', 'asked_at', '{ASKED}',
                'agreed_at', '{AGREED}') || '{said}')::text, 'UTF8') as evidence) as e"
    )
}

fn invitation(a: i64, holder: &str) -> String {
    format!(
        "insert into family_invitation (subscriber_id, holder_id, invited_at, expires_at)
        values ({a}, {holder}, '2026-10-14T12:00:00+08:00', '2026-10-21T12:00:00+08:00')"
    )
}

/// The first link of `a`, by the newest invitation and the newest consent.
fn link(a: i64, changes: &[(&str, &str)]) -> String {
    let columns = [
        ("subscriber_id", a.to_string()),
        ("link_no", "1".to_owned()),
        ("previous_no", "null".to_owned()),
        ("holder_id", "i.holder_id".to_owned()),
        ("invitation_id", "i.invitation_id".to_owned()),
        ("invited_until", "i.expires_at".to_owned()),
        ("consent_seq", format!("(select max(seq) from consent where subscriber_id = {a})")),
        ("agreed_at", format!("timestamptz '{AGREED}'")),
        ("first_month", "date '2026-10-01'".to_owned()),
    ];
    let value = |(name, usual): &(&str, String)| {
        changes.iter().find(|(changed, _)| changed == name).map_or(usual.clone(), |(_, value)| (*value).to_owned())
    };
    let (names, values): (Vec<&str>, Vec<String>) = columns.iter().map(|one| (one.0, value(one))).unzip();
    format!(
        "insert into family_link ({}) select {} from family_invitation i where i.subscriber_id = {a}
        order by i.invitation_id desc limit 1",
        names.join(", "),
        values.join(", ")
    )
}

fn leaving(a: i64, link_no: i32) -> String {
    format!(
        "insert into family_leaving (subscriber_id, link_no, agreed_at, left_at, left_by, channel_id)
        values ({a}, {link_no}, '{AGREED}', '2026-10-16', 'member', 'web')"
    )
}

fn said(holder: i64) -> String {
    format!(r#"{{"holder_id": {holder}}}"#)
}

#[tokio::test]
async fn a_yes_names_who_may_see() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b.to_string());
    let asked = request(a, &b);
    accepted(broken.app(), &format!("{asked}; {}", consent(a, &b, &said(broken.b)))).await;
    let other = (broken.b + 1).to_string();
    refused(
        broken.app(),
        &[
            ("asking about oneself", request(a, &a.to_string()), "consent_request_other"),
            ("asking about nobody", request(a, "null"), "consent_request_subject"),
            (
                "asking about a cap and a holder",
                asked.replace("purpose, holder_id", "purpose, cap, holder_id").replace("'family', ", "'family', 1, "),
                "consent_request_subject",
            ),
            (
                "a holder who was not asked about",
                format!("{asked}; {}", consent(a, &other, &said(broken.b + 1))),
                "consent_answers_family",
            ),
            (
                "evidence of another holder",
                format!("{asked}; {}", consent(a, &b, &said(broken.b + 1))),
                "consent_evidence_holder",
            ),
            ("evidence of nobody", format!("{asked}; {}", consent(a, &b, "{}")), "consent_evidence_holder"),
            (
                "evidence in another form",
                format!("{asked}; {}", consent(a, &b, &format!(r#"{{"holder_id": "{b}"}}"#))),
                "consent_evidence_holder",
            ),
            (
                "a yes to nothing that was asked",
                consent(a, &b, &(said(broken.b).trim_end_matches('}').to_owned() + r#", "reference": "slip 1"}"#))
                    .replace(
                        &format!("(select max(request_id) from consent_request where subscriber_id = {a})"),
                        "null",
                    ),
                "consent_family_asked",
            ),
            ("another holder later", "update consent set holder_id = 1".to_owned(), DENIED),
            ("another question later", "update consent_request set holder_id = 1".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_link_is_a_yes_of_the_number_itself() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b.to_string());
    let agreed = format!("{}; {}", request(a, &b), consent(a, &b, &said(broken.b)));
    let before = format!("{agreed}; {}", invitation(a, &b));
    let with = |changes: &[(&str, &str)]| format!("{before}; {}", link(a, changes));
    accepted(broken.app(), &with(&[])).await;
    let other = (broken.b + 1).to_string();
    let second = |previous: &str| link(a, &[("link_no", "2"), ("previous_no", previous)]);
    refused(
        broken.app(),
        &[
            ("invited, and no yes", format!("{}; {}", invitation(a, &b), link(a, &[])), "family_link_consent"),
            ("a yes to an order", with(&[("consent_seq", "1")]), "family_link_consent"),
            (
                "a yes for another holder",
                format!("{agreed}; {}; {}", invitation(a, &other), link(a, &[])),
                "family_link_consent",
            ),
            ("another holder than invited", with(&[("holder_id", &other)]), "family_link_consent"),
            ("oneself", with(&[("holder_id", &a.to_string())]), "family_link_other"),
            ("no invitation", with(&[("invitation_id", "0")]), "family_link_invitation"),
            (
                "a longer invitation",
                with(&[("invited_until", "i.expires_at + interval '1 day'")]),
                "family_link_invitation",
            ),
            (
                "a yes before it was given",
                with(&[("agreed_at", "timestamptz '2026-10-01T12:00:00+08:00'")]),
                "family_link_consent",
            ),
            ("a month before the yes", with(&[("first_month", "date '2026-09-01'")]), "family_link_first_month"),
            (
                "by the same yes twice",
                format!("{}; {}; {}", with(&[]), leaving(a, 1), second("1")),
                "family_link_consent_once",
            ),
            ("a link left out", with(&[("link_no", "2"), ("previous_no", "1")]), "family_link_one_at_a_time"),
            ("a link out of order", with(&[("link_no", "2")]), "family_link_step"),
            ("inviting oneself", invitation(a, &a.to_string()), "family_invitation_other"),
            (
                "inviting for a year",
                invitation(a, &b).replace("2026-10-21", "2027-10-21"),
                "family_invitation_lifetime",
            ),
            ("inviting twice", format!("{}; {}", invitation(a, &b), invitation(a, &b)), "family_invitation_open"),
            ("leaving twice", format!("{}; {}; {}", with(&[]), leaving(a, 1), leaving(a, 1)), "family_leaving_pkey"),
            ("leaving what is none", leaving(a, 1), "family_leaving_link"),
            ("a month more, later", "update family_link set first_month = '2026-01-01'".to_owned(), DENIED),
            ("not left after all", "delete from family_leaving".to_owned(), DENIED),
            ("another invitation later", "update family_invitation set holder_id = 1".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn without_an_open_link_there_is_no_row() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b.to_string());
    let mut tx = broken.app().begin().await.unwrap();
    let bill = |month: &str| {
        format!(
            "insert into bill (subscriber_id, month, total, closed_at) values ({a}, '{month}', 59, '2027-01-01');
            insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
            values ({a}, '{month}', 1, 'recurring', '{}', 1, '{month}', 1, 59, 59)",
            crate::world::PLAN
        )
    };
    for sql in
        [bill("2027-01-01"), bill("2026-08-01"), request(a, &b), consent(a, &b, &said(broken.b)), invitation(a, &b)]
    {
        execute(&mut tx, &sql).await.unwrap();
    }
    let mut seen = async |what: &str, sql: Option<String>, expected: &[&str]| {
        if let Some(sql) = sql {
            execute(&mut tx, &sql).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        for view in ["family_bill", "family_bill_kind"] {
            let months: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "select month::text from {view} where holder_id = {b}"
            )))
            .fetch_all(&mut *tx)
            .await
            .unwrap();
            assert_eq!(months, expected, "{what}: {view}");
        }
    };
    seen("invited, and a yes", None, &[]).await;
    seen("linked", Some(link(a, &[])), &["2027-01-01"]).await;
    seen("left", Some(leaving(a, 1)), &[]).await;
    drop(tx);
    broken.world.db.drop().await;
}
