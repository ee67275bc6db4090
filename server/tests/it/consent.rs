//! Answering on the page: nothing of any kind runs without a yes, and a yes comes with a slip that proves itself.

use std::process::{Command, Output};
use std::sync::Arc;

use crate::offers::offers;
use crate::world::{ADDON, OTHER_PLAN, PLAN, World, at, now};
use app::request::SUBSCRIBER_KEY;
use app::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Request, Response, StatusCode};
use charging::clock::{Clock as _, ManualClock};
use charging::consent::proof::{check, read_key};
use charging::tariff::store::publish;
use chrono::TimeDelta;
use server::network;
use server::session_store::PostgresSessions;
use server::web::{Settings, Site, options, router};
use sqlx::AssertSqlSafe;
use tower::ServiceExt as _;
use tower_sessions::SessionStore as _;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};

const DRAWN: &str = "[[60,50,120,90,200,40,260,170],[300,60,420,180]]";

pub struct Portal {
    pub world: World,
    pub clock: Arc<ManualClock>,
    router: Router,
}

impl Portal {
    pub async fn new() -> Self {
        let world = World::new().await;
        let clock = Arc::new(ManualClock::new(now()));
        let site = Site::find();
        let state = AppState {
            pool: world.db.app.clone(),
            clock: clock.clone(),
            demo: false,
            calls: false,
            payments: false,
            staff_key: None,
            secure: false,
            leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
        };
        let network = network::Settings {
            access: network::Access::new(None, false),
            public_url: "https://mingbai.example".to_owned(),
        };
        let router = router(state, &Settings { secure: false, site, network, call_key: None, gateway: None });
        Self { world, clock, router }
    }

    /// The cookie of a session of a subscriber.
    pub async fn sign_in(&self, subscriber_id: i64) -> String {
        let now = OffsetDateTime::from_unix_timestamp(self.clock.now().timestamp()).unwrap();
        let data = [(SUBSCRIBER_KEY.to_owned(), subscriber_id.into())].into_iter().collect();
        let mut record = Record { id: Id::default(), data, expiry_date: now + Duration::hours(12) };
        let sessions = PostgresSessions::new(self.world.db.app.clone(), self.clock.clone());
        sessions.create(&mut record).await.unwrap();
        format!("mingbai={}", record.id)
    }

