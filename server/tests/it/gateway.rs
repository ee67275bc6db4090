//! The gateway's wire format, against a gateway that shares no code with it and behaves badly.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use charging::clock::{Clock as _, ManualClock};
use charging::demo::gateway as books;
use charging::testing::TestDatabase;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use server::demo::gateway::{Nature, Simulator};
use server::gateway::wechat::{NotTaken, WechatPay};
use server::gateway::{
    Event, Gateway as _, GatewayError, NewPayment, NewRefund, Original, PaymentState, Refund, RefundState,
};
use server::gateway::{StatementKind, Way};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const PAY_URL: &str = "https://mingbai.example";

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00+08:00".parse().unwrap()
}

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

type Told = (HeaderMap, Bytes);

/// Takes down what it is told, and says that it took it.
async fn listen() -> (String, UnboundedReceiver<Told>) {
    let (sender, receiver) = unbounded_channel();
    let take = async |State(sender): State<UnboundedSender<Told>>, headers: HeaderMap, body: Bytes| {
        sender.send((headers, body)).unwrap();
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let routes = Router::new().route("/notify", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, receiver)
}

struct World {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    simulator: Simulator,
    gateway: WechatPay,
    told: UnboundedReceiver<Told>,
}

impl World {
    async fn new(fail_percent: u8, twice_percent: u8) -> Self {
        let database = TestDatabase::create().await;
        let clock = Arc::new(ManualClock::new(noon()));
        let refund_takes = TimeDelta::seconds(1);
        let nature = Nature { fail_percent, twice_percent, refund_takes, pay_url: PAY_URL.to_owned(), seed: 1 };
        let simulator = Simulator::start(database.app.clone(), clock.clone(), nature).await.unwrap();
        let (notify_url, told) = listen().await;
        let gateway = WechatPay::new(simulator.account().unwrap(), notify_url, clock.clone()).unwrap();
        Self { database, clock, simulator, gateway, told }
    }

    fn payment(number: &str, way: Way) -> NewPayment<'_> {
        let expires_at = noon() + TimeDelta::minutes(15);
        NewPayment { number, amount: yuan("50.00"), description: "话费充值", expires_at, way }
    }

    fn refund<'a>(number: &'a str, amount: &str) -> NewRefund<'a> {
        NewRefund {
            number,
            of: Original::Ours("MB0001"),
            amount: yuan(amount),
            paid: yuan("50.00"),
            reason: "多扣费用",
        }
    }

    /// Prepares a payment, and pays it.
    async fn pay(&self, number: &str) {
        let url = self.gateway.prepare(&Self::payment(number, Way::Code)).await.unwrap();
        let prepay_id = url.strip_prefix("https://mingbai.example/demo/pay/").unwrap();
        let mut db = self.database.app.acquire().await.unwrap();
        assert!(books::pay(&mut db, prepay_id, self.clock.now()).await.unwrap());
        assert!(!books::pay(&mut db, prepay_id, self.clock.now()).await.unwrap(), "it is paid once");
    }

    async fn end(self) {
        self.simulator.stop().await;
        drop(self.gateway);
        self.database.drop().await;
    }
}

#[tokio::test]
async fn a_payment_is_prepared_paid_told_and_asked_after() {
    let mut world = World::new(0, 0).await;
    assert_eq!(world.gateway.payment("MB0001").await.unwrap(), None);
    world.pay("MB0001").await;
    let Some(PaymentState::Paid(paid)) = world.gateway.payment("MB0001").await.unwrap() else { panic!("not paid") };
    assert_eq!((paid.number.as_str(), paid.amount, paid.paid_at), ("MB0001", yuan("50.00"), noon()));
    let (headers, body) = world.told.recv().await.unwrap();
    assert_eq!(world.gateway.event(&headers, &body).await.unwrap(), Some(Event::Paid(paid)));
    let refused = world.gateway.close("MB0001").await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { .. }), "{refused}");
    world.end().await;
}

#[tokio::test]
async fn a_payment_is_prepared_again_as_the_same_and_closed() {
    let world = World::new(0, 0).await;
    let link = World::payment("MB0002", Way::Link { payer: "203.0.113.7".parse().unwrap() });
    let url = world.gateway.prepare(&link).await.unwrap();
    assert_eq!(world.gateway.prepare(&link).await.unwrap(), url);
    let other = NewPayment { amount: yuan("51.00"), ..link.clone() };
    assert!(world.gateway.prepare(&other).await.unwrap_err().is_final());
    assert_eq!(world.gateway.payment("MB0002").await.unwrap(), Some(PaymentState::Waiting));
    for _ in 0..2 {
        world.gateway.close("MB0002").await.unwrap();
    }
    assert_eq!(world.gateway.payment("MB0002").await.unwrap(), Some(PaymentState::Closed));
    assert!(world.gateway.prepare(&link).await.is_err());
    let less = NewPayment { amount: yuan("0.001"), ..link };
    assert!(matches!(world.gateway.prepare(&less).await, Err(GatewayError::Amount(_))));
    world.end().await;
}

