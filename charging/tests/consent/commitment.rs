//! 在网要求 A commitment is told before the yes, its penalty before the end, and charged once, to the fen that was told.

use charging::actor::By;
use charging::audit::audit;
use charging::bill::explain::Arithmetic;
use charging::bill::store::{bill, explain};
use charging::clock::Month;
use charging::consent::incoming::Handled;
use charging::notice::commitment_words::arithmetic;
use charging::order::ending::{cancel, cancel_preview, undo_cancel};
use charging::order::store::OrderError;
use charging::order::{EndReason, Refusal};
use charging::subscriber::Language;
use charging::tariff::Kind;
use charging::tariff::store::publish;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::AssertSqlSafe;

use crate::first_charge::october;
use crate::world::{OTHER_PLAN, World, at, now, tariff};

/// 99 yuan a month for 12 months, ends with the month; 30 % of the months left.
const BINDING: &str = "26MB920001";
const TERMS: &str = r#"{"recurring":{"price":"99.00","first_month":"full"},"cancel_effective":"month_end",
    "commitment":{"months":12,"penalty":{"model":"remaining_months","price":"99.00","percent":30}}}"#;
/// Noon of a day on which the first month is charged and ten months are left at the end of the month.
const NOVEMBER: &str = "2026-11-20T12:00:00+08:00";

