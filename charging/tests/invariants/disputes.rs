//! Disputes: never for more than was charged, once a line, answered by somebody, and told no by nobody but a person.

use sqlx::{AssertSqlSafe, PgPool};

use super::{Broken, DENIED, accepted, execute, refused};
use crate::world::PLAN;

/// A bill of the first subscriber with a line of 9.90, a credit, a line of nothing, and a line of another subscriber.
async fn billed() -> Broken {
    let broken = Broken::new().await;
    let bills = format!(
        "insert into bill (subscriber_id, month, total, closed_at) values
            ({a}, '2026-09-01', 8.90, '2026-10-01'), ({b}, '2026-09-01', 59, '2026-10-01');
        insert into bill_line (subscriber_id, month, line_no, kind, scheme_id, version, charge_month, quantity, exact, amount)
        values ({a}, '2026-09-01', 1, 'recurring', '{PLAN}', 1, '2026-09-01', 1, 9.9, 9.90),
            ({a}, '2026-09-01', 2, 'adjustment', '{PLAN}', 1, '2026-09-01', 1, -1, -1.00),
            ({a}, '2026-09-01', 3, 'sms_overage', '{PLAN}', 1, '2026-09-01', 1, 0.004, 0.00),
            ({b}, '2026-09-01', 1, 'recurring', '{PLAN}', 1, '2026-09-01', 1, 59, 59.00);
        insert into staff (login, name, password, totp_secret, created_at) values
            ('he.miao', '何苗', '$argon2id$1', 'sealed', now());",
        a = broken.a,
        b = broken.b,
    );
    put(broken.app(), &bills).await;
    broken
}

async fn put(pool: &PgPool, sql: &str) {
    let mut conn = pool.acquire().await.unwrap();
    execute(&mut conn, sql).await.unwrap_or_else(|error| panic!("{error}\n  {sql}"));
}

fn dispute(subscriber_id: i64, line_no: i32, columns: &str, values: &str) -> String {
    let amount = if columns.contains("line_amount") { "" } else { ", line_amount" };
    let value = if amount.is_empty() { "" } else { ", 9.90" };
    format!(
        "insert into dispute (subscriber_id, month, line_no, opened_at, round_at, due_at, findings, suggested{amount}{columns})
        values ({subscriber_id}, '2026-09-01', {line_no}, '2026-10-05', '2026-10-05', '2026-10-20', '{{in_order}}', 0{value}{values})"
    )
}