#[tokio::test]
async fn what_was_paid_goes_back_in_parts_once_each_and_never_more() {
    let mut world = World::new(0, 0).await;
    world.pay("MB0001").await;
    world.told.recv().await.unwrap();
    assert_eq!(world.gateway.refund_state("MBR1").await.unwrap(), None);
    let first = world.gateway.refund(&World::refund("MBR1", "30.00")).await.unwrap();
    assert_eq!((first.state, first.amount), (RefundState::Processing, yuan("30.00")));
    assert_eq!(world.gateway.refund(&World::refund("MBR1", "30.00")).await.unwrap(), first, "the same again");
    assert!(world.gateway.refund(&World::refund("MBR1", "20.00")).await.unwrap_err().is_final());
    // Whoever wrote the request may put that right: it ends nothing.
    let too_much = world.gateway.refund(&World::refund("MBR2", "20.01")).await.unwrap_err();
    assert!(matches!(too_much, GatewayError::Refused { is_final: false, .. }), "{too_much}");
    world.gateway.refund(&World::refund("MBR2", "20.00")).await.unwrap();
    assert!(matches!(world.gateway.payment("MB0001").await.unwrap(), Some(PaymentState::Paid(_))), "it was paid");
    world.clock.advance(TimeDelta::seconds(1));
    let mut arrived = Vec::new();
    for _ in 0..2 {
        let (headers, body) = world.told.recv().await.unwrap();
        let Some(Event::Refund(refund)) = world.gateway.event(&headers, &body).await.unwrap() else {
            panic!("no refund")
        };
        assert_eq!(world.gateway.refund_state(&refund.number).await.unwrap(), Some(refund.clone()));
        arrived.push(refund.number);
    }
    arrived.sort();
    assert_eq!(arrived, ["MBR1", "MBR2"]);
    world.end().await;
}

#[tokio::test]
async fn a_callback_that_was_altered_or_is_old_or_of_another_is_not_taken() {
    let mut world = World::new(0, 0).await;
    world.pay("MB0001").await;
    let (headers, body) = world.told.recv().await.unwrap();
    let altered = [&body[..], b" "].concat();
    assert!(matches!(world.gateway.event(&headers, &altered).await, Err(NotTaken::NotGenuine(_))));
    let mut unsigned = headers.clone();
    unsigned.remove("wechatpay-signature");
    assert!(matches!(world.gateway.event(&unsigned, &body).await, Err(NotTaken::NotGenuine(_))));
    let mut unknown = headers.clone();
    unknown.insert("wechatpay-serial", "PUB_KEY_ID_OTHER".parse().unwrap());
    assert!(matches!(world.gateway.event(&unknown, &body).await, Err(NotTaken::NotGenuine(_))));
    assert!(world.gateway.event(&headers, &body).await.is_ok(), "replayed at once: it is for its receiver to see");
    world.clock.advance(TimeDelta::minutes(6));
    assert!(matches!(world.gateway.event(&headers, &body).await, Err(NotTaken::NotGenuine(_))));
    world.end().await;
}

#[tokio::test]
async fn the_statement_of_a_day_says_what_was_paid_and_what_went_back() {
    let world = World::new(0, 0).await;
    world.pay("MB0001").await;
    let Refund { gateway_number, .. } = world.gateway.refund(&World::refund("MBR1", "30.00")).await.unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    assert!(world.gateway.statement(day).await.unwrap().unwrap().lines.is_empty(), "the day is not over");
    world.clock.advance(TimeDelta::hours(1));
    books::arrive(&mut world.database.app.acquire().await.unwrap(), world.clock.now()).await.unwrap();
    world.clock.advance(TimeDelta::days(1));
    let statement = world.gateway.statement(day).await.unwrap().unwrap();
    let lines: Vec<_> = statement.lines.iter().map(|line| (line.kind, line.number.as_str(), line.amount)).collect();
    let expected = [(StatementKind::Payment, "MB0001", yuan("50.00")), (StatementKind::Refund, "MBR1", yuan("30.00"))];
    assert_eq!(lines, expected);
    assert_eq!(statement.lines[1].gateway_number, gateway_number);
    world.end().await;
}

#[tokio::test]
async fn a_gateway_that_fails_and_repeats_itself_gives_back_once() {
    let mut world = World::new(40, 40).await;
    let url = loop {
        match world.gateway.prepare(&World::payment("MB0001", Way::Code)).await {
            Ok(url) => break url,
            Err(error) => assert!(!error.is_final(), "{error}"),
        }
    };
    let mut db = world.database.app.acquire().await.unwrap();
    assert!(books::pay(&mut db, url.rsplit('/').next().unwrap(), world.clock.now()).await.unwrap());
    for number in 0..25 {
        let number = format!("MBR{number}");
        let refund = World::refund(&number, "2.00");
        while let Err(error) = world.gateway.refund(&refund).await {
            assert!(!error.is_final(), "{error}");
            // Whether it was done is asked before it is sent again.
            if let Ok(Some(done)) = world.gateway.refund_state(&number).await {
                assert_eq!(done.amount, yuan("2.00"));
                break;
            }
        }
    }
    let paid = books::payment(&mut db, "MB0001").await.unwrap().unwrap();
    assert_eq!(paid.refunded_fen, paid.fen, "each went back, once");
    drop(db);
    let mut told = std::collections::HashSet::new();
    while told.len() < 25 {
        world.clock.advance(TimeDelta::seconds(1));
        let (headers, body) = world.told.recv().await.unwrap();
        if let Ok(Some(Event::Refund(refund))) = world.gateway.event(&headers, &body).await {
            told.insert(refund.number);
        }
    }
    world.end().await;
}
