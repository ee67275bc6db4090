//! The way of a payment to the gateway: of a payment of the same subscriber, and from an address where it needs one.

use super::{Broken, DENIED, accepted, refused};

/// A payment of `of`, with a way to the gateway that is `subscriber`'s.
fn sql(of: i64, subscriber: i64, way: &str, payer: &str) -> String {
    format!(
        "with asked as (
            insert into payment (subscriber_id, purpose, route, gateway, amount, nonce, asked_by, channel_id, asked_at, expires_at)
            values ({of}, 'top_up', 'wallet', 'wechat', 50, '00000000', 'subscriber', 'web', now(), now() + interval '30 minutes')
            returning payment_id)
        insert into payment_preparation (subscriber_id, payment_id, way, payer_address, due_at)
        select {subscriber}, payment_id, '{way}', {payer}, now() from asked"
    )
}

#[tokio::test]
async fn a_way_to_the_gateway_is_of_a_payment_of_the_same_subscriber() {
    let broken = Broken::new().await;
    let (a, b) = (broken.a, broken.b);
    accepted(broken.app(), &sql(a, a, "code", "null")).await;
    accepted(broken.app(), &sql(a, a, "link", "'203.0.113.7'")).await;
    let payer = "payment_preparation_payer";
    let of_another = "payment_preparation_subscriber_id_payment_id_fkey";
    refused(
        broken.app(),
        &[
            ("of another subscriber's payment", sql(a, b, "code", "null"), of_another),
            ("a link without an address", sql(a, a, "link", "null"), payer),
            ("a code with an address", sql(a, a, "code", "'203.0.113.7'"), payer),
            ("another way", sql(a, a, "fax", "null"), "payment_preparation_way_check"),
            ("another way afterwards", "update payment_preparation set way = 'code'".to_owned(), DENIED),
            ("another address afterwards", "update payment_preparation set payer_address = null".to_owned(), DENIED),
            ("taken away", "delete from payment_preparation".to_owned(), DENIED),
        ],
    )
    .await;
    broken.world.db.drop().await;
}
