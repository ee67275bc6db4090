//! Agents' channels: let in by two people, and never beyond what was let.

use super::agents::Agents;
use super::world::{ADDON, OTHER_PLAN, World, now};
use super::{DENIED, accepted, refused};
use chrono::TimeDelta;

/// A subscriber who ordered the add-on through the channel, by a reply.
async fn sold() -> (World, Agents, i64) {
    let world = World::new().await;
    let agents = Agents::new(&world.db.app).await;
    let a = world.subscriber(1).await;
    agents.order("k1", 1, ADDON, now()).await.unwrap();
    agents.reply(a, "m1", "Y", now() + TimeDelta::minutes(1)).await;
    (world, agents, a)
}

#[tokio::test]
async fn nobody_lets_his_own_work_through() {
    let (world, _, _) = sold().await;
    let version =
        "insert into agent_channel_version select agent_channel_id, 2, name, operator_name, credit_code, contact_name,
        contact_phone, addresses, regions, scheme_ids, valid_from, valid_until, submitted_by, submitted_at
        from agent_channel_version";
    let decision = |by: i64, of: i64, approved: bool| {
        format!(
            "{version}; insert into agent_channel_decision (agent_channel_id, version, submitted_by, decided_by, decided_at,
                approved, reason) values ('QD000001', 2, {of}, {by}, now(), {approved}, '')"
        )
    };
    let scope =
        "insert into agent_channel_scope (agent_channel_id, version, scheme_id, region, valid_from, valid_until)
        values ('QD000001', 2, '26MB900001', '北京', '2026-01-01', '2026-12-31')";
    let text = "insert into agent_content (agent_channel_id, number, title, body, digest, submitted_by, submitted_at)
        values ('QD000001', 1, 't', 'text', sha256('text'), 1, now())";
    let text_decision = |by: i64, of: i64| {
        format!(
            "{text}; insert into agent_content_decision (agent_channel_id, number, submitted_by, decided_by, decided_at,
                approved, reason) values ('QD000001', 1, {of}, {by}, now(), true, '')"
        )
    };
    accepted(&world.db.app, &decision(2, 1, true)).await;
    accepted(&world.db.app, &text_decision(2, 1)).await;
    let approved = format!("{}; {scope}", decision(2, 1, true));
    accepted(&world.db.app, &approved).await;
    refused(
        &world.db.app,
        &[
            ("his own version", decision(1, 1, true), "agent_channel_decided_by_another"),
            ("a version said to be another's", decision(1, 2, true), "agent_channel_decision_of"),
            ("a refusal that says nothing", decision(2, 1, false), "agent_channel_refusal_says_why"),
            ("a scope of what waits", format!("{version}; {scope}"), "agent_channel_scope_approved"),
            (
                "a scope of what was refused",
                format!("{}; {scope}", decision(2, 1, false).replace("'')", "'no')")),
                "agent_channel_scope_approved",
            ),
            (
                "a scope said to be none",
                approved
                    .replace("valid_until)\n        values", "valid_until, approved)\n        values")
                    .replace("'2026-12-31')", "'2026-12-31', false)"),
                "agent_channel_scope_is_approved",
            ),
            ("a longer scope", approved.replace("'2026-12-31')", "'2027-12-31')"), "agent_channel_scope_days"),
            ("his own text", text_decision(1, 1), "agent_content_decided_by_another"),
            ("a text with another's digest", text.replace("sha256('text')", "sha256('other')"), "agent_content_digest"),
            (
                "a stop of what was not let",
                format!(
                    "{version}; insert into agent_channel_stop values ('QD000001', 2, true, now(), 'ended', 'x', 1)"
                ),
                "agent_channel_stop_of_approved",
            ),
        ],
    )
    .await;
    world.db.drop().await;
}

