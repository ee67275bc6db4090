//! Agents' channels over HTTP: let in at the desk, shown to everybody, and orders that only ask.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use charging::clock::Clock as _;
use charging::staff::Role;
use charging::tariff::own_format;
use charging::tariff::store::{Publication, publish};
use chrono::{DateTime, TimeDelta, Utc};
use server::call::Key;
use tower::ServiceExt as _;

use super::{Desk, location, text};

const TARIFF: &str = r#"{"scheme_id":"26MB900001","name":"流量包","kind":"addon","audience":"所有用户","regions":["全国"],
    "channels":["网上营业厅"],"on_sale_from":"2026-01-01","on_sale_until":"2026-12-31","validity":"长期有效","commitment":"无",
    "cancel":"网上营业厅","penalty":"无","restrictions":["仅限境内使用"],"notes":"",
    "terms":{"recurring":{"price":"10.00","first_month":"full"},"one_off":"0.00","cancel_effective":"immediately",
    "allowances":[{"service":"data","quantity":"2GB"}],"overage":[]}}"#;
const FORM: &str = "form%5Bname%5D=%E4%BA%91%E6%A1%A5&form%5Boperator_name%5D=%E4%BA%91%E6%A1%A5%E5%85%AC%E5%8F%B8&form%5Bcredit_code%5D=91350100M000100Y43\
    &form%5Bcontact_name%5D=%E5%90%B4%E6%A1%90&form%5Bcontact_phone%5D=059188880000&form%5Baddresses%5D=https%3A%2F%2Fyunqiao.example&\
    form%5Bscheme_ids%5D=26MB900001&form%5Bvalid_from%5D=2026-01-01&form%5Bvalid_until%5D=2026-12-31";
const ORDER: &str = r#"{"msisdn":"13800000001","scheme_id":"26MB900001"}"#;
const BODY: &str = "流量包每月 10 元，含 2GB 国内流量。随时可退。";

/// The desk with a tariff, a subscriber, a manager and an approver.
struct Office {
    desk: Desk,
    manager: String,
    approver: String,
}