    pub async fn get(&self, cookie: &str, path: &str) -> Response<Body> {
        let request = Request::get(path).header("host", "mingbai.example").header(COOKIE, cookie);
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Calls a server function as its form does, and returns where it sends the browser.
    pub async fn post(&self, cookie: &str, function: &str, form: &str) -> String {
        let request = Request::post(format!("/api/{function}"))
            .header("host", "mingbai.example")
            .header("accept", "text/html")
            .header(COOKIE, cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        assert!(response.status().is_redirection(), "{function}: {form}");
        response.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    pub async fn newest_request(&self, subscriber_id: i64) -> i64 {
        sqlx::query_scalar("select max(request_id) from consent_request where subscriber_id = $1")
            .bind(subscriber_id)
            .fetch_one(&self.world.db.app)
            .await
            .unwrap()
    }

    pub async fn code(&self, subscriber_id: i64) -> String {
        let last = "select body from notice where subscriber_id = $1 order by notice_id desc limit 1";
        let body: String = sqlx::query_scalar(last).bind(subscriber_id).fetch_one(&self.world.db.app).await.unwrap();
        body.split_once("验证码").unwrap().1[..6].to_owned()
    }

    async fn nothing_runs(&self, what: &str) {
        for table in ["consent", "product_order", "subscription", "charge", "signature"] {
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
                .fetch_one(&self.world.db.app)
                .await
                .unwrap();
            assert_eq!(count, 0, "{what}: {table}");
        }
    }
}

pub async fn bytes(response: Response<Body>) -> Vec<u8> {
    assert_eq!(response.status(), StatusCode::OK);
    to_bytes(response.into_body(), 4 * 1024 * 1024).await.unwrap().to_vec()
}

/// Publishes everything that can be ordered.
async fn publish_offers(portal: &Portal) -> Vec<String> {
    let all = offers();
    let ids = all.iter().map(|content| content.scheme_id.to_string()).collect();
    let all: Vec<_> = all.into_iter().map(Into::into).collect();
    let mut tx = portal.world.db.app.begin().await.unwrap();
    publish(&mut tx, &all, now()).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

#[tokio::test]
async fn nothing_of_any_kind_runs_without_a_yes() {
    let portal = Portal::new().await;
    let stranger = portal.sign_in(portal.world.subscriber(999).await).await;
    for (n, id) in (1..).zip(publish_offers(&portal).await) {
        let a = portal.world.subscriber(n).await;
        let own = portal.sign_in(a).await;
        let drawn = |request: i64, code: &str| format!("request_id={request}&strokes={DRAWN}&code={code}");
        for (function, form) in [
            ("consent_code", "request_id=1000000&code=123456".to_owned()),
            ("consent_signature", drawn(1_000_000, "123456")),
            ("consent_name", "request_id=1000000&name=x&code=123456".to_owned()),
        ] {
            assert_eq!(portal.post(&own, function, &form).await, "/me?problem=request_gone", "{id} never asked");
        }
        let asked = portal.post(&own, "order", &format!("scheme_id={id}")).await;
        assert!(asked.contains("ok=sent"), "{id}: {asked}");
        let request = portal.newest_request(a).await;
        let code = portal.code(a).await;
        let wrong = if code == "111111" { "222222" } else { "111111" };
        for (function, form, problem) in [
            ("consent_code", format!("request_id={request}&code={wrong}"), "problem=code_wrong"),
            ("consent_code", format!("request_id={request}&code="), "problem=code_wrong"),
            ("consent_code", format!("request_id={request}"), "problem=code_wrong"),
            ("consent_name", format!("request_id={request}&name=用户{n}&code={wrong}"), "problem=code_wrong"),
            ("consent_signature", drawn(request, wrong), "problem=code_wrong"),
            ("consent_signature", drawn(request, ""), "problem=code_wrong"),
            ("consent_signature", format!("request_id={request}&strokes={DRAWN}"), "problem=code_wrong"),
            ("consent_name", format!("request_id={request}&name=张三&code={code}"), "problem=name"),
            ("consent_name", format!("request_id={request}&name=&code={code}"), "problem=name"),
            ("consent_signature", format!("request_id={request}"), "problem=signature"),
            ("consent_signature", format!("request_id={request}&strokes=[]"), "problem=signature_small"),
            ("consent_signature", format!("request_id={request}&strokes=[[9,9]]"), "problem=signature_small"),
            ("consent_signature", format!("request_id={request}&strokes=[[0,0,9000,0]]"), "problem=signature"),
        ] {
            let to = portal.post(&own, function, &form).await;
            assert!(to.ends_with(problem), "{id}: {function} {form}: {to}");
        }
        let signed = drawn(request, &code);
        assert_eq!(portal.post(&stranger, "consent_signature", &signed).await, "/me?problem=request_gone");
        assert_eq!(portal.post("", "consent_signature", &signed).await, "/login?next=/me");
        portal.clock.advance(TimeDelta::seconds(601));
        let late = portal.post(&own, "consent_signature", &signed).await;
        assert!(late.ends_with("problem=code_wrong"), "{id} after ten minutes: {late}");
        portal.post(&own, "order", &format!("scheme_id={id}")).await;
        let request = portal.newest_request(a).await;
        let signed = drawn(request, &portal.code(a).await);
        portal.post(&own, "consent_refuse", &format!("request_id={request}")).await;
        assert_eq!(portal.post(&own, "consent_signature", &signed).await, "/me?problem=request_gone");
        portal.nothing_runs(&id).await;
    }
    portal.world.db.drop().await;
}

#[tokio::test]
async fn neither_another_plan_nor_a_higher_cap_without_a_yes() {
    let portal = Portal::new().await;
    let a = portal.world.subscriber(1).await;
    let present = portal.world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
    let own = portal.sign_in(a).await;
    for (function, form) in [("order", format!("scheme_id={OTHER_PLAN}")), ("cap", "cap=1000".to_owned())] {
        let asked = portal.post(&own, function, &form).await;
        let request = portal.newest_request(a).await;
        assert!(asked.contains(&format!("request={request}")), "{function}: {asked}");
        let code = portal.code(a).await;
        let wrong = if code == "111111" { "222222" } else { "111111" };
        for (answer, form) in [
            ("consent_code", format!("request_id={request}&code={wrong}")),
            ("consent_code", format!("request_id={request}")),
            ("consent_name", format!("request_id={request}&name=张三&code={code}")),
            ("consent_signature", format!("request_id={request}&strokes={DRAWN}&code={wrong}")),
        ] {
            let to = portal.post(&own, answer, &form).await;
            assert!(to.contains("problem="), "{function}, {answer} {form}: {to}");
        }
        portal.post(&own, "consent_refuse", &format!("request_id={request}")).await;
        let to = portal.post(&own, "consent_code", &format!("request_id={request}&code={code}")).await;
        assert_eq!(to, "/me?problem=request_gone", "{function}");
    }
    let kept: (i64, i64, Option<i64>) = sqlx::query_as(
        "select (select count(*) from consent), (select count(*) from cap_choice),
            (select subscription_id from subscription where ends_at is null)",
    )
    .fetch_one(&portal.world.db.app)
    .await
    .unwrap();
    assert_eq!(kept, (1, 1, Some(present.subscription_id)), "only what was signed for at the shop");
    portal.world.db.drop().await;
}

/// Runs the program as somebody does who has nothing but the file.
pub fn verify(file: &[u8], name: &str, key: Option<&str>) -> Output {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingbai"));
    command.args(["evidence", "verify"]).arg(path).env("DATABASE_URL", "postgres://nowhere.invalid/none");
    command.args(key.into_iter().flat_map(|key| ["--key", key])).output().unwrap()
}

#[tokio::test]
async fn a_signature_on_the_page_makes_a_slip_that_proves_itself() {
    let portal = Portal::new().await;
    let (a, b) = (portal.world.subscriber(1).await, portal.world.subscriber(2).await);
    let (own, stranger) = (portal.sign_in(a).await, portal.sign_in(b).await);
    portal.post(&own, "order", &format!("scheme_id={ADDON}")).await;
    let request = portal.newest_request(a).await;
    let page = String::from_utf8(bytes(portal.get(&own, &format!("/me/order/{ADDON}?request={request}")).await).await);
    let page = page.unwrap();
    for form in ["/api/consent_code", "/api/consent_signature", "/api/consent_name", "/api/consent_refuse"] {
        assert!(page.contains(&format!("action=\"{form}\"")), "{form}");
    }
    assert!(!page.contains("checked") && !page.contains("selected"), "nothing is ticked beforehand");
    let at_field = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at_field("name=\"code\"") < at_field("class=\"sign-field\""), "the code is asked for above the field");
    let code = portal.code(a).await;
    let form = format!("request_id={request}&strokes={DRAWN}&code={code}");
    let to = portal.post(&own, "consent_signature", &form).await;
    let order = to.strip_prefix("/me/addons?ok=ordered&order=").unwrap_or_else(|| panic!("{to}")).to_owned();

    let shown = bytes(portal.get(&own, &format!("/me/agreements/{order}")).await).await;
    assert!(String::from_utf8(shown).unwrap().contains("M60 50L120 90L200 40L260 170M300 60L420 180"));
    let (slip_path, proof_path) =
        (format!("/me/agreements/{order}/slip.pdf"), format!("/me/agreements/{order}/evidence.json"));
    for path in [&slip_path, &proof_path] {
        assert_eq!(portal.get(&stranger, path).await.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(portal.get("", path).await.headers()[LOCATION], format!("/login?next={path}"));
    }
    assert_eq!(portal.get(&own, "/me/agreements/x/slip.pdf").await.status(), StatusCode::NOT_FOUND);
    let response = portal.get(&own, &slip_path).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "application/pdf");
    assert!(response.headers()[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    let slip = bytes(response).await;
    let english = bytes(portal.get(&format!("{own}; lang=en"), &slip_path).await).await;
    let proof = bytes(portal.get(&own, &proof_path).await).await;
    let key = String::from_utf8(bytes(portal.get("", "/evidence-key").await).await).unwrap();
    let public = read_key(&key).unwrap();
    let sound = check(&slip, Some(&public)).unwrap();
    assert!(sound.is_slip && !check(&proof, Some(&public)).unwrap().is_slip);
    assert_eq!((sound.proof.msisdn.as_str(), sound.evidence.scheme_id.as_deref()), ("13800000001", Some(ADDON)));

    for at in (0..slip.len()).step_by(37).chain(slip.len() - 400..slip.len()) {
        let mut flipped = slip.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(check(&flipped, None).is_err(), "byte {at} of {}", slip.len());
    }

    let output = verify(&slip, "slip.pdf", Some(key.trim()));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let both = format!("and the code of that SMS, `{code}`");
    for words in
        ["sound", "13800000001", ADDON, "10.00 yuan a month", "流量加油包", "a signature drawn", &both, "was given"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(verify(&english, "slip-en.pdf", Some(key.trim())).status.success(), "in English");
    let unknown = verify(&proof, "evidence.json", None);
    let said = String::from_utf8(unknown.stdout).unwrap();
    let first = said.lines().next().unwrap();
    assert!(unknown.status.success() && !said.contains("sound"), "{said}");
    for words in ["unbroken, but", "NOT COMPARED", "/evidence-key", "--key"] {
        assert!(first.contains(words), "{words}: {first}");
    }
    let mut changed = slip.clone();
    changed[1000] ^= 1;
    for (file, key, why) in [
        (&changed, None, "changed after the operator signed it"),
        (&slip, Some("00".repeat(32)), "another key"),
        (&b"hello".to_vec(), None, "neither an order slip nor a proof"),
    ] {
        let output = verify(file, "changed.pdf", key.as_deref());
        assert_eq!(output.status.code(), Some(1), "{why}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{}", String::from_utf8_lossy(&output.stderr));
    }
    portal.world.db.drop().await;
}

#[tokio::test]
async fn a_raised_cap_has_a_slip_that_proves_itself() {
    let portal = Portal::new().await;
    let (a, b) = (portal.world.subscriber(1).await, portal.world.subscriber(2).await);
    let (own, stranger) = (portal.sign_in(a).await, portal.sign_in(b).await);
    portal.post(&own, "cap", "cap=1000").await;
    let form = format!("request_id={}&code={}", portal.newest_request(a).await, portal.code(a).await);
    portal.post(&own, "consent_code", &form).await;
    let list = String::from_utf8(bytes(portal.get(&own, "/me/agreements").await).await).unwrap();
    assert!(list.contains("href=\"/me/agreements/cap-1\"") && list.contains("您本人 · 网上营业厅"), "{list}");
    let page = String::from_utf8(bytes(portal.get(&own, "/me/agreements/cap-1").await).await).unwrap();
    assert!(page.contains("从 600.00 元改为 1000.00 元") && page.contains("/me/agreements/cap-1/slip.pdf"));
    assert_eq!(portal.get(&stranger, "/me/agreements/cap-1/slip.pdf").await.status(), StatusCode::NOT_FOUND);
    let slip = bytes(portal.get(&own, "/me/agreements/cap-1/slip.pdf").await).await;
    let key = String::from_utf8(bytes(portal.get("", "/evidence-key").await).await).unwrap();
    let output = verify(&slip, "cap.pdf", Some(key.trim()));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in ["sound", "a cap was raised", "a cap of 1000.00 yuan a month", "13800000001"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    portal.world.db.drop().await;
}
