//! Invariants 2 and 5: what a charge must name, and what a transfer must be.

use super::{Broken, DENIED, accepted, refused};
use crate::world::{ADDON, PLAN};

/// A charge as SQL.
#[derive(Clone)]
struct Charge {
    subscriber_id: i64,
    kind: &'static str,
    month: &'static str,
    subscription_id: String,
    scheme_id: &'static str,
    price: &'static str,
    one_off: &'static str,
    usage: &'static str,
    amount: &'static str,
}

impl Charge {
    fn sql(&self) -> String {
        let Self { subscriber_id, kind, month, subscription_id, scheme_id, price, one_off, usage, amount } = self;
        format!(
            "insert into charge (subscriber_id, kind, month, subscription_id, scheme_id, version, recurring_price,
                one_off_price, usage_source_id, quantity, amount, charged_at)
            values ({subscriber_id}, '{kind}', '{month}', {subscription_id}, '{scheme_id}', 1, {price}, {one_off}, {usage},
                1, {amount}, '2026-10-15T12:00:00+08:00')"
        )
    }
}

fn recurring(broken: &Broken) -> Charge {
    Charge {
        subscriber_id: broken.a,
        kind: "recurring",
        month: "2026-10-01",
        subscription_id: broken.plan.subscription_id.to_string(),
        scheme_id: PLAN,
        price: "59.00",
        one_off: "10.00",
        usage: "null",
        amount: "59.00",
    }
}

