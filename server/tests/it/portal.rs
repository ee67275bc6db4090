//! What every answer of the portal passes through, on a database of its own.

use std::sync::Arc;

use app::request::SUBSCRIBER_KEY;
use app::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{Request, Response, StatusCode};
use charging::clock::{Clock as _, ManualClock};
use charging::testing::TestDatabase;
use chrono::{DateTime, TimeDelta};
use server::network;
use server::session_store::{PostgresSessions, remove_expired};
use server::web::{Settings, Site, options, router};
use tower::ServiceExt as _;
use tower_sessions::SessionStore as _;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};

struct Portal {
    database: TestDatabase,
    clock: Arc<ManualClock>,
}

impl Portal {
    async fn new() -> Self {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Self { database: TestDatabase::create().await, clock: Arc::new(ManualClock::new(now)) }
    }

    fn router(&self, demo: bool, site: Site) -> Router {
        let state = AppState {
            pool: self.database.app.clone(),
            clock: self.clock.clone(),
            demo,
            calls: false,
            payments: false,
            staff_key: None,
            secure: false,
            leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
        };
        router(state, &Settings { secure: false, site, network: network(), call_key: None, gateway: None })
    }

    async fn ask(&self, demo: bool, request: Request<Body>) -> Response<Body> {
        self.router(demo, Site::find()).oneshot(request).await.unwrap()
    }

    fn sessions(&self) -> PostgresSessions {
        PostgresSessions::new(self.database.app.clone(), self.clock.clone())
    }

    /// A session that has not been stored yet, of a subscriber, for half an hour from now on.
    fn record(&self, subscriber_id: Option<i64>) -> Record {
        let now = OffsetDateTime::from_unix_timestamp(self.clock.now().timestamp()).unwrap();
        let data = subscriber_id.map(|id| (SUBSCRIBER_KEY.to_owned(), id.into()));
        Record { id: Id::default(), data: data.into_iter().collect(), expiry_date: now + Duration::minutes(30) }
    }

    async fn add_subscriber(&self) -> i64 {
        let add = "with number as (insert into msisdn (msisdn) values ('13800000001') returning subscriber_id, msisdn)
            insert into subscriber (subscriber_id, msisdn, name, region, created_at)
            select subscriber_id, msisdn, '张三', '北京', now() from number returning subscriber_id";
        sqlx::query_scalar(add).fetch_one(&self.database.app).await.unwrap()
    }
}

fn network() -> network::Settings {
    network::Settings { access: network::Access::new(None, false), public_url: "https://mingbai.example".to_owned() }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "mingbai.example").body(Body::empty()).unwrap()
}