fn yuan(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn november() -> Month {
    october().next()
}

impl World {
    async fn with_commitment() -> Self {
        let world = Self::new().await;
        let mut content = tariff(BINDING, Kind::Plan, "畅享合约 99", Some(TERMS));
        "在网 12 个月".clone_into(&mut content.commitment);
        "提前退订付剩余月份月费的 30%".clone_into(&mut content.penalty);
        let mut tx = world.db.app.begin().await.unwrap();
        publish(&mut tx, &[content.into()], now()).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    /// Ordered in October, whose bill is closed.
    async fn bound(&self, subscriber_id: i64) -> i64 {
        let bound = self.order(subscriber_id, BINDING, now()).await.unwrap().subscription_id;
        self.remind(at("2026-10-26T09:00:00+08:00")).await;
        self.send_all(at("2026-10-26T09:01:00+08:00")).await;
        self.close(october(), at("2026-11-02T00:00:00+08:00")).await;
        bound
    }

    async fn stop_for(
        &self,
        subscriber_id: i64,
        subscription_id: i64,
        accepted: &str,
        at: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, EndReason), OrderError> {
        let mut tx = self.db.app.begin().await.unwrap();
        let by = By::subscriber("web");
        let ended = cancel(&mut tx, subscriber_id, subscription_id, yuan(accepted), &by, at).await?;
        tx.commit().await.unwrap();
        Ok(ended)
    }

    async fn penalties(&self) -> Vec<Decimal> {
        sqlx::query_scalar("select amount from charge where kind = 'penalty' order by charge_id")
            .fetch_all(&self.db.app)
            .await
            .unwrap()
    }

    async fn refused_by(&self, sql: &str) -> String {
        let mut tx = self.db.app.begin().await.unwrap();
        let error = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await.expect_err(sql);
        tx.rollback().await.unwrap();
        let error = error.as_database_error().unwrap();
        let code = error.code().unwrap_or_default().into_owned();
        error.constraint().map_or(code, str::to_owned)
    }
}

#[tokio::test]
async fn what_binds_is_told_before_the_yes() {
    let world = World::with_commitment().await;
    let a = world.subscriber(1).await;
    let asked = world.ask(a, BINDING, now()).await.unwrap();
    for told in ["合约期：在网12个月(含办理当月)。", "提前退订付99.00元×剩余月数×30%，最多297.00元"]
    {
        assert!(asked.description.contains(told), "{}", asked.description);
    }
    world.db.drop().await;
}

#[tokio::test]
async fn an_early_end_is_told_on_the_page_and_charged_once() {
    let world = World::with_commitment().await;
    let a = world.subscriber(1).await;
    let bound = world.bound(a).await;
    let mut conn = world.db.app.acquire().await.unwrap();
    let preview = cancel_preview(&mut conn, a, bound, at(NOVEMBER)).await.unwrap();
    let penalty = preview.penalty.unwrap();
    assert_eq!((penalty.used, penalty.left, penalty.amount), (2, 10, yuan("297.00")));
    assert_eq!(arithmetic(&penalty, Language::Chinese), "99.00元×10个月×30%=297.00元");
    for untold in ["0", "296.99", "297.01"] {
        let refused = world.stop_for(a, bound, untold, at(NOVEMBER)).await;
        assert!(matches!(refused, Err(OrderError::PenaltyNotTold(due)) if due == penalty.amount), "{untold}");
    }
    let ended = world.stop_for(a, bound, "297.00", at(NOVEMBER)).await.unwrap();
    assert_eq!(ended, (november().end(), EndReason::MonthEnd));
    let told: Vec<_> = world.sms(a).await.into_iter().rev().take(2).collect();
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("penalty_due", "cancel_confirmed"));
    assert!(told[0].1.contains("99.00元×10个月×30%=297.00元"), "{}", told[0].1);
    let next = charging::bill::store::current_month_estimate(&mut conn, a, at(NOVEMBER)).await.unwrap();
    assert_eq!(next.total, yuan("396"), "what will be charged holds the penalty");
    assert!(world.penalties().await.is_empty(), "not before it takes effect");

    world.close(november(), at("2026-12-02T00:00:00+08:00")).await;
    world.close(november(), at("2026-12-02T01:00:00+08:00")).await;
    world.close(november().next(), at("2027-01-02T00:00:00+08:00")).await;
    assert_eq!(world.penalties().await, [yuan("297.00")]);
    let closed = bill(&mut conn, a, november()).await.unwrap().unwrap();
    assert_eq!((closed.total, closed.lines.len()), (yuan("396.00"), 2));
    let line = closed.lines.iter().find(|line| line.kind.as_str() == "one_off").unwrap();
    let why = explain(&mut conn, a, november(), line.line_no).await.unwrap().unwrap();
    assert_eq!(why.causes[0].arithmetic, Arithmetic::Penalty(penalty));
    world.is_sound().await;

    let again = format!(
        "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
            one_off_price, quantity, amount, charged_at, penalty)
        select subscriber_id, kind, '2026-12-01', subscription_id, scheme_id, version, recurring_price, one_off_price, 1,
            amount, charged_at, penalty from charge where kind = 'penalty' and subscriber_id = {a}"
    );
    assert_eq!(world.refused_by(&again).await, "charge_penalty_once");
    let set = |what: &str| format!("update subscription set {what} where subscription_id = {bound}");
    assert_eq!(world.refused_by(&set("penalty = 100")).await, "charge_penalty", "charged already");
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn by_sms_the_amount_comes_back_before_it_is_confirmed() {
    let world = World::with_commitment().await;
    let a = world.subscriber(1).await;
    let bound = world.bound(a).await;
    let minute = |n: i64| at(NOVEMBER) + chrono::TimeDelta::minutes(n);
    assert_eq!(world.receive(a, "m1", "0000", minute(0)).await, Handled::Listed(1));
    assert_eq!(world.receive(a, "m2", "1", minute(2)).await, Handled::PenaltyTold);
    let (kind, body) = world.last_sms(a).await;
    assert_eq!(kind, "penalty_asked");
    assert!(body.contains("还没有退订") && body.contains("99.00元×10个月×30%=297.00元"), "{body}");
    let cancelled =
        Handled::Cancelled { subscription_id: bound, ends_at: november().end(), reason: EndReason::MonthEnd };
    let second = minute(2) + chrono::TimeDelta::seconds(3);
    assert_eq!(world.receive(a, "m3", "1", second).await, Handled::PenaltyTold, "sent without having seen the answer");
    assert_eq!(world.receive(a, "m4", "TD1", minute(3)).await, cancelled);
    assert!(world.sms(a).await.iter().any(|(_, body)| body.contains("违约金另发短信")));
    assert_eq!(world.receive(a, "m5", "TD1", minute(4)).await, Handled::NotCancelled);
    assert!(world.last_sms(a).await.1.contains("违约金297.00元在最后一个月的账单上"));
    let mut tx = world.db.app.begin().await.unwrap();
    undo_cancel(&mut tx, a, bound, &By::subscriber("web"), minute(5)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.receive(a, "m6", "1", minute(6)).await, Handled::PenaltyTold, "what was told before is over");
    assert_eq!(world.receive(a, "m7", "1", minute(7)).await, cancelled);
    world.close(november(), at("2026-12-02T00:00:00+08:00")).await;
    assert_eq!(world.penalties().await, [yuan("297.00")]);
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn a_reply_in_the_next_month_is_told_anew_what_that_costs() {
    let world = World::with_commitment().await;
    let a = world.subscriber(1).await;
    world.bound(a).await;
    let late = |time: &str| at(&format!("2026-{time}+08:00"));
    assert_eq!(world.receive(a, "m1", "0000", late("11-30T23:50:00")).await, Handled::Listed(1));
    assert_eq!(world.receive(a, "m2", "1", late("11-30T23:58:00")).await, Handled::PenaltyTold);
    // Less than was told, but a month later.
    assert_eq!(world.receive(a, "m3", "1", late("12-01T00:02:00")).await, Handled::PenaltyTold);
    assert!(world.last_sms(a).await.1.contains("用到2026年12月31日为止"));
    world.db.drop().await;
}

#[tokio::test]
async fn who_leaves_early_or_late_enough_pays_nothing() {
    let world = World::with_commitment().await;
    let (a, b, c) = (world.subscriber(1).await, world.subscriber(2).await, world.subscriber(3).await);
    let first_month = world.order(a, BINDING, now()).await.unwrap().subscription_id;
    world.stop_for(a, first_month, "0", at("2026-10-20T12:00:00+08:00")).await.unwrap();
    let undone = world.order(c, BINDING, now()).await.unwrap().subscription_id;
    let late = world.bound(b).await;
    world.stop_for(c, undone, "297.00", at(NOVEMBER)).await.unwrap();
    let mut tx = world.db.app.begin().await.unwrap();
    undo_cancel(&mut tx, c, undone, &By::subscriber("web"), at(NOVEMBER)).await.unwrap();
    tx.commit().await.unwrap();
    let mut conn = world.db.app.acquire().await.unwrap();
    for (day, expected) in [("2027-08-31", Some("29.70")), ("2027-09-01", None), ("2027-12-01", None)] {
        let preview = cancel_preview(&mut conn, b, late, at(&format!("{day}T12:00:00+08:00"))).await.unwrap();
        assert_eq!(preview.penalty.map(|penalty| penalty.amount), expected.map(yuan), "{day}");
    }
    world.close(november(), at("2026-12-02T00:00:00+08:00")).await;
    assert!(world.penalties().await.is_empty());
    world.is_sound().await;
    drop(conn);
    world.db.drop().await;
}

#[tokio::test]
async fn a_plan_change_says_what_leaving_costs_and_the_yes_is_for_that() {
    let world = World::with_commitment().await;
    let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
    world.order(b, BINDING, now()).await.unwrap();
    world.bound(a).await;
    let asked = world.ask(a, OTHER_PLAN, at(NOVEMBER)).await.unwrap();
    assert!(asked.description.contains("提前停用，违约金99.00元×10个月×30%=297.00元"), "{}", asked.description);
    assert_eq!(world.receive(a, "y", "Y", at(NOVEMBER)).await, {
        let (order_id, subscription_id, consent_seq) = sqlx::query_as(
            "select o.order_id, s.subscription_id, o.consent_seq from product_order o
            join subscription s using (subscriber_id, order_id) where o.subscriber_id = $1 order by order_id desc limit 1",
        )
        .bind(a)
        .fetch_one(&world.db.app)
        .await
        .unwrap();
        let starts_at = november().end();
        Handled::Ordered(charging::order::flow::Ordered { order_id, subscription_id, consent_seq, starts_at })
    });
    let minutes_before = at("2026-11-30T23:58:00+08:00");
    let asked = world.ask(b, OTHER_PLAN, minutes_before).await.unwrap();
    let code = world.code(b).await;
    let after = at("2026-12-01T00:01:00+08:00");
    let changed = charging::order::flow::confirm(&world.db.app, b, asked.request_id, &code, after).await;
    assert!(matches!(changed, Err(OrderError::Refused(Refusal::OfferChanged))), "another amount by then: {changed:?}");
    world.send_all(at("2026-12-01T09:00:00+08:00")).await;
    world.close(november(), at("2026-12-03T00:00:00+08:00")).await;
    assert_eq!(world.penalties().await, [yuan("297.00")]);
    world.is_sound().await;
    world.db.drop().await;
}

#[tokio::test]
async fn no_other_amount_can_be_stored_and_a_changed_one_is_found() {
    let world = World::with_commitment().await;
    let a = world.subscriber(1).await;
    let bound = world.bound(a).await;
    let other = world.order(a, crate::world::ADDON, at(NOVEMBER)).await.unwrap().subscription_id;
    let set = |what: &str, id: i64| format!("update subscription set {what} where subscription_id = {id}");
    let charge = |amount: &str, penalty: &str| {
        format!(
            "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
                one_off_price, quantity, amount, charged_at, penalty)
            values ({a}, 'penalty', '2026-11-01', {bound}, '{BINDING}', 1, 99, 0, 1, {amount}, now(), {penalty})"
        )
    };
    let end = "ends_at = '2026-12-01', end_reason = 'month_end'";
    for (what, sql, constraint) in [
        ("above its maximum", set(&format!("{end}, penalty = 297.01"), bound), "subscription_penalty_within"),
        ("below zero", set(&format!("{end}, penalty = -1"), bound), "subscription_penalty_within"),
        ("of what goes on", set("penalty = 100", bound), "subscription_penalty_of_end"),
        ("of what has no commitment", set(&format!("{end}, penalty = 1"), other), "subscription_penalty_within"),
        ("with another maximum", set("penalty_max = 500", bound), "42501"),
        ("charged though it goes on", charge("297", "297"), "charge_penalty"),
        ("charged for more than was told", charge("297", "0"), "charge_penalty_told"),
        ("charged without saying so", charge("297", "null"), "charge_penalty_told"),
    ] {
        assert_eq!(world.refused_by(&sql).await, constraint, "{what}");
    }
    world.stop_for(a, bound, "297.00", at(NOVEMBER)).await.unwrap();
    assert_eq!(world.refused_by(&charge("100", "100")).await, "charge_penalty", "charged less than was told");
    sqlx::query("update subscription set penalty = 200 where subscription_id = $1")
        .bind(bound)
        .execute(&world.db.owner)
        .await
        .unwrap();
    let report = audit(&world.db.app, None, || ()).await.unwrap();
    let found: Vec<_> = report.described.iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|what| what.contains("ends for a penalty of 200.00, must be 297.00")), "{found:?}");
    world.db.drop().await;
}
