//! Calls: handed over once, signed, by day; and how they ended, from nobody but the call-out service.

use std::sync::{Arc, Mutex};

use app::state::AppState;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use charging::clock::{Clock as _, ManualClock};
use charging::notice::quiet::Hours;
use charging::testing::TestDatabase;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use server::call::{Caller, Key, STATUS_PATH, Service, Settings};
use server::network::{self, Access};
use server::web::{self, Site, options, router};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const CALLBACK: &str = "https://mingbai.example/calls/status";

fn key(secret: &str) -> Key {
    secret.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00+08:00".parse().unwrap()
}

/// What a call-out service got, and what it answers next, the last first; then 202.
#[derive(Clone, Default)]
struct CallOut {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

impl CallOut {
    async fn listen(&self) -> String {
        let take = async |State(service): State<Self>, headers: HeaderMap, body: Bytes| {
            service.got.lock().unwrap().push((headers, body));
            service.answers.lock().unwrap().pop().unwrap_or(StatusCode::ACCEPTED)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/calls", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        format!("http://{address}/calls")
    }

    /// Everything it got, each signed as it should be.
    fn calls(&self, at: DateTime<Utc>) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        got.iter()
            .map(|(headers, body)| {
                assert_eq!(key(SECRET).verify(headers, body, at), Ok(()));
                let call: Value = serde_json::from_slice(body).unwrap();
                assert_eq!(headers["webhook-id"], call["call_id"].as_str().unwrap());
                call
            })
            .collect()
    }
}

struct World {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    state: AppState,
    subscriber_id: i64,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let clock = Arc::new(ManualClock::new(noon()));
        let state = AppState {
            pool: database.app.clone(),
            clock: clock.clone(),
            demo: false,
            calls: true,
            payments: false,
            staff_key: None,
            secure: false,
            leptos_options: options(&Site::find(), "127.0.0.1:3000".parse().unwrap()),
        };
        let add = "with number as (insert into msisdn (msisdn) values ('13800000001') returning subscriber_id, msisdn)
            insert into subscriber (subscriber_id, msisdn, name, region, created_at)
            select subscriber_id, msisdn, '用户', '北京', now() from number returning subscriber_id";
        let subscriber_id = sqlx::query_scalar(add).fetch_one(&database.owner).await.unwrap();
        Self { database, clock, state, subscriber_id }
    }

    /// A call that is due now; its id.
    async fn call(&self, event: &str) -> String {
        let add = "insert into notice (subscriber_id, kind, event_key, channel, language, body, created_at, due_at, expires_at)
            values ($1, 'cap_state', $2, 'call', 'zh-CN', '您好，流量已停。', $3, $3, $3 + interval '24 hours') returning notice_id";
        let query = sqlx::query_scalar(add).bind(self.subscriber_id).bind(event).bind(self.clock.now());
        let notice_id: i64 = query.fetch_one(&self.database.app).await.unwrap();
        format!("call_{}_{notice_id}", self.subscriber_id)
    }

    async fn states(&self) -> Vec<(String, Option<String>)> {
        let states = "select state, last_error from notice order by notice_id";
        sqlx::query_as(states).fetch_all(&self.database.app).await.unwrap()
    }

    /// Whoever makes the calls, by the service at an address or else the simulator.
    fn caller(&self, url: Option<String>) -> Caller {
        let service = url.map(|url| Service { url, key: key(SECRET) });
        Caller::new(&self.state, Settings { hours: Hours::WAKING, service }, CALLBACK.to_owned()).unwrap()
    }

    async fn tell(&self, call_key: Option<Key>, headers: HeaderMap, body: Vec<u8>) -> StatusCode {
        let public_url = "https://mingbai.example".to_owned();
        let network = network::Settings { access: Access::new(None, false), public_url };
        let settings = web::Settings { secure: false, site: Site::find(), network, call_key, gateway: None };
        let mut request = Request::post(STATUS_PATH).body(Body::from(body)).unwrap();
        request.headers_mut().extend(headers);
        router(self.state.clone(), &settings).oneshot(request).await.unwrap().status()
    }

