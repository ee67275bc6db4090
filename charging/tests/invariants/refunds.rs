//! Money that comes in and goes back: never settled without a payment, never returned twice, above what was paid, to another place,
//! or by one person alone.

use super::{Broken, DENIED, accepted, execute, refused};
use crate::world::PLAN;

/// A closed bill of a line of 59 yuan, of which 40 were paid through a gateway, another of 40 that is not paid, and a payment of 30
/// that nobody made yet.
struct Paid {
    broken: Broken,
    a: i64,
    b: i64,
}

const ID: &str = "00000000";
/// What was written last: numbers go on after what was taken back.
const PAYMENT: &str = "(select max(payment_id) from payment)";
const SETTLEMENT: &str = "(select max(settlement_id) from settlement)";
const REFUND: &str = "(select max(refund_id) from refund)";

impl Paid {
    async fn new() -> Self {
        let broken = Broken::new().await;
        let (a, b) = (broken.a, broken.b);
        let paid = Self { broken, a, b };
        let mut tx = paid.broken.app().begin().await.unwrap();
        for subscriber in [a, b] {
            let bill = format!(
                "insert into bill (subscriber_id, month, total, closed_at) values ({subscriber}, '2026-09-01', 59, '2026-10-01');
                insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
                values ({subscriber}, '2026-09-01', 1, 'recurring', '{PLAN}', 1, '2026-09-01', 1, 59, 59),
                    ({subscriber}, '2026-09-01', 3, 'one_off', '{PLAN}', 1, '2026-09-01', 1, 40, 40)"
            );
            execute(&mut tx, &bill).await.unwrap();
        }
        // Payments 1 and 2, settlement 1.
        for sql in [
            paid.payment("40, 'paid', '42', now()"),
            paid.payment("30, 'asked', null, null"),
            paid.settlement("1, 'gateway'", 40, 40, 0, 0),
        ] {
            execute(&mut tx, &sql).await.unwrap();
        }
        tx.commit().await.unwrap();
        paid
    }

    /// What is paid: amount, state, the gateway's number, when.
    fn payment(&self, what: &str) -> String {
        format!(
            "insert into payment (subscriber_id, purpose, route, gateway, nonce, asked_by, channel_id, asked_at, expires_at, amount,
                state, gateway_transaction_id, paid_at)
            values ({}, 'bill', 'wallet', 'wechat', '{ID}', 'subscriber', 'web', now(), now(), {what})",
            self.a
        )
    }

    fn settlement(&self, by: &str, amount: i32, of: i32, line_before: i32, payment_before: i32) -> String {
        format!(
            "insert into settlement (subscriber_id, at, payment_id, account, month, line_no, amount, line_amount, line_before,
                line_after, payment_amount, payment_before, payment_after)
            values ({}, now(), {by}, '2026-09-01', 1, {amount}, 59, {line_before}, {line_before} + {amount}, {of},
                {payment_before}, {payment_before} + {amount})",
            self.a
        )
    }

    /// A refund of the line that is refund number 1, approved by another.
    fn approved(&self, amount: i32) -> String {
        format!(
            "insert into refund (subscriber_id, month, line_no, charged, paid_by, amount, reason, asked_by, asked_at)
            values ({a}, '2026-09-01', 1, 59, 'line', {amount}, 'dispute', 'staff:li.na', now());
            update refund set state = 'approved', decided_by = 'staff:wang.li', decided_at = now() where subscriber_id = {a}",
            a = self.a
        )
    }

    fn part(&self, no: i32, route: &str, amount: i32, refund: (i32, i32), settlement: (i32, i32, i32)) -> String {
        let ((approved, before), (id, of, returned)) = (refund, settlement);
        let state = if route == "gateway" { "'approved', null" } else { "'confirmed', now()" };
        format!(
            "insert into refund_part (subscriber_id, refund_id, part_no, paid_by, route, amount, settlement_id, settlement_amount,
                approved_amount, refund_paid_by, refund_before, refund_after, settlement_before, settlement_after, nonce, state,
                confirmed_at, due_at, month, line_no)
            values ({}, {REFUND}, {no}, 'gateway', '{route}', {amount}, {id}, {of}, {approved}, 'line', {before}, {before} + {amount},
                {returned}, {returned} + {amount}, '{ID}', {state}, now(), '2026-09-01', 1)",
            self.a
        )
    }

    async fn drop(self) {
        self.broken.world.db.drop().await;
    }
}