fn choose_language(header: &'static str, value: &'static str) -> Request<Body> {
    Request::post("/api/language")
        .header("host", "mingbai.example")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header, value)
        .body(Body::from("language=en&next=/"))
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_page_admits_only_its_own_scripts() {
    let portal = Portal::new().await;
    let response = portal.ask(false, get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap().to_owned();
    assert!(!scripts.contains("unsafe-inline") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let nonce = scripts.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    let page = text(response).await;
    let inline = page.matches("<script").count();
    assert_eq!(
        page.matches(&format!("nonce=\"{nonce}\"")).count(),
        inline,
        "every script has the nonce of this answer"
    );
    portal.database.drop().await;
}

#[tokio::test]
async fn what_another_site_sends_changes_nothing() {
    let portal = Portal::new().await;
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        let response = portal.ask(false, choose_language(header, value)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{header}: {value}");
        assert!(!response.headers().contains_key("set-cookie"));
    }
    let response = portal.ask(false, choose_language("origin", "https://mingbai.example")).await;
    assert!(response.headers().contains_key("set-cookie"));
    portal.database.drop().await;
}

#[tokio::test]
async fn demo_addresses_exist_in_demo_mode_only() {
    let portal = Portal::new().await;
    let reply = || Request::post("/api/demo_reply").body(Body::from("msisdn=13800000001&text=0000")).unwrap();
    for request in [get("/demo/handset/13800000001"), reply()] {
        assert_eq!(portal.ask(false, request).await.status(), StatusCode::NOT_FOUND);
    }
    assert_ne!(portal.ask(true, reply()).await.status(), StatusCode::NOT_FOUND);
    let page = text(portal.ask(false, get("/demo/handset/13800000001")).await).await;
    assert!(!page.contains("13800000001"), "not even the page that says so knows it");
    portal.database.drop().await;
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_too_long_413() {
    let portal = Portal::new().await;
    for path in ["/nothing", "/pkg/nothing.js", "/pkg/../../Cargo.toml", "/api/nothing"] {
        assert_eq!(portal.ask(false, get(path)).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let long = Request::post("/api/language").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let long = long.header("content-length", "300000").body(Body::from("x".repeat(300_000))).unwrap();
    assert_eq!(portal.ask(false, long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    portal.database.drop().await;
}

#[tokio::test]
async fn machines_learn_whether_it_is_ready_and_what_it_does() {
    let portal = Portal::new().await;
    assert_eq!(portal.ask(false, get("/healthz")).await.status(), StatusCode::OK);
    let ready = portal.ask(false, get("/readyz")).await;
    assert_eq!(ready.status(), StatusCode::OK);
    assert!(text(ready).await.contains(r#""sms":"none"#), "nobody carries messages, and it says so");
    portal.ask(false, get("/tariffs/26MB123456")).await;
    let metrics = text(portal.ask(false, get("/metrics")).await).await;
    assert!(metrics.contains(r#"route="/tariffs/{scheme_id}""#) && !metrics.contains("26MB123456"), "{metrics}");
    sqlx::query("delete from _sqlx_migrations").execute(&portal.database.owner).await.unwrap();
    assert_eq!(portal.ask(false, get("/readyz")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    portal.database.drop().await;
}

#[tokio::test]
async fn a_session_is_kept_under_a_digest_and_names_its_subscriber() {
    let portal = Portal::new().await;
    let subscriber = portal.add_subscriber().await;
    let sessions = portal.sessions();
    let mut record = portal.record(Some(subscriber));
    sessions.create(&mut record).await.unwrap();
    let loaded = sessions.load(&record.id).await.unwrap().expect("it is there");
    assert_eq!((&loaded.data, loaded.expiry_date), (&record.data, record.expiry_date));
    let (key, owner): (String, Option<i64>) =
        sqlx::query_as("select session_id, subscriber_id from session").fetch_one(&portal.database.app).await.unwrap();
    assert_ne!(key, record.id.to_string(), "the table alone lets nobody in");
    assert_eq!(owner, Some(subscriber));

    portal.clock.advance(TimeDelta::minutes(30));
    assert!(sessions.load(&record.id).await.unwrap().is_none(), "after half an hour it is over");
    assert_eq!(remove_expired(&portal.database.app, portal.clock.now()).await.unwrap(), 1);
    portal.database.drop().await;
}

#[tokio::test]
async fn what_caches_may_share_carries_nobodys_cookie() {
    let portal = Portal::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pkg")).unwrap();
    std::fs::write(folder.path().join("hash.txt"), "js: 1\n").unwrap();
    std::fs::write(folder.path().join("pkg/mingbai.1.js"), "export {}").unwrap();
    let subscriber = portal.add_subscriber().await;
    let mut record = portal.record(Some(subscriber));
    record.expiry_date = OffsetDateTime::now_utc() + Duration::minutes(30);
    portal.sessions().create(&mut record).await.unwrap();
    let router = portal.router(false, Site::at(folder.path().to_owned()));
    let ask = async |path: &str| {
        let mut request = get(path);
        request.headers_mut().insert("cookie", format!("mingbai={}", record.id).parse().unwrap());
        router.clone().oneshot(request).await.unwrap()
    };
    let file = ask("/pkg/mingbai.1.js").await;
    assert_eq!(file.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert!(!file.headers().contains_key("set-cookie"));
    assert!(!ask("/tariffs.json").await.headers().contains_key("set-cookie"));
    let page = ask("/").await;
    assert!(page.headers().contains_key("set-cookie"), "a page prolongs the session");
    assert!(page.headers()["cache-control"].to_str().unwrap().contains("private"));
    portal.database.drop().await;
}

#[tokio::test]
async fn a_session_that_was_ended_is_not_brought_back_by_a_request_still_running() {
    let portal = Portal::new().await;
    let sessions = portal.sessions();
    let mut record = portal.record(None);
    sessions.create(&mut record).await.unwrap();
    sessions.delete(&record.id).await.unwrap();
    sessions.save(&record).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_none());
    portal.database.drop().await;
}

#[tokio::test]
async fn two_sessions_never_share_an_id() {
    let portal = Portal::new().await;
    let sessions = portal.sessions();
    let mut first = portal.record(None);
    sessions.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..portal.record(None) };
    sessions.create(&mut second).await.unwrap();
    assert_ne!(first.id, second.id);
    portal.database.drop().await;
}
