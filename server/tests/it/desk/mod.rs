//! The staff's desk over HTTP: who gets in, how, and to what.

mod access;
mod board;
mod channels;
mod incidents;
mod sign_in;
mod tariffs;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use app::request::SUBSCRIBER_KEY;
use app::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, Response};
use charging::clock::{Clock as _, ManualClock};
use charging::staff::account::{add, find_by_login};
use charging::staff::enrolment::{enrol, invitation};
use charging::staff::{Actor, Login, Role, StaffKey};
use charging::subscriber::store::create;
use charging::subscriber::{Language, NewSubscriber, STANDARD_CAP_YUAN};
use charging::testing::TestDatabase;
use chrono::{DateTime, TimeDelta};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use server::demo::gateway::account;
use server::gateway::wechat::WechatPay;
use server::network;
use server::session_store::PostgresSessions;
use server::web::{Settings, Site, options, router};
use tower::ServiceExt as _;
use tower_sessions::SessionStore as _;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};

const PASSWORD: &str = "quiet river stone";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

struct Desk {
    db: TestDatabase,
    clock: Arc<ManualClock>,
    key: StaffKey,
    router: Router,
}

impl Desk {
    async fn new(demo: bool) -> Self {
        let db = TestDatabase::create().await;
        let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap()));
        let key = StaffKey::new(&[7; 32]);
        let site = Site::find();
        let state = AppState {
            pool: db.app.clone(),
            clock: clock.clone(),
            demo,
            calls: false,
            payments: true,
            staff_key: Some(key.clone()),
            secure: false,
            leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
        };
        let access = network::Access::new(Some("the token of the network"), false);
        let network = network::Settings { access, public_url: "https://mingbai.example".to_owned() };
        let call_key = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".parse().unwrap();
        let account = account("http://127.0.0.1:9".to_owned()).unwrap();
        let gateway = WechatPay::new(account, String::new(), clock.clone()).unwrap();
        let (call_key, gateway) = (Some(call_key), Some(Arc::new(gateway)));
        let router = router(state, &Settings { secure: false, site, network, call_key, gateway });
        Self { db, clock, key, router }
    }

    async fn close(self) {
        drop(self.router);
        self.db.drop().await;
    }

    /// Adds an account; the ticket of its link.
    async fn invite(&self, login: &str, roles: &[Role]) -> String {
        let login: Login = login.parse().unwrap();
        let mut tx = self.db.app.begin().await.unwrap();
        let new = (&login, login.as_str(), roles);
        let added = add(&mut tx, &self.key, &Actor::Engineer, new, self.clock.now()).await;
        tx.commit().await.unwrap();
        added.unwrap().1.ticket
    }

    /// Somebody who set up the account and is signed in: the cookie.
    async fn member(&self, login: &str, roles: &[Role]) -> String {
        let ticket = self.invite(login, roles).await;
        let now = self.clock.now();
        let rng = &mut StdRng::from_os_rng();
        let mut db = self.db.app.acquire().await.unwrap();
        let invited = invitation(&mut db, &self.key, &ticket, None, now, rng).await.unwrap().expect("the link works");
        let code = invited.factor.code(now);
        let token = enrol(&self.db.app, invited, PASSWORD, &code, HOME, now, rng).await;
        format!("{}={}", app::staff::COOKIE, token.unwrap().expect("the code is right"))
    }

    async fn id(&self, login: &str) -> i64 {
        let mut db = self.db.app.acquire().await.unwrap();
        find_by_login(&mut db, &login.parse().unwrap()).await.unwrap().expect("it is there")
    }

    /// The code that the authenticator of an account shows so many steps from now.
    async fn code(&self, login: &str, steps: i32) -> String {
        let sealed = "select totp_secret from staff where login = $1";
        let sealed: Vec<u8> = sqlx::query_scalar(sealed).bind(login).fetch_one(&self.db.app).await.unwrap();
        let secret = charging::staff::testing::open(&self.key, self.id(login).await, &sealed);
        let at = self.clock.now() + TimeDelta::seconds(30) * steps;
        charging::staff::totp::Factor::new(&secret, &login.parse().unwrap()).unwrap().code(at)
    }

    /// The cookie of a signed-in subscriber.
    async fn subscriber(&self) -> String {
        let new = NewSubscriber {
            msisdn: "13800000001".parse().unwrap(),
            name: "张三".to_owned(),
            region: "北京".to_owned(),
            language: Language::Chinese,
            cap: STANDARD_CAP_YUAN,
            channel_id: "import".to_owned(),
        };
        let mut tx = self.db.app.begin().await.unwrap();
        let id = create(&mut tx, &new, self.clock.now()).await.unwrap().subscriber_id;
        tx.commit().await.unwrap();
        // tower-sessions asks the machine's clock, and ours is another.
        let expiry_date = OffsetDateTime::now_utc() + Duration::days(365);
        let data = [(SUBSCRIBER_KEY.to_owned(), id.into())].into_iter().collect();
        let mut record = Record { id: Id::default(), data, expiry_date };
        PostgresSessions::new(self.db.app.clone(), self.clock.clone()).create(&mut record).await.unwrap();
        format!("mingbai={}", record.id)
    }

    async fn get(&self, cookie: &str, path: &str) -> Response<Body> {
        let request = Request::get(path).header("host", "mingbai.example").header(COOKIE, cookie);
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn post(&self, cookie: &str, path: &str, form: &str) -> Response<Body> {
        let request = Request::post(path)
            .header("host", "mingbai.example")
            .header("origin", "https://mingbai.example")
            .header("accept", "text/html")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, cookie);
        self.router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap()
    }
}

fn location(response: &Response<Body>) -> &str {
    response.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap())
}

/// The cookie that an answer gave to the browser.
fn given(response: &Response<Body>) -> Option<String> {
    let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let mut own = cookies.filter(|cookie| cookie.starts_with("mingbai_") && !cookie.contains("=;"));
    own.next().and_then(|cookie| cookie.split(';').next()).map(str::to_owned)
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1024 * 1024).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
