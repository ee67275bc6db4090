//! Invariant 1: an order names a published tariff version and this subscriber's consent for it. And the first half of 2:
//! a subscription names its order.

use charging::tariff::Kind;
use charging::tariff::store::{Publication, publish};
use chrono::TimeDelta;

use super::{Broken, DENIED, NOT_NULL, accepted, refused};
use crate::world::{ADDON, FUTURE, OTHER_PLAN, PACK, PAST, SHELF, now, tariff};

/// Public at noon of 15 October 2026, and sold a day later.
const SOON: &str = "26MB900098";
const CHEAP: &str = r#"{"recurring":{"price":"5.00","first_month":"full"},"cancel_effective":"month_end"}"#;

/// An order as SQL, its version's data copied from the published table.
fn order(subscriber_id: i64, scheme_id: &str, consent_seq: &str, ordered_at: &str) -> String {
    format!(
        "insert into product_order (subscriber_id, scheme_id, version, tariff_published_at, tariff_orderable_from,
            on_sale_from, on_sale_until, recurring_price, one_off_price, consent_seq, channel_id, actor, ordered_at)
        select {subscriber_id}, scheme_id, version, published_at, orderable_from, on_sale_from, on_sale_until,
            coalesce(recurring_price, 0), coalesce(one_off_price, 0), {consent_seq}, 'web', 'subscriber', '{ordered_at}'
        from tariff_version where scheme_id = '{scheme_id}' and version = 1"
    )
}