    /// Tells how a call ended, signed with a secret at an instant.
    async fn ended(&self, body: &Value, secret: &str, at: DateTime<Utc>) -> StatusCode {
        let body = body.to_string().into_bytes();
        let headers = key(secret).sign("status_1", at, &body).unwrap();
        self.tell(Some(key(SECRET)), headers, body).await
    }

    async fn end(self) {
        let Self { database, state, .. } = self;
        drop(state);
        database.drop().await;
    }
}

fn told(state: &str, error: Option<&str>) -> (String, Option<String>) {
    (state.to_owned(), error.map(str::to_owned))
}

#[tokio::test]
async fn a_call_is_handed_over_until_it_is_taken_under_the_same_id() {
    let world = World::new().await;
    let service = CallOut::default();
    let caller = world.caller(Some(service.listen().await));
    service.answers.lock().unwrap().push(StatusCode::INTERNAL_SERVER_ERROR);
    let id = world.call("one").await;
    caller.run().await.unwrap();
    assert_eq!(world.states().await, [told("queued", Some("500 Internal Server Error"))]);
    caller.run().await.unwrap();
    assert_eq!(service.calls(noon()).len(), 1, "it waits before it tries again");
    world.clock.advance(TimeDelta::seconds(5));
    for _ in 0..3 {
        caller.run().await.unwrap();
    }
    assert_eq!(world.states().await, [told("sent", None)]);
    let call = json!({
        "call_id": id, "to": "+8613800000001", "language": "zh-CN", "text": "您好，流量已停。", "callback_url": CALLBACK,
        "ring_before": "2026-11-20T14:00:00Z",
    });
    assert_eq!(service.calls(noon()), [call.clone(), call]);
    world.end().await;
}

#[tokio::test]
async fn what_the_service_never_takes_is_given_up() {
    let world = World::new().await;
    let service = CallOut::default();
    let caller = world.caller(Some(service.listen().await));
    service.answers.lock().unwrap().push(StatusCode::UNPROCESSABLE_ENTITY);
    world.call("refused").await;
    caller.run().await.unwrap();
    assert_eq!(world.states().await, [told("given_up", Some("422 Unprocessable Entity"))]);
    world.end().await;
}

#[tokio::test]
async fn no_phone_rings_at_night_and_none_a_day_late() {
    let world = World::new().await;
    let service = CallOut::default();
    let caller = world.caller(Some(service.listen().await));
    world.clock.set("2026-11-20T22:00:00+08:00".parse().unwrap());
    world.call("at night").await;
    for time in ["2026-11-20T22:00:00+08:00", "2026-11-21T07:59:59+08:00"] {
        world.clock.set(time.parse().unwrap());
        caller.run().await.unwrap();
        assert!(service.calls(world.clock.now()).is_empty(), "{time}");
    }
    world.clock.set("2026-11-21T08:00:00+08:00".parse().unwrap());
    caller.run().await.unwrap();
    let calls = service.calls(world.clock.now());
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["ring_before"], "2026-11-21T14:00:00Z", "until it expires, and not into the next night");
    world.call("too late").await;
    world.clock.advance(TimeDelta::hours(24));
    caller.run().await.unwrap();
    assert_eq!(world.states().await, [told("undelivered", Some("not_told")), told("given_up", Some("too late"))]);
    world.end().await;
}

#[tokio::test]
async fn how_a_call_ended_is_noted_once() {
    let world = World::new().await;
    let service = CallOut::default();
    let caller = world.caller(Some(service.listen().await));
    let (one, two) = (world.call("one").await, world.call("two").await);
    caller.run().await.unwrap();
    let answered = json!({"call_id": one, "status": "answered"});
    for _ in 0..2 {
        assert_eq!(world.ended(&answered, SECRET, noon()).await, StatusCode::NO_CONTENT);
    }
    let contradiction = json!({"call_id": one, "status": "busy"});
    assert_eq!(world.ended(&contradiction, SECRET, noon()).await, StatusCode::NO_CONTENT);
    assert_eq!(world.states().await, [told("delivered", None), told("sent", None)]);
    let no_answer = json!({"call_id": two, "status": "no_answer", "rang_seconds": 30});
    assert_eq!(world.ended(&no_answer, SECRET, noon()).await, StatusCode::NO_CONTENT);
    assert_eq!(world.states().await, [told("delivered", None), told("undelivered", Some("no_answer"))]);
    world.end().await;
}

