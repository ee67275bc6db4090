//! Money through a gateway, from the page to the books: paid once, given back once, whatever the gateway does meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::world::{PLAN, World, at, now};
use app::request::SUBSCRIBER_KEY;
use app::state::AppState;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Request, StatusCode};
use charging::bill::run::run;
use charging::clock::{Clock as _, ManualClock};
use charging::demo::gateway as books;
use charging::payment::balance::balance;
use charging::payment::due::arrears;
use charging::reconciliation::What;
use charging::reconciliation::view::{differences, statements};
use charging::refund::{ImportedCharge, NewRefund, Of, Reason, RefundState, Route, desk, view};
use charging::staff::{Actor, Member, Role};
use chrono::{Days, NaiveDate, TimeDelta};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use server::demo::gateway::{Nature, Simulator};
use server::gateway::wechat::WechatPay;
use server::gateway::{Cashier, Gateway, GatewayError, NOTIFY_PATH, NewPayment, PaymentState, Refund, Statement};
use server::network;
use server::session_store::PostgresSessions;
use server::web::{Settings, Site, options, router};
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tower_sessions::SessionStore as _;
use tower_sessions::cookie::time::{self, OffsetDateTime};
use tower_sessions::session::{Id, Record};

/// A subscriber with a closed bill of 59.00 for September and 10.00 once, and a portal that takes payments.
struct Shop {
    world: World,
    clock: Arc<ManualClock>,
    router: Router,
    simulator: Simulator,
    cashier: Cashier,
    a: i64,
    cookie: String,
}

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

impl Shop {
    /// `hears`: whether callbacks reach the portal.
    async fn new(fail_percent: u8, twice_percent: u8, hears: bool) -> Self {
        let world = World::new().await;
        let clock = Arc::new(ManualClock::new(now()));
        let a = world.subscriber(1).await;
        world.has(a, PLAN, at("2026-09-01T00:00:00+08:00")).await;
        // Whoever is here has been told of the first charge.
        sqlx::query("delete from first_charge").execute(&world.db.owner).await.unwrap();
        let closed = run(&world.db.app, "2026-09".parse().unwrap(), &ManualClock::new(now()), |_| ()).await.unwrap();
        assert_eq!((closed.bills, closed.refused.len()), (1, 0), "{closed:?}");
        let pay_url = "https://mingbai.example".to_owned();
        let nature = Nature { fail_percent, twice_percent, refund_takes: TimeDelta::seconds(1), pay_url, seed: 7 };
        let simulator = Simulator::start(world.db.app.clone(), clock.clone(), nature).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = if hears { listener.local_addr().unwrap().port() } else { 9 };
        let notify_url = format!("http://127.0.0.1:{port}{NOTIFY_PATH}");
        let gateway = WechatPay::new(simulator.account().unwrap(), notify_url, clock.clone()).unwrap();
        let gateway = Arc::new(gateway);
        let cashier = Cashier::new(world.db.app.clone(), clock.clone(), gateway.clone());
        let site = Site::find();
        let state = AppState {
            pool: world.db.app.clone(),
            clock: clock.clone(),
            demo: true,
            calls: false,
            payments: true,
            staff_key: None,
            secure: false,
            leptos_options: options(&site, "127.0.0.1:3000".parse().unwrap()),
        };
        let network = network::Settings {
            access: network::Access::new(None, false),
            public_url: "https://mingbai.example".to_owned(),
        };
        let settings = Settings { secure: false, site, network, call_key: None, gateway: Some(gateway) };
        let router = router(state, &settings);
        let served = router.clone();
        tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        let cookie = sign_in(&world, &clock, a).await;
        Self { world, clock, router, simulator, cashier, a, cookie }
    }