#[tokio::test]
async fn no_order_without_a_published_tariff_and_a_yes_to_it() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let mut tx = broken.app().begin().await.unwrap();
    let pack = broken.world.sign(&mut tx, a, PACK, now()).await.to_string();
    let future = broken.world.sign(&mut tx, a, FUTURE, now()).await.to_string();
    let past = broken.world.sign(&mut tx, a, PAST, now()).await.to_string();
    let in_a_day = Publication {
        orderable_from: Some(now() + TimeDelta::days(1)),
        ..tariff(SOON, Kind::Addon, "明天的包", Some(CHEAP)).into()
    };
    publish(&mut tx, &[in_a_day], now() - TimeDelta::hours(1)).await.unwrap();
    let soon = broken.world.sign(&mut tx, a, SOON, now()).await.to_string();
    let dearer = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end"}"#;
    let second = tariff(PACK, Kind::Addon, "视频包", Some(dearer));
    publish(&mut tx, &[second.into()], now()).await.unwrap();
    tx.commit().await.unwrap();
    let noon = "2026-10-15T12:00:00+08:00";
    let good = order(a, PACK, &pack, noon);
    accepted(broken.app(), &good).await;
    let none = "product_order_consent";
    let published = "product_order_tariff";
    refused(
        broken.app(),
        &[
            ("without consent", order(a, PACK, "null", noon), NOT_NULL),
            ("with a consent that is none", order(a, PACK, "99", noon), none),
            ("with another subscriber's consent", order(b, PACK, &pack, noon), none),
            ("with a consent to another tariff", order(a, OTHER_PLAN, &pack, noon), none),
            ("with a consent for another version", good.replace("version = 1", "version = 2"), none),
            ("at another price than the version's", good.replace("coalesce(recurring_price, 0)", "95.00"), none),
            ("at another price once", good.replace("coalesce(one_off_price, 0)", "95.00"), none),
            ("of a version that is none", good.replace("scheme_id, version, pub", "scheme_id, 3, pub"), none),
            (
                "with a consent that made an order before",
                order(a, ADDON, &broken.addon.consent_seq.to_string(), noon),
                "product_order_consent_once",
            ),
            ("of a tariff that has no price", order(a, SHELF, &pack, noon), none),
            ("before it was public", order(a, FUTURE, &future, noon), "product_order_public"),
            (
                "before it was public, saying that it was",
                order(a, FUTURE, &future, noon).replace(" published_at, orderable_from", " '2026-01-01', '2026-01-01'"),
                published,
            ),
            ("before it could be ordered", order(a, SOON, &soon, noon), "product_order_sellable"),
            (
                "before it could be ordered, saying that it could",
                order(a, SOON, &soon, noon).replace(" orderable_from", " published_at"),
                published,
            ),
            ("after its last day", order(a, PAST, &past, noon), "product_order_on_sale"),
            (
                "after its last day, saying another",
                order(a, PAST, &past, noon)
                    .replace("on_sale_until,\n            coalesce", "'2026-12-31',\n            coalesce"),
                published,
            ),
            ("before its first day", order(a, PACK, &pack, "2025-12-31T23:59:59+08:00"), "product_order_on_sale"),
            ("by no channel", good.replace("'web'", "'nowhere'"), "product_order_channel_id_fkey"),
            ("altered", "update product_order set recurring_price = 95".to_owned(), DENIED),
            ("given another consent", "update product_order set consent_seq = 1".to_owned(), DENIED),
            ("deleted", "delete from product_order".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn what_is_published_stays_as_it_was() {
    let broken = Broken::new().await;
    let version = format!(
        "set local role mingbai_import; insert into tariff_version select (jsonb_populate_record(v, jsonb_build_object('version', 2,
            'content_digest', '\\x' || repeat('ab', 32), 'terms', v.terms || '{{\"one_off\": \"5.00\"}}', 'one_off_price', '5.00'))).*
        from tariff_version v where scheme_id = '{ADDON}'"
    );
    accepted(broken.app(), &version).await;
    refused(
        broken.app(),
        &[
            ("a price changed", "update tariff_version set recurring_price = 95".to_owned(), DENIED),
            ("a name changed", "update tariff_version set name = 'x'".to_owned(), DENIED),
            ("published earlier", "update tariff_version set published_at = '2000-01-01'".to_owned(), DENIED),
            ("deleted", "delete from tariff_version".to_owned(), DENIED),
            ("a tariff deleted", "delete from tariff".to_owned(), DENIED),
            (
                "a price that is not that of the terms",
                version.replace("'one_off_price', '5.00'", "'one_off_price', '4.00'"),
                "tariff_version_price_is_terms",
            ),
            (
                "terms without a price column",
                version.replace("'one_off_price', '5.00'", "'one_off_price', null"),
                "tariff_version_price_is_terms",
            ),
            ("a version twice", version.replace("'version', 2", "'version', 1"), "tariff_version_pkey"),
            ("a withdrawal taken back", "delete from tariff_withdrawal".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}

#[tokio::test]
async fn a_subscription_is_what_was_ordered() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    let mut tx = broken.app().begin().await.unwrap();
    for scheme_id in [PACK, OTHER_PLAN] {
        let seq = broken.world.sign(&mut tx, a, scheme_id, now()).await.to_string();
        super::execute(&mut tx, &order(a, scheme_id, &seq, "2026-10-15T12:00:00+08:00")).await.unwrap();
    }
    let orders: Vec<i64> = sqlx::query_scalar(
        "select order_id from product_order where subscriber_id = $1 order by order_id desc limit 2",
    )
    .bind(a)
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let (plan, pack) = (orders[0], orders[1]);
    let start = |subscriber_id: i64, order_id: &str, scheme_id: &str, kind: &str, price: &str| {
        format!(
            "insert into subscription (subscriber_id, order_id, scheme_id, version, kind, tariff_kind, recurring_price, one_off_price, starts_at)
            values ({subscriber_id}, {order_id}, '{scheme_id}', 1, '{kind}', '{kind}', {price}, 0.00, '2026-10-15T12:00:00+08:00')"
        )
    };
    let pack_id = pack.to_string();
    accepted(broken.app(), &start(a, &pack_id, PACK, "addon", "20.00")).await;
    let own = format!("where subscriber_id = {a} and subscription_id = {}", broken.plan.subscription_id);
    accepted(broken.app(), &format!("update subscription set ends_at = '2026-11-01', end_reason = 'month_end' {own}"))
        .await;
    refused(
        broken.app(),
        &[
            ("without order", start(a, "null", PACK, "addon", "20.00"), NOT_NULL),
            ("of an order that is none", start(a, "999", PACK, "addon", "20.00"), "subscription_order"),
            ("of another subscriber's order", start(b, &pack_id, PACK, "addon", "20.00"), "subscription_order"),
            ("of another tariff", start(a, &pack_id, ADDON, "addon", "20.00"), "subscription_order"),
            ("at another price", start(a, &pack_id, PACK, "addon", "95.00"), "subscription_order"),
            (
                "started twice",
                start(a, &broken.addon.order_id.to_string(), ADDON, "addon", "10.00"),
                "subscription_order_once",
            ),
            ("a second plan", start(a, &plan.to_string(), OTHER_PLAN, "plan", "99.00"), "subscription_one_plan"),
            (
                "of another kind than its tariff",
                start(a, &plan.to_string(), OTHER_PLAN, "addon", "99.00"),
                "subscription_tariff_kind",
            ),
            (
                "a plan as an add-on",
                start(a, &plan.to_string(), OTHER_PLAN, "plan", "99.00").replacen("'plan'", "'addon'", 1),
                "subscription_kind_is_tariffs",
            ),
            (
                "ended before it began",
                format!("update subscription set ends_at = '2026-08-01', end_reason = 'month_end' {own}"),
                "subscription_period",
            ),
            (
                "ended for no reason",
                format!("update subscription set ends_at = '2026-11-01' {own}"),
                "subscription_end_reason",
            ),
            ("made dearer", format!("update subscription set recurring_price = 95 {own}"), DENIED),
            ("given another order", format!("update subscription set order_id = {pack} {own}"), DENIED),
            ("begun earlier", format!("update subscription set starts_at = '2026-01-01' {own}"), DENIED),
            ("deleted", format!("delete from subscription {own}"), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