#[tokio::test]
async fn a_call_of_which_nothing_is_told_is_given_up_and_a_late_word_still_counts() {
    let world = World::new().await;
    let service = CallOut::default();
    let caller = world.caller(Some(service.listen().await));
    let one = world.call("one").await;
    caller.run().await.unwrap();
    world.call("until the afternoon").await;
    let early = "update notice set expires_at = $1 where event_key = 'until the afternoon'";
    let query = sqlx::query(early).bind(noon() + TimeDelta::hours(3));
    query.execute(&world.database.owner).await.unwrap();
    caller.run().await.unwrap();
    let untold = || told("undelivered", Some("not_told"));
    // It might ring until ten at night, and the other until three; each is waited for an hour longer.
    for (time, states) in [
        ("2026-11-20T15:59:59+08:00", [told("sent", None), told("sent", None)]),
        ("2026-11-20T16:00:00+08:00", [told("sent", None), untold()]),
        ("2026-11-20T22:59:59+08:00", [told("sent", None), untold()]),
        ("2026-11-20T23:00:00+08:00", [untold(), untold()]),
    ] {
        world.clock.set(time.parse().unwrap());
        caller.run().await.unwrap();
        assert_eq!(world.states().await, states, "{time}");
    }
    for status in ["answered", "busy"] {
        let late = json!({"call_id": one, "status": status});
        assert_eq!(world.ended(&late, SECRET, world.clock.now()).await, StatusCode::NO_CONTENT);
        assert_eq!(world.states().await, [told("delivered", None), untold()]);
    }
    assert_eq!(service.calls(noon()).len(), 2, "nobody is called again");
    world.end().await;
}

#[tokio::test]
async fn nobody_else_can_tell_how_a_call_ended() {
    let world = World::new().await;
    let id = world.call("one").await;
    let answered = json!({"call_id": id, "status": "answered"});
    let before = world.states().await;
    assert_eq!(world.ended(&answered, OTHER_SECRET, noon()).await, StatusCode::UNAUTHORIZED);
    for minutes in [-6, 6] {
        let at = noon() + TimeDelta::minutes(minutes);
        assert_eq!(world.ended(&answered, SECRET, at).await, StatusCode::UNAUTHORIZED, "{minutes}");
    }
    let body = answered.to_string().into_bytes();
    assert_eq!(world.tell(Some(key(SECRET)), HeaderMap::new(), body.clone()).await, StatusCode::UNAUTHORIZED);
    let headers = key(SECRET).sign("status_1", noon(), &body).unwrap();
    let altered = answered.to_string().replace("answered", "refused").into_bytes();
    assert_eq!(world.tell(Some(key(SECRET)), headers.clone(), altered).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.tell(None, headers.clone(), body).await, StatusCode::NOT_FOUND, "without a service");
    let long = vec![b' '; 5000];
    assert_eq!(world.tell(Some(key(SECRET)), headers, long).await, StatusCode::PAYLOAD_TOO_LARGE);
    for (body, status) in [
        (json!({"call_id": "call_1_999999", "status": "answered"}), StatusCode::NOT_FOUND),
        (json!({"call_id": "nobody", "status": "answered"}), StatusCode::NOT_FOUND),
        (json!({"call_id": id, "status": "ringing"}), StatusCode::BAD_REQUEST),
        (json!({"call_id": id}), StatusCode::BAD_REQUEST),
        (json!([]), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(world.ended(&body, SECRET, noon()).await, status, "{body}");
    }
    assert_eq!(world.states().await, before);
    world.end().await;
}

#[tokio::test]
async fn in_the_demo_whoever_is_called_answers() {
    let world = World::new().await;
    world.call("one").await;
    world.caller(None).run().await.unwrap();
    assert_eq!(world.states().await, [told("delivered", None)]);
    world.end().await;
}