#[tokio::test]
async fn a_dispute_is_of_a_line_once_and_gives_back_no_more_than_it_charged() {
    let broken = billed().await;
    let (a, b) = (broken.a, broken.b);
    let good = dispute(a, 1, "", "");
    accepted(broken.app(), &good).await;
    let answered = format!("{good}; update dispute set state = 'upheld', closed_at = '2026-10-06', awarded =");
    accepted(broken.app(), &format!("{answered} 9.90")).await;
    let withdrawn = format!("{good}; update dispute set state = 'withdrawn', closed_at = '2026-10-06'");
    accepted(broken.app(), &format!("{withdrawn}; {good}")).await;
    refused(
        broken.app(),
        &[
            ("of a line that is none", dispute(a, 4, "", ""), "dispute_line"),
            ("of another's line", dispute(b, 1, "", ""), "dispute_line"),
            ("of more than the line", dispute(a, 1, ", line_amount", ", 95"), "dispute_line"),
            ("of a credit", dispute(a, 2, ", line_amount", ", -1"), "dispute_award_within"),
            ("of nothing", dispute(a, 3, ", line_amount", ", 0"), "dispute_of_a_charge"),
            ("twice", format!("{good}; {good}"), "dispute_once"),
            ("again, once answered", format!("{answered} 9.90; {good}"), "dispute_once"),
            ("answered with more", format!("{answered} 9.91"), "dispute_award_within"),
            ("answered with less than nothing", format!("{answered} -1"), "dispute_award_within"),
            ("upheld for nothing", format!("{answered} 0"), "dispute_upheld_awards"),
            (
                "suggested with more",
                good.replace("'{in_order}', 0", "'{no_consent}', 9.91"),
                "dispute_suggested_within",
            ),
            ("without a finding", good.replace("{in_order}", "{}"), "dispute_findings_check"),
            ("answered and open", format!("{good}; update dispute set state = 'explained'"), "dispute_closed"),
            ("open and answered", format!("{good}; update dispute set closed_at = now()"), "dispute_closed"),
            ("with a month's time", good.replace("2026-10-20", "2026-11-05"), "dispute_due_in_15_days"),
            (
                "given more time",
                format!("{good}; update dispute set due_at = due_at + interval '1 day'"),
                "dispute_due_in_15_days",
            ),
            (
                "a third time",
                format!("{good}; update dispute set round = 3, round_at = '2026-11-01', due_at = '2026-11-16'"),
                "dispute_two_rounds",
            ),
            ("raised thrice", format!("{good}; update dispute set escalation = 3"), "dispute_escalation"),
            ("taken back with what it gave", format!("{withdrawn}, awarded = 1"), "dispute_withdrawn"),
            ("moved to another line", "update dispute set line_no = 2".to_owned(), DENIED),
            ("of more, afterwards", "update dispute set line_amount = 95".to_owned(), DENIED),
            ("deleted", "delete from dispute".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn every_step_is_somebodys_and_a_round_has_one_answer() {
    let broken = billed().await;
    put(broken.app(), &dispute(broken.a, 1, "", "")).await;
    let step = |what: &str, actor: &str, more: &str, values: &str| {
        format!(
            "insert into dispute_event (subscriber_id, dispute_id, what, round, at, actor{more})
            select subscriber_id, dispute_id, '{what}', 1, '2026-10-06', '{actor}'{values} from dispute"
        )
    };
    let explained = step("explained", "staff:he.miao", ", words", ", '价格没有错'");
    let upheld = step("upheld", "system", ", award", ", 9.90");
    for good in [
        &explained,
        &upheld,
        &step("upheld", "staff:he.miao", ", award", ", 9.90"),
        &step("opened", "subscriber", "", ""),
    ] {
        accepted(broken.app(), good).await;
    }
    let escalated = step("escalated", "system", ", days", ", 10");
    accepted(broken.app(), &escalated).await;
    refused(
        broken.app(),
        &[
            ("told no by a program", step("explained", "system", ", words", ", 'no'"), "dispute_event_actor"),
            ("told no by itself", step("explained", "subscriber", ", words", ", 'no'"), "dispute_event_actor"),
            ("upheld by the one who asks", step("upheld", "subscriber", ", award", ", 9.90"), "dispute_event_actor"),
            ("opened by an agent", step("opened", "staff:he.miao", "", ""), "dispute_event_actor"),
            ("taken back by an agent", step("withdrawn", "staff:he.miao", "", ""), "dispute_event_actor"),
            ("raised by an agent", step("escalated", "staff:he.miao", ", days", ", 10"), "dispute_event_actor"),
            ("upheld for nothing", step("upheld", "system", "", ""), "dispute_event_award"),
            (
                "explained with money",
                explained.replace("words)", "words, award)").replace("错'", "错', 1"),
                "dispute_event_award",
            ),
            ("upheld for less than nothing", upheld.replace("9.90", "-1"), "dispute_event_award"),
            ("explained without a word", step("explained", "staff:he.miao", "", ""), "dispute_event_words"),
            ("asked without a word", step("asked", "staff:he.miao", "", ""), "dispute_event_words"),
            ("answered twice", format!("{upheld}; {explained}"), "dispute_answered_once"),
            ("raised twice", format!("{escalated}; {escalated}"), "dispute_escalated_once"),
            ("raised after a day", escalated.replace(", 10 from", ", 1 from"), "dispute_event_days"),
            ("altered", "update dispute_event set words = 'x'".to_owned(), DENIED),
            ("deleted", "delete from dispute_event".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn an_answer_follows_only_a_rejection_of_the_one_before() {
    let broken = billed().await;
    put(broken.app(), &dispute(broken.a, 1, "", "")).await;
    let step = |what: &str, award: &str, after: &str| {
        format!(
            "insert into dispute_event (subscriber_id, dispute_id, what, round, at, actor, words, award, after_id)
            select subscriber_id, dispute_id, '{what}', 1, '2026-10-06', 'staff:he.miao', '理由', {award}, {after} from dispute"
        )
    };
    let upheld = step("upheld", "9.90", "null");
    let last = "(select max(event_id) from dispute_event)";
    let refused_once = format!("{upheld}; {}", step("refused", "9.90", last));
    accepted(broken.app(), &format!("{refused_once}; {}", step("explained", "null", last))).await;
    accepted(broken.app(), &format!("{refused_once}; {}", step("upheld", "5", last))).await;
    refused(
        broken.app(),
        &[
            ("rejected before it was upheld", step("refused", "9.90", "null"), "dispute_event_after_named"),
            (
                "rejected though it was explained",
                format!("{}; {}", step("explained", "null", "null"), step("refused", "9.90", last)),
                "dispute_event_after",
            ),
            (
                "rejected twice",
                format!("{refused_once}; {}", step("refused", "9.90", "(select min(event_id) from dispute_event)")),
                "dispute_refused_once",
            ),
            (
                "rejected without saying how much",
                format!("{upheld}; {}", step("refused", "null", last)),
                "dispute_event_award",
            ),
            (
                "rejected without a word",
                format!("{upheld}; {}", step("refused", "9.90", last).replace("'理由'", "null")),
                "dispute_event_words",
            ),
            (
                "answered twice",
                format!(
                    "{refused_once}; {}; {}",
                    step("upheld", "5", last),
                    step("explained", "null", "(select event_id from dispute_event where what = 'refused')")
                ),
                "dispute_answered_once",
            ),
            (
                "answered again without a rejection",
                format!("{upheld}; {}", step("upheld", "5", last)),
                "dispute_event_after",
            ),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_refund_names_a_dispute_of_its_own_line() {
    let broken = billed().await;
    put(broken.app(), &dispute(broken.a, 1, "", "")).await;
    let refund = |line_no: i32, amount: &str| {
        format!(
            "insert into refund (subscriber_id, month, line_no, charged, paid_by, amount, reason, asked_by, asked_at, dispute_id)
            select subscriber_id, '2026-09-01', {line_no}, {amount}, 'line', 1, 'dispute', 'staff:he.miao', now(), dispute_id from dispute"
        )
    };
    accepted(broken.app(), &refund(1, "9.90")).await;
    let other = refund(1, "59.00").replace("select subscriber_id,", &format!("select {},", broken.b));
    refused(broken.app(), &[("of somebody else's", other, "refund_dispute")]).await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_step_is_of_the_same_subscribers_dispute() {
    let broken = billed().await;
    put(broken.app(), &dispute(broken.a, 1, "", "")).await;
    let other = format!(
        "insert into dispute_event (subscriber_id, dispute_id, what, round, at, actor)
        select {}, dispute_id, 'opened', 1, '2026-10-06', 'subscriber' from dispute",
        broken.b
    );
    refused(broken.app(), &[("of another", other, "dispute_event_subscriber_id_dispute_id_fkey")]).await;
    let words = sqlx::query_scalar::<_, i64>(AssertSqlSafe("select count(*) from dispute_event".to_owned()));
    assert_eq!(words.fetch_one(broken.app()).await.unwrap(), 0);
    broken.world.db.drop().await;
}