#[tokio::test]
async fn a_recurring_charge_names_its_subscription_once_a_month_within_the_price() {
    let broken = Broken::new().await;
    let good = recurring(&broken);
    accepted(broken.app(), &good.sql()).await;
    let with = |change: fn(&mut Charge)| {
        let mut charge = good.clone();
        change(&mut charge);
        charge.sql()
    };
    let twice = format!("{}; {}", good.sql(), with(|c| c.amount = "0.01"));
    let one_off = with(|c| (c.kind, c.amount) = ("one_off", "10.00"));
    accepted(broken.app(), &one_off).await;
    let again = one_off.replace("2026-10-01", "2026-11-01");
    let other = Charge { subscription_id: broken.other.subscription_id.to_string(), ..good.clone() };
    let named = "charge_subscription";
    refused(
        broken.app(),
        &[
            ("twice in a month", twice, "charge_recurring_once"),
            ("once, twice", format!("{one_off}; {again}"), "charge_one_off_once"),
            ("above the price", with(|c| c.amount = "59.000001"), "charge_within_price"),
            ("above the price once", with(|c| (c.kind, c.amount) = ("one_off", "10.01")), "charge_within_price"),
            ("above the price, saying another", with(|c| (c.price, c.amount) = ("95.00", "95.00")), named),
            (
                "above the price once, saying another",
                with(|c| (c.kind, c.one_off, c.amount) = ("one_off", "95.00", "95.00")),
                named,
            ),
            ("without subscription", with(|c| c.subscription_id = "null".to_owned()), "charge_of_subscription"),
            ("for a subscription that is none", with(|c| c.subscription_id = "999".to_owned()), named),
            ("for another subscriber's subscription", other.sql(), named),
            ("for another tariff than the subscription's", with(|c| c.scheme_id = ADDON), named),
            ("of nothing", with(|c| c.amount = "0"), "charge_amount_check"),
            ("of less than nothing", with(|c| c.amount = "-1"), "charge_amount_check"),
            ("of a kind that is none", with(|c| c.kind = "fee"), "charge_kind_check"),
            ("for a usage record", with(|c| c.usage = "'r1'"), "charge_names_its_cause"),
            ("for a month that is none", with(|c| c.month = "2026-10-15"), "charge_month_check"),
            ("altered", "update charge set amount = 1".to_owned(), DENIED),
            ("deleted", "delete from charge".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_usage_charge_names_its_record_once() {
    let broken = Broken::new().await;
    let good = Charge { kind: "data_overage", usage: "'free'", amount: "0.03", ..recurring(&broken) };
    let record = format!(
        "insert into usage_record (subscriber_id, month, source_id, service, started_at, quantity, received_at,
            from_allowance, overage, absorbed, cost, plan_subscription_id)
        values ({a}, '2026-10-01', 'free', 'data', '2026-10-05', 5, '2026-10-05', 0, 5, 0, 0.03, {plan})",
        a = broken.a,
        plan = broken.plan.subscription_id
    );
    let mut tx = broken.app().begin().await.unwrap();
    super::execute(&mut tx, &record).await.unwrap();
    tx.commit().await.unwrap();
    accepted(broken.app(), &good.sql()).await;
    let with = |change: fn(&mut Charge)| {
        let mut charge = good.clone();
        change(&mut charge);
        charge.sql()
    };
    refused(
        broken.app(),
        &[
            ("without record", with(|c| c.usage = "null"), "charge_names_its_cause"),
            ("for a record that is none", with(|c| c.usage = "'never'"), "charge_usage"),
            ("for the record in another month", with(|c| c.month = "2026-09-01"), "charge_usage"),
            (
                "for another subscriber's record",
                Charge {
                    subscriber_id: broken.b,
                    subscription_id: broken.other.subscription_id.to_string(),
                    ..good.clone()
                }
                .sql(),
                "charge_usage",
            ),
            ("for a record that is charged already", with(|c| c.usage = "'r2'"), "charge_usage_once"),
            (
                "for a record twice",
                format!("{}; {}", good.sql(), with(|c| c.kind = "voice_overage")),
                "charge_usage_once",
            ),
            ("without subscription", with(|c| c.subscription_id = "null".to_owned()), "charge_of_subscription"),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_transfer_moves_more_than_nothing_between_two_accounts_and_is_reversed_once() {
    let broken = Broken::new().await;
    let a = broken.a;
    let post = |cause: &str, accounts: &str, amount: &str| {
        format!(
            "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, {}) values ({a}, {accounts}, {amount}, '2026-10-15', {})",
            cause.split_once('=').unwrap().0,
            cause.split_once('=').unwrap().1
        )
    };
    let (rounding, accounts) = ("rounding_month='2026-10-01'", "'receivable', 'rounding'");
    accepted(broken.app(), &post(rounding, accounts, "0.000001")).await;
    let (transfer_id, amount): (i64, rust_decimal::Decimal) = sqlx::query_as(
        "select transfer_id, amount from transfer where subscriber_id = $1 and debit_account = 'receivable' limit 1",
    )
    .bind(a)
    .fetch_one(broken.app())
    .await
    .unwrap();
    let reverse = |by: &str, of: &str, accounts: &str| {
        format!(
            "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, reverses_id, reverses_amount)
            values ({a}, {accounts}, {by}, '2026-10-15', {transfer_id}, {of})"
        )
    };
    let whole = amount.to_string();
    let back = "'revenue.data_overage', 'receivable'";
    let good = reverse(&whole, &whole, back);
    accepted(broken.app(), &good).await;
    let more = (amount + rust_decimal::Decimal::ONE).to_string();
    refused(
        broken.app(),
        &[
            ("of nothing", post(rounding, accounts, "0"), "transfer_amount_positive"),
            ("of less than nothing", post(rounding, accounts, "-1"), "transfer_amount_positive"),
            ("to the same account", post(rounding, "'receivable', 'receivable'", "1"), "transfer_two_accounts"),
            ("to no account", post(rounding, "'receivable', 'pocket'", "1"), "transfer_credit_account_check"),
            ("for nothing", post("charge_id=null", accounts, "1"), "transfer_names_its_cause"),
            ("for a charge that is none", post("charge_id=999", accounts, "1"), "transfer_charge"),
            (
                "for a charge twice",
                post("charge_id=(select min(charge_id) from charge)", accounts, "1"),
                "transfer_charge_once",
            ),
            (
                "a month rounded twice",
                format!("{}; {}", post(rounding, accounts, "0.001"), post(rounding, accounts, "0.002")),
                "transfer_rounding_once",
            ),
            ("reversed twice", format!("{good}; {good}"), "transfer_reversed_once"),
            (
                "reversed twice in parts",
                format!("{}; {}", reverse("0.01", &whole, back), reverse("0.01", &whole, back)),
                "transfer_reversed_once",
            ),
            ("reversed for more", reverse(&more, &whole, back), "transfer_reversal_within"),
            ("reversed for more, saying it was more", reverse(&more, &more, back), "transfer_reverses"),
            (
                "reversed the same way",
                reverse(&whole, &whole, "'receivable', 'revenue.data_overage'"),
                "transfer_reverses",
            ),
            (
                "reversed to another account",
                reverse(&whole, &whole, "'revenue.data_overage', 'rounding'"),
                "transfer_reverses",
            ),
            ("reversed without its amount", reverse(&whole, "null", back), "transfer_reversal_within"),
            (
                "another subscriber's reversed",
                good.replace(&format!("values ({a},"), &format!("values ({},", broken.b)),
                "transfer_reverses",
            ),
            ("altered", "update transfer set amount = 1".to_owned(), DENIED),
            ("deleted", "delete from transfer".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_bill_is_closed_once_and_takes_a_charge_once() {
    let broken = Broken::new().await;
    let a = broken.a;
    let bill = format!(
        "insert into bill (subscriber_id, month, total, closed_at) values ({a}, '2026-10-01', 3.00, '2026-11-01')"
    );
    let line = format!(
        "insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
        values ({a}, '2026-10-01', 1, 'data_overage', '{PLAN}', 1, '2026-10-01', 1, 3.004, 3.00)"
    );
    let taken = |line_no: i32| {
        format!(
            "insert into bill_line_charge select {a}, min(charge_id), '2026-10-01', {line_no} from charge where subscriber_id = {a}"
        )
    };
    accepted(broken.app(), &bill).await;
    let second = line.replace(", 1, 'data", ", 2, 'voice");
    refused(
        broken.app(),
        &[
            ("closed twice", format!("{bill}; {bill}"), "bill_pkey"),
            ("a line without bill", line.clone(), "bill_line_subscriber_id_month_fkey"),
            ("a line twice", format!("{bill}; {line}; {}", line.replace(", 1, 'data", ", 2, 'data")), "bill_line_once"),
            ("rounded wrong", format!("{bill}; {}", line.replace("3.004, 3.00", "3.004, 3.01")), "bill_line_rounded"),
            (
                "a charge on two lines",
                format!("{bill}; {line}; {second}; {}; {}", taken(1), taken(2)),
                "bill_line_charge_pkey",
            ),
            (
                "a charge that is none",
                format!("{bill}; {line}; insert into bill_line_charge values ({a}, 999, '2026-10-01', 1)"),
                "bill_line_charge_subscriber_id_charge_id_fkey",
            ),
            ("altered", "update bill set total = 1".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