impl Office {
    async fn new() -> Self {
        let desk = Desk::new(false).await;
        let entry = own_format::parse(TARIFF).unwrap();
        let publication =
            Publication { published_at: Some(desk.clock.now() - TimeDelta::days(30)), ..entry.content.into() };
        let mut tx = desk.db.app.begin().await.unwrap();
        publish(&mut tx, &[publication], desk.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        desk.subscriber().await;
        let manager = desk.member("lin.xiao", &[Role::TariffManager]).await;
        let approver = desk.member("zhou.zheng", &[Role::TariffApprover]).await;
        Self { desk, manager, approver }
    }

    /// A channel that was let in for one region; its secret.
    async fn channel(&self, region: &str) -> Key {
        let form = format!("{FORM}&form%5Bregions%5D%5B%5D={region}");
        let registered = self.desk.post(&self.manager, "/staff/api/register_channel", &form).await;
        assert_eq!(location(&registered), "/staff/channels/QD000001?ok=registered");
        let approve = "channel=QD000001&version=1&decision=approve";
        let own = self.desk.post(&self.manager, "/staff/api/decide_channel", approve).await;
        assert_eq!(own.status(), StatusCode::FORBIDDEN, "a manager approves nothing");
        let approved = self.desk.post(&self.approver, "/staff/api/decide_channel", approve).await;
        assert_eq!(location(&approved), "/staff/channels/QD000001?ok=approved");
        let issued = self.desk.post(&self.manager, "/staff/api/channel_secret", "channel=QD000001").await;
        assert_eq!(location(&issued), "/staff/channels/QD000001?ok=secret");
        let others = text(self.desk.get(&self.approver, "/staff/channels/QD000001").await).await;
        assert!(!others.contains("whsec_"), "it is shown to who issued it alone");
        let page = text(self.desk.get(&self.manager, "/staff/channels/QD000001").await).await;
        let secret = page.split_once("whsec_").expect("the secret is shown").1.split('<').next().unwrap();
        format!("whsec_{secret}").parse().unwrap()
    }

    async fn send(&self, key: &Key, id: &str, at: DateTime<Utc>, body: &str) -> Response<Body> {
        let mut request = Request::post("/channels/QD000001/orders").body(Body::from(body.to_owned())).unwrap();
        request.headers_mut().extend(key.sign(id, at, body.as_bytes()).unwrap());
        self.desk.router.clone().oneshot(request).await.unwrap()
    }

    async fn sent(&self) -> i64 {
        let asked = "select count(*) from notice where kind = 'order_request'";
        sqlx::query_scalar(asked).fetch_one(&self.desk.db.app).await.unwrap()
    }
}

#[tokio::test]
async fn a_signed_order_asks_the_subscriber_once() {
    let office = Office::new().await;
    let key = office.channel("%E5%8C%97%E4%BA%AC").await;
    let now = office.desk.clock.now();
    let asked = office.send(&key, "k1", now, ORDER).await;
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let told = text(asked).await;
    assert!(told.contains(r#""status":"asked""#), "{told}");
    let again = office.send(&key, "k1", now + TimeDelta::seconds(5), ORDER).await;
    assert_eq!((again.status(), office.sent().await), (StatusCode::ACCEPTED, 1));
    let other = ORDER.replace("0001\",", "0002\",");
    assert_eq!(office.send(&key, "k1", now, &other).await.status(), StatusCode::CONFLICT);
    let busy = office.send(&key, "k2", now, ORDER).await;
    assert_eq!(busy.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.headers()["retry-after"], "602");
    let orders: i64 =
        sqlx::query_scalar("select count(*) from product_order").fetch_one(&office.desk.db.app).await.unwrap();
    assert_eq!(orders, 0);
    office.desk.close().await;
}

#[tokio::test]
async fn what_is_not_signed_just_now_by_the_channel_is_refused() {
    let office = Office::new().await;
    let key = office.channel("%E5%8C%97%E4%BA%AC").await;
    let now = office.desk.clock.now();
    let stranger: Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    for (what, key, at) in [
        ("another secret", &stranger, now),
        ("old", &key, now - TimeDelta::minutes(6)),
        ("early", &key, now + TimeDelta::minutes(6)),
    ] {
        assert_eq!(office.send(key, "k1", at, ORDER).await.status(), StatusCode::UNAUTHORIZED, "{what}");
    }
    let mut altered =
        Request::post("/channels/QD000001/orders").body(Body::from(ORDER.replace("01\",", "02\","))).unwrap();
    altered.headers_mut().extend(key.sign("k1", now, ORDER.as_bytes()).unwrap());
    assert_eq!(office.desk.router.clone().oneshot(altered).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let mut elsewhere = Request::post("/channels/QD000002/orders").body(Body::from(ORDER)).unwrap();
    elsewhere.headers_mut().extend(key.sign("k1", now, ORDER.as_bytes()).unwrap());
    assert_eq!(office.desk.router.clone().oneshot(elsewhere).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for body in ["{}", "x", r#"{"msisdn":"1","scheme_id":"26MB900001"}"#] {
        assert_eq!(office.send(&key, "k1", now, body).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    let huge = format!("{ORDER}{}", " ".repeat(5000));
    assert_eq!(office.send(&key, "k1", now, &huge).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(office.sent().await, 0);
    office.desk.close().await;
}

#[tokio::test]
async fn refusals_are_counted_where_everybody_sees_them() {
    let office = Office::new().await;
    let key = office.channel("%E4%B8%8A%E6%B5%B7").await;
    let now = office.desk.clock.now();
    let refused = office.send(&key, "k1", now, ORDER).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(text(refused).await, r#"{"status":"refused","reason":"region"}"#);
    let stop = "channel=QD000001&why=suspended&reason=%E5%86%92%E5%85%85%E5%AE%A2%E6%9C%8D";
    let stopped = office.desk.post(&office.approver, "/staff/api/stop_channel", stop).await;
    assert_eq!(location(&stopped), "/staff/channels/QD000001?ok=stopped");
    assert!(text(office.send(&key, "k2", now, ORDER).await).await.contains("suspended"));
    let page = text(office.desk.get("", "/channels/QD000001").await).await;
    let counted = page.split_once("data-count=\"beyond\"").unwrap().1.split_once("<dd>").unwrap().1;
    assert!(counted.starts_with("2<"), "{}", &counted[..20]);
    assert!(page.contains("这个渠道已被暂停") && page.contains("冒充客服") && !page.contains("059188880000"));
    office.desk.close().await;
}

#[tokio::test]
async fn anybody_sees_whether_a_channel_is_genuine() {
    let office = Office::new().await;
    for path in ["/channels/QD000001", "/channels/QD000009", "/channels/1", "/channels/%3Cscript%3E"] {
        let page = office.desk.get("", path).await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{path}");
        let page = text(page).await;
        assert!(page.contains("这不是我们的渠道") && !page.contains("<script>alert"), "{path}");
    }
    office.channel("%E5%8C%97%E4%BA%AC").await;
    let page = text(office.desk.get("", "/channels/QD000001").await).await;
    assert!(page.contains("这是我们的正规渠道") && page.contains("91350100M000100Y43") && page.contains("26MB900001"));
    assert!(text(office.desk.get("", "/channels?q=yunqiao").await).await.contains("/channels/QD000001"));
    let badge = office.desk.get("", "/channels/QD000001/badge.svg").await;
    assert_eq!(badge.headers()["content-type"], "image/svg+xml; charset=utf-8");
    assert!(text(badge).await.contains("https://mingbai.example/channels/QD000001"));
    assert_eq!(office.desk.get("", "/channels/QD000009/badge.svg").await.status(), StatusCode::NOT_FOUND);
    let told = "about=QD000001&what=x";
    let told = office.desk.post("", "/api/report_channel", told).await;
    assert_eq!(location(&told), "/channels?ok=reported");
    assert!(text(office.desk.get(&office.approver, "/staff/channels").await).await.contains("data-report"));
    office.desk.close().await;
}

#[tokio::test]
async fn approved_texts_are_served_with_their_digest() {
    let office = Office::new().await;
    office.channel("%E5%8C%97%E4%BA%AC").await;
    let desk = &office.desk;
    let bad = "channel=QD000001&title=x&body=%E5%85%A8%E7%BD%91%E6%9C%80%E4%BD%8E%E4%BB%B7";
    let bad = desk.post(&office.manager, "/staff/api/submit_content", bad).await;
    let back = desk.get(&office.manager, location(&bad).split('#').next().unwrap()).await;
    let back = text(back).await;
    assert!(
        back.contains("广告里不能用") && back.contains("全网最低价</textarea>"),
        "it comes back with what is wrong"
    );
    let submit = format!("channel=QD000001&title=x&body={}", app::request::query_value(BODY));
    desk.post(&office.manager, "/staff/api/submit_content", &submit).await;
    assert_eq!(desk.get("", "/channels/QD000001/content/1").await.status(), StatusCode::NOT_FOUND, "it waits");
    desk.post(&office.approver, "/staff/api/decide_content", "channel=QD000001&number=1&decision=approve").await;
    let served = desk.get("", "/channels/QD000001/content/1").await;
    let (tag, digest) = (served.headers()["etag"].clone(), served.headers()["repr-digest"].clone());
    assert_eq!(text(served).await, BODY);
    let sha256: String = sqlx::query_scalar("select encode(sha256(convert_to($1, 'UTF8')), 'hex')")
        .bind(BODY)
        .fetch_one(&desk.db.app)
        .await
        .unwrap();
    assert_eq!(tag.to_str().unwrap(), format!("\"sha256-{sha256}\""));
    assert!(digest.to_str().unwrap().starts_with("sha-256=:"));
    let described = text(desk.get("", "/channels/QD000001/content/1.json").await).await;
    assert!(described.contains(&sha256) && described.contains("QD000001"));
    for (copy, said) in [
        (BODY.to_owned(), "没有改动"),
        (sha256.clone(), "没有改动"),
        (BODY.replace("10", "1"), "被改动过"),
        ("别的东西".to_owned(), "没有批准过这样的内容"),
        (" ".to_owned(), "请贴上要核对的文字"),
    ] {
        let form = format!("copy={}", app::request::query_value(&copy));
        let page = text(desk.post("", "/channels/QD000001/check", &form).await).await;
        assert!(page.contains(said), "{copy}: {said}");
    }
    let withdraw = "channel=QD000001&number=1&reason=x";
    desk.post(&office.manager, "/staff/api/withdraw_content", withdraw).await;
    assert_eq!(desk.get("", "/channels/QD000001/content/1").await.status(), StatusCode::GONE);
    office.desk.close().await;
}
