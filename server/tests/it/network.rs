//! Who may use the interfaces of the network, and that many who ask at once are all answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use app::state::AppState;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, WWW_AUTHENTICATE};
use axum::http::{Request, Response, StatusCode};
use charging::clock::ManualClock;
use charging::clock::start_of_day;
use charging::testing::TestDatabase;
use futures::future::join_all;
use serde_json::{Value, json};
use server::demo;
use server::network::{Access, Settings};
use server::web::{self, Site, options};
use tower::ServiceExt as _;

const PATH: &str = "/nchf-convergedcharging/v3/chargingdata";
const FOLLOW_PATH: &str = "/nchf-spendinglimitcontrol/v1/subscriptions";
const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "192.0.2.7";

fn router(database: &TestDatabase, access: Access) -> Router {
    let site = Site::find();
    let state = AppState {
        pool: database.app.clone(),
        clock: Arc::new(ManualClock::new(start_of_day("2026-11-20".parse().unwrap()))),
        demo: false,
        calls: false,
        payments: false,
        staff_key: None,
        secure: false,
        leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
    };
    let network = Settings { access, public_url: "https://mingbai.example".to_owned() };
    web::router(state, &web::Settings { secure: false, site, network, call_key: None, gateway: None })
}

fn message(msisdn: &str, charging_id: u32, sequence: u32, units: Value) -> Value {
    json!({
        "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
        "invocationTimeStamp": "2026-11-20T00:00:00Z",
        "invocationSequenceNumber": sequence,
        "multipleUnitUsage": units,
        "pDUSessionChargingInformation": {
            "chargingId": charging_id, "userInformation": {"servedGPSI": format!("msisdn-86{msisdn}")}},
    })
}

fn post(path: &str, from: &str, body: &Value) -> Request<Body> {
    let mut request = Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .header(HOST, "chf.example:3000")
        .body(Body::from(body.to_string()))
        .unwrap();
    let peer = SocketAddr::new(from.parse::<IpAddr>().unwrap(), 4711);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

async fn body(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1024 * 1024).await.unwrap()).unwrap()
}

#[tokio::test]
async fn only_the_network_may_ask() {
    let database = TestDatabase::create().await;
    let open = router(&database, Access::new(Some(""), false));
    let closed = router(&database, Access::new(Some("secret"), true));
    let behind = router(&database, Access::new(None, true));
    let ask = async |router: &Router, from: &str, token: Option<&str>| {
        let mut request = post(PATH, from, &message("13900000000", 1, 0, json!([])));
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        router.clone().oneshot(request).await.unwrap()
    };
    // 404: it was let in, and nobody has the number.
    assert_eq!(ask(&open, HERE, None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&open, "::ffff:127.0.0.1", None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&open, ELSEWHERE, None).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(ask(&open, ELSEWHERE, Some("secret")).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(ask(&closed, ELSEWHERE, Some("secret")).await.status(), StatusCode::NOT_FOUND);
    for (from, token) in [(HERE, None), (HERE, Some("other")), (ELSEWHERE, Some(""))] {
        let refused = ask(&closed, from, token).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(refused.headers()[CONTENT_TYPE], "application/problem+json");
    }
    assert_eq!(ask(&behind, HERE, None).await.status(), StatusCode::FORBIDDEN);
    for relayed in ["x-forwarded-for", "forwarded", "origin"] {
        let mut request = post(PATH, HERE, &message("13900000000", 1, 0, json!([])));
        request.headers_mut().insert(relayed, "192.0.2.7".parse().unwrap());
        assert_eq!(open.clone().oneshot(request).await.unwrap().status(), StatusCode::FORBIDDEN, "{relayed}");
    }
    let nobody = body(ask(&open, HERE, None).await).await;
    assert_eq!(nobody["cause"], "USER_UNKNOWN");
    let patch = Request::patch(PATH).extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
    let refused = open.clone().oneshot(patch.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()[ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
    );
    assert_eq!(refused.headers()[CONTENT_TYPE], "application/problem+json");
    let long = json!({"notifyUri": "x".repeat(300_000)});
    let refused = open.clone().oneshot(post(PATH, HERE, &long)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body(refused).await["status"], 413);
    let follow = json!({"gpsi": "msisdn-8613900000000", "notifUri": "http://pcf.example/slc"});
    let refused = open.clone().oneshot(post(FOLLOW_PATH, ELSEWHERE, &follow)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let unknown = open.clone().oneshot(post(FOLLOW_PATH, HERE, &follow)).await.unwrap();
    assert_eq!(
        (unknown.status(), body(unknown).await["cause"].clone()),
        (StatusCode::BAD_REQUEST, "USER_UNKNOWN".into())
    );
    database.drop().await;
}

#[tokio::test]
async fn many_sessions_at_once_are_each_answered_and_charged() {
    let database = TestDatabase::create().await;
    let now = start_of_day("2026-11-20".parse().unwrap());
    demo::load(&database.app, now, 4, |_, _| ()).await.unwrap();
    let numbers: Vec<String> = sqlx::query_scalar("select msisdn from subscriber order by subscriber_id")
        .fetch_all(&database.app)
        .await
        .unwrap();
    let before: i64 = sqlx::query_scalar("select count(*) from usage_record").fetch_one(&database.app).await.unwrap();
    let router = router(&database, Access::new(None, false));
    let session = async |index: usize| {
        let number = &numbers[index % numbers.len()];
        let charging_id = u32::try_from(index).unwrap();
        let upf = "4947a69a-f61b-4bc1-b9da-47c9c5d14b64";
        let asks = json!([{"ratingGroup": 10, "requestedUnit": {"totalVolume": 1_048_576}, "uPFID": upf}]);
        let request = post(PATH, HERE, &message(number, charging_id, 0, asks));
        let created = router.clone().oneshot(request).await.unwrap();
        assert_eq!(created.status(), StatusCode::CREATED);
        let location = created.headers()[LOCATION].to_str().unwrap().to_owned();
        assert_eq!(body(created).await["multipleUnitInformation"][0]["uPFID"], upf);
        let path = location.strip_prefix("http://chf.example:3000").unwrap().to_owned();
        let used = json!([{"ratingGroup": 10, "usedUnitContainer": [{"localSequenceNumber": 1, "uplinkVolume": 1000,
            "downlinkVolume": 24}]}]);
        let updated = post(&format!("{path}/update"), HERE, &message(number, charging_id, 1, used));
        let updated = router.clone().oneshot(updated).await.unwrap();
        assert_eq!(updated.status(), StatusCode::OK);
        assert_eq!(body(updated).await["multipleUnitInformation"][0]["resultCode"], "SUCCESS");
        let end = post(&format!("{path}/release"), HERE, &message(number, charging_id, 2, json!([])));
        assert_eq!(router.clone().oneshot(end).await.unwrap().status(), StatusCode::NO_CONTENT);
    };
    join_all((0..64).map(session)).await;
    let after: i64 = sqlx::query_scalar("select count(*) from usage_record").fetch_one(&database.app).await.unwrap();
    assert_eq!(after - before, 64);
    let held: i64 =
        sqlx::query_scalar("select sum(reserved)::bigint from allowance").fetch_one(&database.app).await.unwrap();
    assert_eq!(held, 0);
    let report = charging::audit::audit(&database.app, None, || ()).await.unwrap();
    assert_eq!(report.differences, 0, "{:#?}", report.described);
    database.drop().await;
}
