//! Invariants 3 and 4: a record is rated once; the cap holds at every instant, and is raised by a yes alone.

use super::{Broken, DENIED, accepted, refused};

#[tokio::test]
async fn a_record_is_rated_once_whatever_month_it_claims() {
    let broken = Broken::new().await;
    let (a, other) = (broken.a, broken.other.subscription_id);
    let record = |id: &str, month: &str, started: &str, units: &str| {
        format!(
            "insert into usage_record (subscriber_id, month, source_id, service, started_at, quantity, received_at,
                from_allowance, overage, absorbed, cost)
            values ({a}, '{month}', '{id}', 'data', '{started}', 5, '2026-10-05', {units})"
        )
    };
    let (month, started, units) = ("2026-10-01", "2026-10-05T00:00:00+08:00", "0, 0, 5, 0");
    let good = record("new", month, started, units);
    accepted(broken.app(), &good).await;
    refused(
        broken.app(),
        &[
            ("twice", record("r1", month, started, units), "usage_record_pkey"),
            ("again in another month", record("r1", "2026-09-01", "2026-09-05", units), "usage_record_once"),
            ("without an id", record("", month, started, units), "usage_record_source_id_check"),
            ("in another month than it started", record("new", "2026-09-01", started, units), "usage_record_month"),
            ("rated in part", record("new", month, started, "0, 0, 4, 0"), "usage_record_rated_whole"),
            (
                "with a cost and nothing beyond",
                record("new", month, started, "5, 0, 0, 1"),
                "usage_record_cost_has_overage",
            ),
            (
                "beyond the allowances of no plan",
                record("new", month, started, "0, 5, 0, 1"),
                "usage_record_overage_has_plan",
            ),
            ("of nobody", good.replace(&format!("({a},"), "(999,"), "usage_record_subscriber"),
            (
                "under another subscriber's plan",
                record("new", month, started, "0, 0, 5, 0")
                    .replace("cost)", "cost, plan_subscription_id)")
                    .replace("5, 0)", &format!("5, 0, {other})")),
                "usage_record_plan",
            ),
            ("rated again", "update usage_record set cost = 1".to_owned(), DENIED),
            ("deleted", "delete from usage_record".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn the_cap_holds_at_every_instant() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let own = format!("where subscriber_id = {a} and month = '2026-10-01'");
    let counter = |charged: &str, reserved: &str, cap: &str| {
        format!(
            "insert into month_counter (subscriber_id, month, cap_seq, overage_cap, overage_charged, overage_reserved)
            values ({b}, '2026-10-01', 0, {cap}, {charged}, {reserved})"
        )
    };
    accepted(broken.app(), &counter("300", "300", "600")).await;
    accepted(broken.app(), &format!("update month_counter set overage_charged = 600 {own}")).await;
    let holds = "month_counter_cap_holds";
    let chosen = "month_counter_cap_chosen";
    refused(
        broken.app(),
        &[
            ("charged beyond, from the start", counter("600.000001", "0", "600"), holds),
            ("reserved beyond, from the start", counter("0", "600.000001", "600"), holds),
            ("both together beyond, from the start", counter("300", "300.000001", "600"), holds),
            ("a cap that nobody chose", counter("0", "0", "1000"), chosen),
            ("charged beyond", format!("update month_counter set overage_charged = 600.000001 {own}"), holds),
            ("reserved beyond", format!("update month_counter set overage_reserved = 600 {own}"), holds),
            ("raised without choice", format!("update month_counter set overage_cap = 1000 {own}"), chosen),
            ("raised to another's choice", format!("update month_counter set cap_seq = 1, overage_cap = 1000 {own}"), chosen),
            ("lowered below what is charged", format!("insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, channel_id, actor, chosen_at)
                values ({a}, 1, 1, 0, 600, 'web', 'subscriber', '2026-10-15'); update month_counter set cap_seq = 1, overage_cap = 1 {own}"), holds),
            ("less than nothing reserved", format!("update month_counter set overage_reserved = -1 {own}"), "month_counter_overage_reserved_check"),
            ("another counter for the month", counter("0", "0", "600").replace(&format!("({b},"), &format!("({a},")), "month_counter_pkey"),
            ("forgotten", format!("delete from month_counter {own}"), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_cap_is_raised_by_a_yes_to_that_very_amount() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let mut tx = broken.app().begin().await.unwrap();
    let mut seqs = Vec::new();
    for subscriber_id in [a, b] {
        let consent = charging::consent::NewConsent {
            subscriber_id,
            subject: charging::consent::Subject::Cap { cap: 1000.into() },
            method: charging::consent::Method::Signature,
            channel_id: "hall".to_owned(),
            asked_at: crate::world::now(),
            agreed_at: crate::world::now(),
            request_id: None,
            reference: Some("slip".to_owned()),
            description: "封顶1000元".to_owned(),
            answer: "signed".to_owned(),
        };
        seqs.push(charging::consent::store::record(&mut tx, &consent).await.unwrap());
    }
    tx.commit().await.unwrap();
    let choose = |subscriber_id: i64, seq: i32, cap: &str, previous: &str, consent: &str| {
        format!(
            "insert into cap_choice (subscriber_id, seq, cap, previous_seq, previous_cap, consent_seq, channel_id, actor, chosen_at)
            values ({subscriber_id}, {seq}, {cap}, {previous}, {consent}, 'web', 'subscriber', '2026-10-15')"
        )
    };
    let (own, order) = (seqs[0].to_string(), broken.plan.consent_seq.to_string());
    let good = choose(a, 1, "1000", "0, 600", &own);
    accepted(broken.app(), &good).await;
    accepted(broken.app(), &choose(a, 1, "50", "0, 600", "null")).await;
    let again = format!("{good}; {}; {}", choose(a, 2, "50", "1, 1000", "null"), choose(a, 3, "1000", "2, 50", &own));
    assert_ne!(seqs[0], seqs[1], "the two consents stand at different places");
    refused(
        broken.app(),
        &[
            ("without consent", choose(a, 1, "1000", "0, 600", "null"), "cap_choice_raise_needs_consent"),
            ("with a consent to another amount", choose(a, 1, "2000", "0, 600", &own), "cap_choice_consent"),
            ("with another subscriber's consent", choose(b, 1, "1000", "0, 600", &own), "cap_choice_consent"),
            ("with a consent to an order", choose(a, 1, "1000", "0, 600", &order), "cap_choice_consent"),
            ("with a consent that raised it before", again, "cap_choice_consent_once"),
            ("saying that it was higher before", choose(a, 1, "1000", "0, 1000", "null"), "cap_choice_previous"),
            ("naming no choice before", choose(a, 1, "1000", "null, null", &own), "cap_choice_raise_needs_consent"),
            (
                "a first one above the standard",
                choose(a, 0, "601", "null, null", "null").replace("'subscriber'", "'system'"),
                "cap_choice_raise_needs_consent",
            ),
            ("altered", "update cap_choice set cap = 1000".to_owned(), DENIED),
            ("deleted", "delete from cap_choice".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn an_allowance_is_not_used_beyond_what_was_granted() {
    let broken = Broken::new().await;
    let used = |amount: &str| {
        format!(
            "update allowance set used = {amount} where subscriber_id = {} and subscription_id = {}",
            broken.a, broken.plan.subscription_id
        )
    };
    refused(
        broken.app(),
        &[
            ("used beyond", used("granted + 1"), "allowance_not_exceeded"),
            ("used and reserved beyond", used("granted, reserved = 1"), "allowance_not_exceeded"),
            ("given back more than used", used("-1"), "allowance_not_exceeded"),
            ("granted more", "update allowance set granted = granted * 2".to_owned(), DENIED),
            ("deleted", "delete from allowance".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