#[tokio::test]
async fn no_channel_asks_or_sells_beyond_its_scope() {
    let (world, _, a) = sold().await;
    let asked = |scheme_id: &str, at: &str, by: &str, way: &str| {
        format!(
            "insert into consent_request (subscriber_id, purpose, scheme_id, version, recurring_price, one_off_price,
                description, channel_id, asked_by, asked_at, expires_at)
            select {a}, 'order', scheme_id, version, recurring_price, one_off_price, 'x', '{way}', '{by}', '{at}',
                '{at}'::timestamptz + interval '10 minutes' from tariff_version where scheme_id = '{scheme_id}'"
        )
    };
    let noted = |key: &str, scheme_id: &str, region: &str, at: &str, by: &str| {
        format!(
            "insert into agent_order values ('QD000001', 'k2', sha256('x'), '{scheme_id}', '{at}', 'asked'),
                ('QD000001', 'k3', sha256('x'), '{scheme_id}', '{at}', 'tariff');
            insert into agent_request (subscriber_id, request_id, agent_channel_id, order_key, version, scheme_id, region,
                valid_from, valid_until, asked_at, asked_by)
            select {a}, max(request_id), 'QD000001', '{key}', 1, '{scheme_id}', '{region}', '2026-01-01', '2026-12-31', '{at}', '{by}'
            from consent_request where subscriber_id = {a}"
        )
    };
    let (day, late, channel) = ("2026-10-16 12:00+08", "2027-01-01 00:00+08", "channel:QD000001");
    let whole = |question: String, note: String| format!("{question}; {note}");
    accepted(&world.db.app, &whole(asked(ADDON, day, channel, "agent"), noted("k2", ADDON, "北京", day, channel)))
        .await;
    let (scope, way) = ("agent_request_scope", "consent_request_by_channel");
    refused(
        &world.db.app,
        &[
            (
                "another tariff",
                whole(asked(OTHER_PLAN, day, channel, "agent"), noted("k2", OTHER_PLAN, "北京", day, channel)),
                scope,
            ),
            (
                "another region",
                whole(asked(ADDON, day, channel, "agent"), noted("k2", ADDON, "上海", day, channel)),
                scope,
            ),
            (
                "after the last day",
                whole(asked(ADDON, late, channel, "agent"), noted("k2", ADDON, "北京", late, channel)),
                "agent_request_in_scope_days",
            ),
            (
                "after an order that was refused",
                whole(asked(ADDON, day, channel, "agent"), noted("k3", ADDON, "北京", day, channel)),
                "agent_request_order",
            ),
            (
                "by the question of another",
                whole(asked(ADDON, day, "subscriber", "web"), noted("k2", ADDON, "北京", day, channel)),
                "agent_request_question",
            ),
            ("by another way", asked(ADDON, day, channel, "web"), way),
            ("another by its way", asked(ADDON, day, "subscriber", "agent"), way),
            (
                "the same order for another question",
                whole(asked(ADDON, day, channel, "agent"), noted("k1", ADDON, "北京", day, channel)),
                "agent_request_once",
            ),
        ],
    )
    .await;
    world.db.drop().await;
}

#[tokio::test]
async fn no_sale_without_the_subscribers_own_yes_to_that_question() {
    let (world, _, a) = sold().await;
    let b = world.subscriber(2).await;
    let own = world.has(b, ADDON, now()).await;
    let sale = |subscriber_id: i64, order_id: &str, seq: i32| {
        format!(
            "insert into agent_sale select {subscriber_id}, {order_id}, request_id, {seq}, agent_channel_id, version, scheme_id,
                region, valid_from, valid_until, asked_at from agent_request"
        )
    };
    refused(
        &world.db.app,
        &[
            ("of an order that nobody asked for", sale(b, &own.order_id.to_string(), own.consent_seq), "agent_sale_consent"),
            ("of no order", sale(a, "999", 1), "agent_sale_order"),
            (
                "twice",
                "insert into agent_sale select * from agent_sale".to_owned(),
                "agent_sale_pkey",
            ),
            (
                "an order by a channel",
                format!(
                    "insert into product_order (subscriber_id, scheme_id, version, tariff_published_at,
                        tariff_orderable_from, on_sale_from, on_sale_until,
                        recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
                    select subscriber_id, scheme_id, version, tariff_published_at,
                        tariff_orderable_from, on_sale_from, on_sale_until, recurring_price,
                        one_off_price, consent_seq, 'agent', actor, ordered_at from product_order where subscriber_id = {a}"
                ),
                "product_order_not_by_channel",
            ),
            (
                "an order placed by a channel as actor",
                format!(
                    "insert into product_order (subscriber_id, scheme_id, version, tariff_published_at,
                        tariff_orderable_from, on_sale_from, on_sale_until,
                        recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
                    select subscriber_id, scheme_id, version, tariff_published_at,
                        tariff_orderable_from, on_sale_from, on_sale_until, recurring_price,
                        one_off_price, consent_seq, 'web', 'channel:QD000001', ordered_at
                    from product_order where subscriber_id = {a}"
                ),
                "product_order_actor",
            ),
            ("a scope widened", "update agent_channel_scope set region = '全国'".to_owned(), DENIED),
            ("a refusal forgotten", "delete from agent_order".to_owned(), DENIED),
            ("a stop taken back", "delete from agent_channel_stop".to_owned(), DENIED),
            ("a text altered", "update agent_content set body = 'x'".to_owned(), DENIED),
        ],
    )
    .await;
    world.db.drop().await;
}