    async fn page(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "mingbai.example").header(COOKIE, &self.cookie);
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(to_bytes(response.into_body(), 4 * 1024 * 1024).await.unwrap().to_vec()).unwrap()
    }

    /// Sends a form, and returns where that leads.
    async fn post(&self, function: &str, form: &str) -> String {
        let request = Request::post(format!("/api/{function}"))
            .header("host", "mingbai.example")
            .header("accept", "text/html")
            .header(COOKIE, &self.cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.router.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        assert!(response.status().is_redirection(), "{function}: {form}");
        response.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    async fn tell(&self, body: Vec<u8>) -> StatusCode {
        let request = Request::post(NOTIFY_PATH).body(Body::from(body)).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    async fn text(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.world.db.owner).await.unwrap()
    }

    /// Asks for a payment by the page, has it prepared, and pays it as its subscriber would.
    async fn pay(&self, form: &str) -> String {
        let page = self.post("pay", form).await;
        assert!(page.starts_with("/me/pay/"), "{page}");
        while !self
            .text("select payment_id::text from payment_preparation where url is null and due_at < 'infinity'")
            .await
            .is_empty()
        {
            self.cashier.payments().await.unwrap();
            self.clock.advance(TimeDelta::seconds(5));
        }
        let url = self.text("select url from payment_preparation order by payment_id desc limit 1").await.remove(0);
        let prepay_id = url.rsplit('/').next().unwrap();
        assert_eq!(self.post("demo_pay", &format!("prepay_id={prepay_id}")).await, format!("/demo/pay/{prepay_id}"));
        page
    }

    /// Until all of it is so, while the gateway tells what it has to tell.
    async fn until(&self, sql: &'static str, expected: &[&str]) {
        for _ in 0..200 {
            if self.text(sql).await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.clock.advance(TimeDelta::milliseconds(500));
        }
        assert_eq!(self.text(sql).await, expected);
    }

    /// A refund of a line that one of the staff asks for, and another lets go.
    async fn refund(&self, line_no: i32, amount: &str) {
        self.refund_of(Of::Line { month: "2026-09".parse().unwrap(), line_no }, amount).await;
    }

    async fn refund_of(&self, of: Of, amount: &str) {
        let mut tx = self.world.db.app.begin().await.unwrap();
        let (amount, note) = (yuan(amount), String::new());
        let new = NewRefund { subscriber_id: self.a, of, amount, reason: Reason::Goodwill, note, dispute_id: None };
        let refund_id = desk::ask(&mut tx, &staff(1, "li.na", Role::Agent), &new, self.clock.now()).await.unwrap();
        let rng = &mut StdRng::seed_from_u64(refund_id.unsigned_abs());
        let lead = staff(2, "wang.li", Role::AgentLead);
        desk::approve(&mut tx, &lead, self.a, refund_id, rng, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn staff(&self) {
        let add =
            "insert into staff (login, name, created_at) values ('li.na', '李娜', now()), ('wang.li', '王丽', now())";
        sqlx::query(add).execute(&self.world.db.owner).await.unwrap();
    }

    /// A cashier who speaks to another gateway.
    fn cashier_of(&self, gateway: Says) -> Cashier {
        Cashier::new(self.world.db.app.clone(), self.clock.clone(), Arc::new(gateway))
    }

    async fn end(self) {
        self.simulator.stop().await;
        let Self { world, router, cashier, .. } = self;
        drop((router, cashier));
        world.db.drop().await;
    }
}

fn staff(staff_id: i64, login: &str, role: Role) -> Actor {
    let member = Member { staff_id, login: login.parse().unwrap(), name: login.to_owned(), roles: vec![role] };
    Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) }
}

async fn sign_in(world: &World, clock: &Arc<ManualClock>, subscriber_id: i64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(clock.now().timestamp()).unwrap();
    let data = [(SUBSCRIBER_KEY.to_owned(), subscriber_id.into())].into_iter().collect();
    let mut record = Record { id: Id::default(), data, expiry_date: now + time::Duration::days(30) };
    let sessions = PostgresSessions::new(world.db.app.clone(), clock.clone());
    sessions.create(&mut record).await.unwrap();
    format!("mingbai={}", record.id)
}

const PAID: &str = "select state from payment order by payment_id";
const BILL: &str = "purpose=bill&amount=69.00&month=2026-09&way=code";

#[tokio::test]
async fn a_bill_is_paid_on_its_page_and_a_part_of_it_comes_back_the_way_it_was_paid() {
    let shop = Shop::new(0, 100, true).await;
    let bill = shop.page("/me/bills/2026-09").await;
    assert!(bill.contains("这张账单还要付") && bill.contains("付 ¥69.00"));
    let page = shop.pay(BILL).await;
    shop.until(PAID, &["paid"]).await;
    assert!(shop.page(&page).await.contains("付好了"));
    assert!(shop.page("/me/bills/2026-09").await.contains("这张账单付清了"));
    assert_eq!(arrears(&mut shop.world.db.app.acquire().await.unwrap(), shop.a).await.unwrap().total, Decimal::ZERO);

    shop.staff().await;
    shop.refund(1, "9.00").await;
    shop.cashier.refunds().await.unwrap();
    shop.until("select state from refund_part", &["confirmed"]).await;
    let balance_page = shop.page("/me/balance").await;
    assert!(balance_page.contains("已退回") && balance_page.contains("原路退回 ¥9.00"));
    let refunds = view::of_subscriber(&mut shop.world.db.app.acquire().await.unwrap(), shop.a, 9).await.unwrap();
    assert_eq!((refunds.len(), refunds[0].state), (1, RefundState::Confirmed));
    assert_eq!(shop.text("select refunded_fen::text from simulated_gateway.payment").await, ["900"]);
    shop.end().await;
}

#[tokio::test]
async fn what_the_page_does_not_offer_is_not_asked_for() {
    let shop = Shop::new(0, 0, true).await;
    for (form, problem) in [
        ("purpose=bill&amount=68.99&month=2026-09", "/me/bills/2026-09?problem=changed"),
        ("purpose=bill&amount=69.00&month=2026-08", "/me/bills/2026-08?problem=nothing_due"),
        ("purpose=top_up&amount=0.99", "/me/balance?problem=amount"),
        ("purpose=top_up&amount=own&own=50000.01", "/me/balance?problem=amount"),
        ("purpose=top_up&amount=own&own=1.001", "/me/balance?problem=amount"),
        ("purpose=gift&amount=50.00", "/me/balance?problem=amount"),
    ] {
        assert_eq!(shop.post("pay", form).await, problem, "{form}");
    }
    assert_eq!(shop.text(PAID).await, [""; 0]);
    let first = shop.post("pay", "purpose=top_up&amount=50.00&way=code").await;
    assert_eq!(shop.post("pay", "purpose=top_up&amount=50.00&way=code").await, first, "asked again it is the same");
    for own in 1..5 {
        let page = shop.post("pay", &format!("purpose=top_up&amount=own&own={own}&way=code")).await;
        assert!(page.starts_with("/me/pay/"), "{page}");
    }
    let sixth = shop.post("pay", "purpose=top_up&amount=own&own=6&way=code").await;
    assert_eq!(sixth, "/me/balance?problem=too_many");
    shop.end().await;
}

#[tokio::test]
async fn without_a_callback_it_is_asked_after_and_a_top_up_pays_bills_when_its_owner_says_so() {
    let shop = Shop::new(0, 0, false).await;
    shop.pay("purpose=top_up&amount=own&own=80&way=link").await;
    for _ in 0..4 {
        shop.clock.advance(TimeDelta::seconds(5));
        shop.cashier.payments().await.unwrap();
    }
    assert_eq!(shop.text(PAID).await, ["paid"]);
    let in_balance = async || balance(&mut shop.world.db.app.acquire().await.unwrap(), shop.a).await.unwrap();
    assert_eq!(in_balance().await, yuan("80.00"));
    assert_eq!(shop.post("pay_from_balance", "amount=68.00").await, "/me/balance?problem=changed");
    assert_eq!(in_balance().await, yuan("80.00"));
    assert_eq!(shop.post("pay_from_balance", "amount=69.00").await, "/me/balance?ok=from_balance");
    assert_eq!(in_balance().await, yuan("11.00"));
    assert_eq!(shop.post("auto_payment", "wanted=on").await, "/me/balance?ok=auto_on");
    assert!(shop.page("/me/balance").await.contains("关闭自动交费"));
    shop.end().await;
}

#[tokio::test]
async fn a_payment_that_nobody_makes_is_closed_there_and_here() {
    let shop = Shop::new(0, 0, true).await;
    let page = shop.post("pay", BILL).await;
    shop.cashier.payments().await.unwrap();
    assert!(shop.page(&page).await.contains("class=\"qr\""));
    shop.clock.advance(TimeDelta::minutes(31));
    shop.cashier.payments().await.unwrap();
    assert_eq!(shop.text(PAID).await, ["closed"]);
    assert_eq!(shop.text("select state from simulated_gateway.payment").await, ["CLOSED"]);
    assert!(shop.page(&page).await.contains("没有扣钱"));
    assert_eq!(
        shop.text(
            "select state from payment_event e join payment using (subscriber_id, payment_id) where what = 'closed'"
        )
        .await
        .len(),
        1
    );
    shop.end().await;
}

#[tokio::test]
async fn a_gateway_that_fails_and_a_server_that_is_killed_give_back_each_part_once() {
    let shop = Shop::new(30, 30, true).await;
    shop.pay(BILL).await;
    shop.until(PAID, &["paid"]).await;
    shop.staff().await;
    for _ in 0..30 {
        shop.refund(1, "1.50").await;
    }
    for round in 0..600_u64 {
        // Killed in the middle of whatever it is doing, later and later: a machine may be slow.
        let work = tokio::time::timeout(Duration::from_millis(20 + round * 7 % 60 + round), shop.cashier.refunds());
        if let Ok(worked) = work.await {
            worked.unwrap();
        }
        // What fails is tried again after longer and longer pauses.
        shop.clock.advance(TimeDelta::seconds(20) * i32::try_from(1 + round / 20).unwrap());
        let open = shop.text("select state from refund_part where state <> 'confirmed'").await;
        if open.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let states = "select state || ' ' || count(*) from refund_part group by state";
    assert_eq!(shop.text(states).await, ["confirmed 30"]);
    let there = "select count(*) || ' ' || sum(fen) from simulated_gateway.refund";
    assert_eq!(shop.text(there).await, ["30 4500"]);
    assert_eq!(shop.text("select refunded_fen::text from simulated_gateway.payment").await, ["4500"]);
    let moved = "select round(sum(amount), 2)::text from transfer where step = 'paid' and credit_account = 'gateway'";
    assert_eq!(shop.text(moved).await, ["45.00"]);
    shop.end().await;
}

#[tokio::test]
async fn the_statement_of_the_day_agrees_and_shows_what_does_not() {
    let shop = Shop::new(0, 0, true).await;
    shop.pay(BILL).await;
    shop.until(PAID, &["paid"]).await;
    shop.staff().await;
    shop.refund(1, "9.00").await;
    shop.cashier.refunds().await.unwrap();
    shop.until("select state from refund_part", &["confirmed"]).await;
    shop.cashier.statements().await.unwrap();
    let mut db = shop.world.db.app.acquire().await.unwrap();
    assert!(statements(&mut db, 9).await.unwrap().is_empty(), "the day is not over");
    shop.clock.advance(TimeDelta::hours(23));
    shop.cashier.statements().await.unwrap();
    shop.cashier.statements().await.unwrap();
    let fetched = statements(&mut db, 9).await.unwrap();
    let fetched: Vec<_> = fetched.iter().map(|one| (one.kind.as_str(), one.lines, one.total, one.open)).collect();
    assert_eq!(fetched, [("payment", 1, yuan("69.00"), 0), ("refund", 1, yuan("9.00"), 0)]);

    let strange = books::Remembered {
        out_trade_no: "P9-9-00000000".to_owned(),
        transaction_id: "4200000000000000000099".to_owned(),
        fen: 5,
        paid_at: shop.clock.now(),
    };
    books::remember(&mut db, &[strange]).await.unwrap();
    shop.clock.advance(TimeDelta::days(1));
    shop.cashier.statements().await.unwrap();
    let (found, total) = differences(&mut db, true, 1).await.unwrap();
    assert_eq!((total, found[0].what, found[0].amount_there), (1, What::MissingHere, Some(yuan("0.05"))));
    drop(db);
    shop.end().await;
}

/// A gateway that refuses every refund.
#[derive(Clone, Debug, Default)]
struct Says {
    refused_for_good: bool,
    /// What it has under whatever number it is asked about, in yuan.
    has: Option<Decimal>,
    /// The day whose statement makes no sense.
    unreadable: Option<NaiveDate>,
}

#[async_trait]
impl Gateway for Says {
    async fn prepare(&self, _: &NewPayment<'_>) -> Result<String, GatewayError> {
        Err(GatewayError::NoAnswer("it is silent".to_owned()))
    }

    async fn payment(&self, _: &str) -> Result<Option<PaymentState>, GatewayError> {
        Ok(None)
    }

    async fn payment_of_theirs(&self, _: &str) -> Result<Option<PaymentState>, GatewayError> {
        Ok(None)
    }

    async fn close(&self, _: &str) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn refund(&self, _: &server::gateway::NewRefund<'_>) -> Result<Refund, GatewayError> {
        let (code, message) = ("INVALID_REQUEST".to_owned(), "not so".to_owned());
        Err(GatewayError::Refused { status: 400, code, message, is_final: self.refused_for_good })
    }

    async fn refund_state(&self, number: &str) -> Result<Option<Refund>, GatewayError> {
        let (number, gateway_number) = (number.to_owned(), "5030".to_owned());
        let state = server::gateway::RefundState::Processing;
        Ok(self.has.map(|amount| Refund { number, gateway_number, amount, state }))
    }

    async fn statement(&self, day: NaiveDate) -> Result<Option<Statement>, GatewayError> {
        if self.unreadable == Some(day) {
            return Err(GatewayError::Unreadable("it is a page of text".to_owned()));
        }
        Ok(Some(Statement { digest: [1; 32], lines: Vec::new(), unreadable: Vec::new() }))
    }
}

#[tokio::test]
async fn a_refusal_ends_a_refund_only_for_good_and_where_nothing_is_under_its_number() {
    let shop = Shop::new(0, 0, true).await;
    shop.pay(BILL).await;
    shop.until(PAID, &["paid"]).await;
    shop.staff().await;
    shop.refund(1, "9.00").await;
    let part = "select state || ' ' || failure from refund_part order by part_no";
    let refusal = "refused: 400 INVALID_REQUEST: not so";
    for (gateway, after) in [
        (Says::default(), "sent"),
        (Says::default(), "approved"),
        (Says { refused_for_good: true, has: Some(yuan("9.00")), ..Says::default() }, "sent"),
    ] {
        let cashier = shop.cashier_of(gateway);
        cashier.refunds().await.unwrap();
        assert_eq!(shop.text(part).await, [format!("{after} {refusal}")]);
        shop.clock.advance(TimeDelta::hours(1));
    }
    let cashier = shop.cashier_of(Says { refused_for_good: true, ..Says::default() });
    for _ in 0..2 {
        cashier.refunds().await.unwrap();
    }
    assert_eq!(shop.text(part).await, [format!("failed {refusal}"), "confirmed ".to_owned()]);
    let in_balance = balance(&mut shop.world.db.app.acquire().await.unwrap(), shop.a).await.unwrap();
    assert_eq!(in_balance, yuan("9.00"));
    drop(cashier);
    shop.end().await;
}

#[tokio::test]
async fn a_part_of_a_payment_of_another_system_goes_back_and_its_day_is_looked_at() {
    let shop = Shop::new(0, 0, true).await;
    shop.staff().await;
    let long_ago = books::Remembered {
        out_trade_no: "OLD-000001".to_owned(),
        transaction_id: "4200000000000000000077".to_owned(),
        fen: 10_000,
        paid_at: shop.clock.now() - TimeDelta::days(40),
    };
    books::remember(&mut shop.world.db.app.acquire().await.unwrap(), std::slice::from_ref(&long_ago)).await.unwrap();
    let imported_charge_id = sqlx::query_scalar(
        "insert into imported_charge (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, route_reference,
            imported_at)
        values ($1, '1', 'one_off', 'X1', 19.90, now(), '2026-09-01', 'gateway', $2, now()) returning imported_charge_id",
    )
    .bind(shop.a)
    .bind(&long_ago.transaction_id)
    .fetch_one(&shop.world.db.owner)
    .await
    .unwrap();
    let charge = ImportedCharge {
        imported_charge_id,
        charged: yuan("19.90"),
        paid_by: Route::Gateway,
        reference: Some(long_ago.transaction_id.clone()),
    };
    shop.refund_of(Of::Imported(charge), "19.90").await;
    shop.cashier.refunds().await.unwrap();
    shop.until("select state from refund_part", &["confirmed"]).await;

    let today = charging::clock::local_date(shop.clock.now());
    shop.clock.advance(TimeDelta::days(2));
    let days = "select day::text from gateway_statement where kind = 'refund' order by day";
    let next_day = (today + Days::new(1)).to_string();
    shop.cashier_of(Says { unreadable: Some(today), ..Says::default() }).statements().await.unwrap();
    assert_eq!(shop.text(days).await, [next_day.as_str()], "one day holds up no other");
    shop.cashier_of(Says::default()).statements().await.unwrap();
    assert_eq!(shop.text(days).await, [today.to_string(), next_day]);
    shop.end().await;
}

#[tokio::test]
async fn nobody_but_the_gateway_says_what_was_paid() {
    let shop = Shop::new(0, 0, true).await;
    shop.post("pay", BILL).await;
    assert_eq!(shop.tell(b"{}".to_vec()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.tell(vec![b' '; 70_000]).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(shop.text(PAID).await, ["asked"]);
    shop.end().await;
}