#[tokio::test]
async fn a_line_is_settled_by_what_was_paid_and_never_twice() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let by = |account: &str| format!("{PAYMENT}, '{account}'");
    accepted(
        app,
        &format!("{}; {}", paid.payment("19, 'paid', '43', now()"), paid.settlement(&by("gateway"), 19, 19, 40, 0)),
    )
    .await;
    let more = format!("{}; ", paid.payment("50, 'paid', '43', now()"));
    let with = |sql: String| format!("{more}{sql}");
    let other = paid
        .settlement("1, 'gateway'", 1, 40, 0, 0)
        .replace(&format!("values ({},", paid.a), &format!("values ({},", paid.b));
    refused(
        app,
        &[
            ("by a payment that nobody made", paid.settlement("2, 'gateway'", 19, 30, 40, 0), "settlement_payment"),
            ("by a payment that there is not", paid.settlement("9, 'gateway'", 19, 30, 40, 0), "settlement_payment"),
            ("by somebody else's payment", other, "settlement_payment"),
            ("by more than was paid", paid.settlement("1, 'gateway'", 1, 40, 40, 40), "settlement_payment_within"),
            ("by what was used before", paid.settlement("1, 'gateway'", 10, 40, 40, 0), "settlement_payment_before"),
            ("saying that less was used", paid.settlement("1, 'gateway'", 9, 40, 40, 30), "settlement_payment_chain"),
            ("saying that more was paid", paid.settlement("1, 'gateway'", 10, 60, 40, 40), "settlement_payment"),
            ("from another account", with(paid.settlement(&by("cash"), 10, 50, 40, 0)), "settlement_payment"),
            ("beyond the line", with(paid.settlement(&by("gateway"), 20, 50, 40, 0)), "settlement_line_within"),
            ("what is settled, again", with(paid.settlement(&by("gateway"), 30, 50, 0, 0)), "settlement_line_before"),
            ("with a gap", with(paid.settlement(&by("gateway"), 9, 50, 50, 0)), "settlement_line_chain"),
            (
                "a line of another amount",
                with(paid.settlement(&by("gateway"), 30, 50, 40, 0).replace("59, 40", "99, 40")),
                "settlement_line",
            ),
            ("without payment", paid.settlement("null, 'gateway'", 19, 30, 40, 0), "settlement_payment_named"),
            ("unmade", "update payment set state = 'closed', ended_at = now(), paid_at = null, gateway_transaction_id = null where payment_id = 1".to_owned(), "settlement_payment"),
            ("made larger", "update payment set amount = 90 where payment_id = 1".to_owned(), DENIED),
            ("altered", "update settlement set amount = 1".to_owned(), DENIED),
            ("deleted", "delete from settlement".to_owned(), DENIED),
            ("cash without a shop", "insert into payment (subscriber_id, purpose, route, nonce, asked_by, channel_id, asked_at, expires_at, amount)
                values (1, 'bill', 'cash', '00000000', 'subscriber', 'web', now(), now(), 5)".to_owned(), "payment_cash_at_shop"),
            ("from the balance by somebody else", "insert into payment (subscriber_id, purpose, route, nonce, asked_by, channel_id, asked_at, expires_at, amount)
                values (1, 'bill', 'balance', '00000000', 'staff:li.na', 'web', now(), now(), 5)".to_owned(), "payment_balance_by_owner"),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn nothing_goes_back_that_two_people_did_not_let_go() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let part = paid.part(1, "gateway", 40, (40, 0), (1, 40, 0));
    accepted(app, &format!("{}; {part}", paid.approved(40))).await;
    let asked = paid.approved(40).split_once(';').unwrap().0.to_owned();
    let decided =
        |by: &str| format!("{asked}; update refund set state = 'approved', decided_by = '{by}', decided_at = now()");
    refused(
        app,
        &[
            ("not approved", format!("{asked}; {part}"), "refund_part_approved"),
            ("approved by whoever asked", decided("staff:li.na"), "refund_by_another"),
            ("approved by the system", decided("system"), "refund_by_itself"),
            ("approved by nobody", format!("{asked}; update refund set state = 'approved'"), "refund_decided"),
            ("approved, and rejected after it went", format!("{}; {part}; update refund set state = 'rejected', decision = 'no'", paid.approved(40)), "refund_part_approved"),
            ("made larger after it was approved", "update refund set amount = 59".to_owned(), DENIED),
            ("asked for by another afterwards", "update refund set asked_by = 'subscriber'".to_owned(), DENIED),
            ("asked for twice", format!("{asked}; {asked}"), "refund_line_open"),
            ("more than the line", asked.replace("'line', 40", "'line', 60"), "refund_within"),
            ("more than the line, saying it was more", asked.replace("59, 'line', 40", "90, 'line', 60"), "refund_line_amount"),
            ("somebody else's line", asked.replace("'2026-09-01', 1", "'2026-09-01', 2"), "refund_line_amount"),
            ("of nothing", asked.replace("'2026-09-01', 1", "null, null"), "refund_of_one"),
            ("by a batch that nobody approved", "insert into refund_batch (purpose, reason, refunds, amount, asked_by, asked_at)
                values ('p', 'incident', 1, 40, 'staff:li.na', now());
                insert into refund (subscriber_id, month, line_no, charged, paid_by, amount, reason, asked_by, asked_at, state, decided_by,
                    decided_at, batch_id)
                values (1, '2026-09-01', 1, 59, 'line', 40, 'incident', 'staff:li.na', now(), 'approved', 'staff:wang.li', now(), 1)".to_owned(), "refund_batch_decided"),
            ("by a batch approved by whoever asked", "insert into refund_batch (purpose, reason, refunds, amount, asked_by, asked_at, approved_by, approved_at)
                values ('p', 'incident', 1, 40, 'staff:li.na', now(), 'staff:li.na', now())".to_owned(), "refund_batch_by_another"),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn never_more_than_was_paid_never_twice_and_never_elsewhere() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let first = paid.part(1, "gateway", 30, (40, 0), (1, 40, 0));
    let whole = paid.part(1, "gateway", 40, (40, 0), (1, 40, 0));
    let approved = paid.approved(40);
    let after = |sql: String| format!("{approved}; {first}; {sql}");
    accepted(app, &after(paid.part(2, "gateway", 10, (40, 30), (1, 40, 30)))).await;
    let of_line_3 = |sql: &str| sql.replace("'2026-09-01', 1", "'2026-09-01', 3").replace("59, 'line'", "40, 'line'");
    let failed = "update refund_part set state = 'failed', failed_at = now(), sent_at = now()";
    let instead = |amount: i32| {
        format!(
            "insert into refund_part (subscriber_id, refund_id, part_no, paid_by, route, amount, settlement_id, settlement_amount,
                approved_amount, refund_paid_by, replaces_no, nonce, state, due_at, confirmed_at, month, line_no)
            values ({}, {REFUND}, 2, 'gateway', 'balance', {amount}, 1, 40, 40, 'line', 1, '{ID}', 'confirmed', now(), now(),
                '2026-09-01', 1)",
            paid.a
        )
    };
    accepted(app, &format!("{approved}; {whole}; {failed}; {}", instead(40))).await;
    refused(
        app,
        &[
            ("twice", format!("{approved}; {whole}; {whole}"), "refund_part_pkey"),
            ("twice under another number", format!("{approved}; {whole}; {}", paid.part(2, "gateway", 40, (40, 0), (1, 40, 0))), "refund_part_first"),
            ("beyond what was approved", format!("{}; {}; {}", paid.approved(30), paid.part(1, "gateway", 30, (30, 0), (1, 40, 0)), paid.part(2, "gateway", 10, (30, 30), (1, 40, 30))), "refund_part_within"),
            ("saying that more was approved", after(paid.part(2, "gateway", 10, (59, 30), (1, 40, 30))), "refund_part_approved"),
            ("beyond what was paid", format!("{}; {}", paid.approved(59), paid.part(1, "gateway", 59, (59, 0), (1, 40, 0))), "refund_part_settlement_within"),
            ("saying that more was paid", format!("{}; {}", paid.approved(59), paid.part(1, "gateway", 59, (59, 0), (1, 59, 0))), "refund_part_settlement"),
            ("of what went back before", after(paid.part(2, "gateway", 10, (40, 30), (1, 40, 0))), "refund_part_settlement_before"),
            ("saying that less went back", after(paid.part(2, "gateway", 9, (40, 30), (1, 40, 20))), "refund_part_settlement_chain"),
            ("to the balance", format!("{approved}; {}", paid.part(1, "balance", 40, (40, 0), (1, 40, 0))), "refund_part_route"),
            ("off the bill", format!("{approved}; {}", paid.part(1, "bill", 40, (40, 0), (1, 40, 0))), "refund_part_route"),
            ("as if it had been cash", format!("{approved}; {}", paid.part(1, "balance", 40, (40, 0), (1, 40, 0)).replace("'gateway', 'balance'", "'cash', 'balance'")), "refund_part_settlement"),
            ("without the money of anybody", format!("{approved}; {}", whole.replace("40, 1, 40, 40", "40, null, null, 40")), "refund_part_settlement_within"),
            ("of the money of another line", format!("{}; {}", of_line_3(&approved), of_line_3(&whole)), "refund_part_settlement"),
            ("of the money of a line that is not its own", format!("{}; {whole}", of_line_3(&approved)), "refund_part_line"),
            ("of no line", format!("{approved}; {}", whole.replace("'2026-09-01', 1)", "null, null)")), "refund_part_source"),
            ("into the balance while it is under way", format!("{approved}; {whole}; {}", instead(40)), "refund_part_replaces"),
            ("into the balance for more", format!("{approved}; {whole}; {failed}; {}", instead(41)), "refund_part_replaces"),
            ("into the balance twice", format!("{approved}; {whole}; {failed}; {}; {}", instead(40), instead(40).replace(", 2, 'gateway'", ", 3, 'gateway'")), "refund_part_replaced_once"),
            ("confirmed after it went into the balance", format!("{approved}; {whole}; {failed}; {}; update refund_part set state = 'confirmed', confirmed_at = now(), failed_at = null where part_no = 1", instead(40)), "refund_part_replaces"),
            ("made larger", "update refund_part set amount = 59".to_owned(), DENIED),
            ("under another key", "update refund_part set nonce = '11111111'".to_owned(), DENIED),
            ("deleted", "delete from refund_part".to_owned(), DENIED),
            ("given up by the system", format!("{approved}; {whole}; update refund_part set give_up_by = 'system'"), "refund_part_give_up_by_check"),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn what_is_waived_was_approved_for_the_line_and_no_more() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let waived = |amount: i32, approved: &str| {
        format!(
            "insert into settlement (subscriber_id, at, refund_id, approved_amount, account, month, line_no, amount, line_amount,
                line_before, line_after)
            values ({}, now(), {REFUND}, {approved}, 'waived', '2026-09-01', 1, {amount}, 59, 40, 40 + {amount})",
            paid.a
        )
    };
    let approved = paid.approved(15);
    let asked = approved.split_once(';').unwrap().0;
    accepted(app, &format!("{approved}; {}", waived(15, "15"))).await;
    refused(
        app,
        &[
            ("before anybody let it go", format!("{asked}; {}", waived(15, "15")), "settlement_waived"),
            (
                "without saying what was approved",
                format!("{approved}; {}", waived(15, "null")),
                "settlement_waived_within",
            ),
            ("saying that more was approved", format!("{approved}; {}", waived(19, "19")), "settlement_waived"),
            ("more than was approved", format!("{approved}; {}", waived(16, "15")), "settlement_waived_within"),
            (
                "of another line",
                format!("{}; {}", approved.replace("', 1, 59", "', 3, 40"), waived(15, "15")),
                "settlement_waived",
            ),
            (
                "twice",
                format!("{approved}; {}; {}", waived(10, "15"), waived(5, "15").replace("40, 40 + 5", "50, 50 + 5")),
                "settlement_waived_once",
            ),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn a_batch_returns_no_more_than_was_approved() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let asked = "insert into refund_batch (purpose, reason, refunds, amount, asked_by, asked_at)
        values ('p', 'incident', 2, 40, 'staff:li.na', now())";
    let approved = format!("{asked}; update refund_batch set approved_by = 'staff:wang.li', approved_at = now()");
    let made = |count: i32, amount: i32| format!("update refund_batch set made = {count}, returned = {amount}");
    accepted(app, &format!("{approved}; {}", made(2, 40))).await;
    refused(
        app,
        &[
            ("of more charges", format!("{approved}; {}", made(3, 40)), "refund_batch_within"),
            ("of more money", format!("{approved}; {}", made(2, 41)), "refund_batch_within"),
            ("before it was approved", format!("{asked}; {}", made(1, 1)), "refund_batch_within"),
            ("made larger", format!("{approved}; update refund_batch set amount = 100"), DENIED),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn a_charge_of_another_system_goes_back_once_as_it_was_paid() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let a = paid.a;
    let refund = |id: i64, amount: i32| {
        format!(
            "insert into refund (subscriber_id, imported_charge_id, charged, paid_by, reference, amount, reason, asked_by, asked_at,
                state, decided_by, decided_at)
            values ({a}, {id}, 95, 'gateway', '4200', {amount}, 'no_consent', 'subscriber', now(), 'approved', 'system', now())"
        )
    };
    let part = |paid_by: &str, route: &str, amount: i32| {
        let state = if route == "gateway" { "'approved', null" } else { "'confirmed', now()" };
        format!(
            "insert into refund_part (subscriber_id, refund_id, part_no, paid_by, route, amount, approved_amount, refund_paid_by,
                refund_before, refund_after, nonce, state, confirmed_at, due_at)
            values ({a}, {REFUND}, 1, '{paid_by}', '{route}', {amount}, 95, 'gateway', 0, {amount}, '{ID}', {state}, now())"
        )
    };
    let imported: i64 = sqlx::query_scalar(
        "insert into imported_charge (subscriber_id, source_id, kind, scheme_id, amount, charged_at, month, route, route_reference,
            imported_at)
        values ($1, '1', 'one_off', 'X1', 95, now(), '2026-09-01', 'gateway', '4200', now()) returning imported_charge_id",
    )
    .bind(a)
    .fetch_one(&paid.broken.world.db.owner)
    .await
    .unwrap();
    let good = refund(imported, 95);
    accepted(app, &format!("{good}; {}", part("gateway", "gateway", 95))).await;
    refused(
        app,
        &[
            ("twice", format!("{good}; {good}"), "refund_imported_once"),
            ("for more", refund(imported, 96), "refund_within"),
            ("in more than was approved", format!("{good}; {}", part("gateway", "gateway", 96)), "refund_part_within"),
            (
                "as if it had been paid from the balance",
                format!("{good}; {}", part("balance", "balance", 95)),
                "refund_part_source",
            ),
            ("into the balance", format!("{good}; {}", part("gateway", "balance", 95)), "refund_part_route"),
            ("one that was not imported", refund(imported + 1, 95), "refund_imported_charge"),
            ("saying that it was more", good.replace("95, 'gateway'", "99, 'gateway'"), "refund_imported_charge"),
            ("to another payment", good.replace("'4200'", "'4300'"), "refund_imported_reference"),
            ("without the gateway's number", good.replace("'4200'", "null"), "refund_reference"),
        ],
    )
    .await;
    paid.drop().await;
}

#[tokio::test]
async fn what_goes_back_through_the_gateway_is_not_given_into_the_balance() {
    let paid = Paid::new().await;
    let (app, a) = (paid.broken.app(), paid.a);
    let granted = |credit: &str| {
        format!(
            "{}; {}; insert into transfer (subscriber_id, debit_account, credit_account, amount, at, refund_id, part_no,
                part_paid_by, step)
            values ({a}, 'refund', '{credit}', 40, now(), {REFUND}, 1, 'gateway', 'granted')",
            paid.approved(40),
            paid.part(1, "gateway", 40, (40, 0), (1, 40, 0))
        )
    };
    accepted(app, &granted("refund_under_way")).await;
    refused(app, &[("given into the balance", granted("balance"), "transfer_refund_part")]).await;
    paid.drop().await;
}

#[tokio::test]
async fn the_ledger_moves_what_was_settled_or_returned_and_the_balance_is_never_overdrawn() {
    let paid = Paid::new().await;
    let app = paid.broken.app();
    let a = paid.a;
    let posted = |accounts: &str, amount: i32, settlement: &str| {
        format!(
            "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, settlement_id)
            values ({a}, {accounts}, {amount}, now(), {settlement})"
        )
    };
    let top_up = format!(
        "{}; insert into settlement (subscriber_id, at, payment_id, account, amount, payment_amount, payment_before, payment_after)
        values ({a}, now(), {PAYMENT}, 'gateway', 20, 20, 0, 20); {}",
        paid.payment("20, 'paid', '43', now()"),
        posted("'gateway', 'balance'", 20, SETTLEMENT)
    );
    let entry = |amount: i32, accounts: &str, before: i32, after: i32| {
        format!(
            "insert into balance_entry (subscriber_id, seq, transfer_id, amount, debit_account, credit_account, before, after, at)
            select {a}, {}, max(transfer_id), {amount}, {accounts}, {before}, {after}, now() from transfer where subscriber_id = {a}",
            1 + i32::from(before > 0)
        )
    };
    let entered = format!("{top_up}; {}", entry(20, "'gateway', 'balance'", 0, 20));
    accepted(app, &entered).await;
    accepted(app, &posted("'gateway', 'receivable'", 40, "1")).await;
    refused(
        app,
        &[
            (
                "posted twice",
                format!("{0}; {0}", posted("'gateway', 'receivable'", 40, "1")),
                "transfer_settlement_once",
            ),
            ("posted for more", posted("'gateway', 'receivable'", 41, "1"), "transfer_settlement"),
            ("posted from another account", posted("'cash', 'receivable'", 40, "1"), "transfer_settlement"),
            ("of a line, posted to the balance", posted("'gateway', 'balance'", 40, "1"), "transfer_settlement"),
            (
                "into the balance, posted to what is owed",
                top_up.replace("'gateway', 'balance'", "'gateway', 'receivable'"),
                "transfer_settlement",
            ),
            ("posted the other way", posted("'receivable', 'gateway'", 40, "1"), "transfer_accounts"),
            (
                "posted for nothing",
                posted("'gateway', 'receivable'", 40, "1").replace(", 1)", ", null)"),
                "transfer_accounts",
            ),
            (
                "into the balance as rounding",
                format!(
                    "insert into transfer (subscriber_id, debit_account, credit_account, amount, at, rounding_month)
                    values ({a}, 'rounding', 'balance', 5, now(), '2026-09-01')"
                ),
                "transfer_accounts",
            ),
            (
                "entered for more",
                format!("{top_up}; {}", entry(21, "'gateway', 'balance'", 0, 21)),
                "balance_entry_transfer",
            ),
            (
                "entered for what it does not say",
                format!("{top_up}; {}", entry(20, "'gateway', 'balance'", 0, 30)),
                "balance_entry_sum",
            ),
            (
                "entered twice",
                format!("{entered}; {}", entry(20, "'gateway', 'balance'", 20, 40)),
                "balance_entry_once",
            ),
            (
                "entered from nowhere",
                format!("{top_up}; {}", entry(20, "'gateway', 'balance'", 30, 50)),
                "balance_entry_chain",
            ),
            (
                "overdrawn",
                format!("{top_up}; {}", entry(20, "'balance', 'gateway'", 10, -10)),
                "balance_not_below_zero",
            ),
            ("altered", "update balance_entry set after = 1000".to_owned(), DENIED),
            ("deleted", "delete from balance_entry".to_owned(), DENIED),
            (
                "let be spent by somebody else",
                format!(
                    "insert into auto_payment_choice (subscriber_id, seq, wanted, chosen_at, actor, channel_id)
                    values ({a}, 1, true, now(), 'staff:li.na', 'web')"
                ),
                "auto_payment_choice_check",
            ),
        ],
    )
    .await;
    paid.drop().await;
}
