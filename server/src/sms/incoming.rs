//! A message from a phone, handled once however often the SMS centre delivers it.
//!
//! A message bears no id. What tells a repetition from a second message of the same words is whether the centre may still
//! have been without our answer: until then the delivery is remembered, and the same again is that delivery.

use charging::consent::incoming::incoming;
use charging::consent::store::lock_subscriber;
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, TimeDelta, Utc};
use rusmpp::encode::{Encode as _, Length as _};
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use rusmpp::values::{DataCoding, GsmFeatures};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::address;
use super::text::{self, PARTS_MAX, Place};

/// Parts that never became whole, and deliveries whose answer nobody knows to have arrived, are forgotten after so long.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// A centre that did not get our answer delivers again within minutes; the same words later are a new message, also where the
/// connection broke before it was known that the centre had read the answer.
const REPEATED_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// A message that cannot be handled for so long is refused for good: the centre would deliver it for ever.
const TRIED_FOR: TimeDelta = TimeDelta::minutes(10);

/// What became of a message from a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is handled, now or before; the delivery is remembered under this.
    Handled(Delivery),
    /// Nobody has that number: nothing is done.
    UnknownSender,
    /// It could not be handled for too long.
    GivenUp,
}

/// A delivery that the centre may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    subscriber_id: i64,
    digest: Vec<u8>,
}

/// Handles a message from a phone. It is committed when this returns.
///
/// # Errors
/// When the database fails: the message can be delivered again.
pub async fn receive(pool: &PgPool, delivered: &DeliverSm, now: DateTime<Utc>) -> anyhow::Result<Received> {
    let mut conn = pool.acquire().await?;
    let Some(msisdn) = address::subscriber(delivered.source_addr.as_str()) else { return Ok(Received::UnknownSender) };
    let Some(subscriber) = find_by_msisdn(&mut conn, &msisdn).await? else { return Ok(Received::UnknownSender) };
    drop(conn);
    let delivery = Delivery { subscriber_id: subscriber.subscriber_id, digest: digest(delivered) };
    let Some(begun) = delivery.begin(pool, now).await? else { return Ok(Received::Handled(delivery)) };
    match delivery.handle(pool, delivered, &begun.message_id, now).await {
        Ok(()) => Ok(Received::Handled(delivery)),
        Err(error) if now - begun.received_at > TRIED_FOR => {
            tracing::error!(error = format!("{error:#}"), "a message from a phone is given up");
            Ok(Received::GivenUp)
        }
        Err(error) => Err(error),
    }
}

/// Forgets parts that never became whole, and deliveries that the centre will hardly repeat any more. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<u64> {
    let before = now - REMEMBERED;
    let parts = sqlx::query!("delete from incoming_sms_part where received_at < $1", before).execute(pool).await?;
    let deliveries =
        sqlx::query!("delete from incoming_sms_delivery where received_at < $1", before).execute(pool).await?;
    Ok(parts.rows_affected() + deliveries.rows_affected())
}

/// Of everything that was delivered; only the sequence number, which is not part of it, changes with a repetition.
fn digest(delivered: &DeliverSm) -> Vec<u8> {
    let mut octets = vec![0; delivered.length()];
    delivered.encode(&mut octets);
    Sha256::digest(&octets).to_vec()
}

/// Which part it is, if it is one, and what it says.
fn content(delivered: &DeliverSm) -> (Option<Place>, &[u8]) {
    let (mut reference, mut parts, mut part, mut payload) = (None, None, None, None);
    for value in delivered.tlvs().iter().filter_map(|tlv| tlv.value()) {
        match value {
            TlvValue::SarMsgRefNum(value) => reference = Some(*value),
            TlvValue::SarTotalSegments(value) => parts = Some(*value),
            TlvValue::SarSegmentSeqnum(value) => part = Some(*value),
            TlvValue::MessagePayload(value) => payload = Some(&*value.value),
            _ => {}
        }
    }
    let message = payload.filter(|_| delivered.short_message().is_empty()).unwrap_or(delivered.short_message());
    let features = delivered.esm_class.gsm_features;
    if matches!(features, GsmFeatures::UdhiIndicator | GsmFeatures::SetUdhiAndReplyPath) {
        return text::open(message);
    }
    let place =
        reference.zip(parts).zip(part).and_then(|((reference, parts), part)| text::place(reference, parts, part));
    (place, message)
}

/// A delivery that is not handled yet.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    /// Under which it is handled.
    message_id: String,
    /// When it came first.
    received_at: DateTime<Utc>,
}

impl Delivery {
    async fn handle(
        &self,
        pool: &PgPool,
        delivered: &DeliverSm,
        message_id: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let (place, body) = content(delivered);
        let whole = match place {
            Some(place) if usize::from(place.parts) <= PARTS_MAX => {
                self.join(pool, place, body, delivered.data_coding, now).await?
            }
            // Longer than anything that we understand: its beginning tells as much.
            Some(place) if place.part > 1 => None,
            _ => Some(text::decode(body, delivered.data_coding)),
        };
        if let Some(text) = whole {
            let mut conn = pool.acquire().await?;
            incoming(&mut conn, self.subscriber_id, message_id, &text, now).await?;
        }
        self.handled(pool, place, now).await
    }

    /// Remembers the delivery. `None`: it is handled.
    async fn begin(&self, pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<Option<Begun>> {
        let new = format!("smpp/{}/{}", hex::encode(&self.digest[..8]), now.timestamp_micros());
        let mut tx = pool.begin().await?;
        sqlx::query!(
            "delete from incoming_sms_delivery where subscriber_id = $1 and digest = $2 and handled_at < $3",
            self.subscriber_id,
            self.digest,
            now - REPEATED_WITHIN,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into incoming_sms_delivery (subscriber_id, digest, message_id, received_at) values ($1, $2, $3, $4)
            on conflict (subscriber_id, digest) do nothing",
            self.subscriber_id,
            self.digest,
            new,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let stored = sqlx::query!(
            "select message_id, received_at, handled_at from incoming_sms_delivery where subscriber_id = $1 and digest = $2",
            self.subscriber_id,
            self.digest,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let begun = Begun { message_id: stored.message_id, received_at: stored.received_at };
        Ok(stored.handled_at.is_none().then_some(begun))
    }

    /// Keeps a part. The text, once all parts are there.
    async fn join(
        &self,
        pool: &PgPool,
        place: Place,
        body: &[u8],
        coding: DataCoding,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Option<String>> {
        let mut tx = pool.begin().await?;
        // Two servers may have a part each: the later one sees both.
        lock_subscriber(&mut tx, self.subscriber_id).await?;
        let (reference, parts) = (i32::from(place.reference), i16::from(place.parts));
        // Of an older message with the same reference, parts that never became whole are in the way.
        sqlx::query!(
            "delete from incoming_sms_part where subscriber_id = $1 and reference = $2 and received_at < $3",
            self.subscriber_id,
            reference,
            now - REMEMBERED,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "insert into incoming_sms_part (subscriber_id, reference, parts, part, coding, body, received_at)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (subscriber_id, reference, parts, part) do update
                set coding = excluded.coding, body = excluded.body, received_at = excluded.received_at",
            self.subscriber_id,
            reference,
            parts,
            i16::from(place.part),
            i16::from(u8::from(coding)),
            body.get(..body.len().min(4096)),
            now,
        )
        .execute(&mut *tx)
        .await?;
        let stored = sqlx::query!(
            "select coding, body from incoming_sms_part where subscriber_id = $1 and reference = $2 and parts = $3
            order by part",
            self.subscriber_id,
            reference,
            parts,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        if stored.len() < usize::from(place.parts) {
            return Ok(None);
        }
        // A letter may be split between parts; a part may be coded as its own letters allow.
        let runs = stored.chunk_by(|a, b| a.coding == b.coding);
        let texts = runs.map(|run| {
            let body: Vec<u8> = run.iter().flat_map(|part| &part.body).copied().collect();
            text::decode(&body, DataCoding::from(u8::try_from(run[0].coding).unwrap_or_default()))
        });
        Ok(Some(texts.collect()))
    }

    /// Notes that all is done. The parts of a whole message are not needed any more.
    async fn handled(&self, pool: &PgPool, place: Option<Place>, now: DateTime<Utc>) -> anyhow::Result<()> {
        let mut tx = pool.begin().await?;
        if let Some(place) = place {
            sqlx::query!(
                "delete from incoming_sms_part where subscriber_id = $1 and reference = $2 and parts = $3
                    and (select count(*) from incoming_sms_part
                        where subscriber_id = $1 and reference = $2 and parts = $3) = $3::smallint",
                self.subscriber_id,
                i32::from(place.reference),
                i16::from(place.parts),
            )
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query!(
            "update incoming_sms_delivery set handled_at = $3 where subscriber_id = $1 and digest = $2",
            self.subscriber_id,
            self.digest,
            now,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets the delivery: the centre has our answer and will not repeat it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, pool: &PgPool) -> anyhow::Result<()> {
        sqlx::query!(
            "delete from incoming_sms_delivery where subscriber_id = $1 and digest = $2",
            self.subscriber_id,
            self.digest,
        )
        .execute(pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use charging::testing::TestDatabase;
    use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Parameter;
    use rusmpp::types::{AnyOctetString, COctetString, OctetString};
    use rusmpp::values::{EsmClass, MessagePayload};

    use super::*;
    use crate::command::subscribers;

    fn now() -> DateTime<Utc> {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    /// With one subscriber.
    async fn world() -> TestDatabase {
        let db = TestDatabase::create().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in.ndjson");
        let line = r#"{"msisdn":"13900000001","name":"王芳","region":"北京","subscriptions":[]}"#;
        std::fs::write(&file, line).unwrap();
        subscribers::import(&db.app, &file, "2026-11-01T00:00:00Z".parse().unwrap()).await.unwrap();
        db
    }

    fn message(octets: &[u8], esm_class: u8, parameters: Vec<Parameter>) -> DeliverSm {
        DeliverSm::builder()
            .source_addr(COctetString::from_str("8613900000001").unwrap())
            .destination_addr(COctetString::from_str("10086").unwrap())
            .esm_class(EsmClass::from(esm_class))
            .data_coding(DataCoding::Ucs2)
            .short_message(OctetString::from_slice(octets).unwrap())
            .tlvs(parameters)
            .build()
    }

    fn ucs2(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    /// What was handled, in order.
    async fn bodies(db: &TestDatabase) -> Vec<String> {
        sqlx::query_scalar("select body from incoming_sms order by incoming_id").fetch_all(&db.owner).await.unwrap()
    }

    async fn delivery(db: &TestDatabase, delivered: &DeliverSm) -> Delivery {
        match receive(&db.app, delivered, now()).await.unwrap() {
            Received::Handled(delivery) => delivery,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_same_delivery_is_handled_once_until_the_centre_has_our_answer() {
        let db = world().await;
        let yes = message(&ucs2("Y"), 0, vec![]);
        let first = delivery(&db, &yes).await;
        assert_eq!(delivery(&db, &yes).await, first);
        assert_eq!(bodies(&db).await, ["Y"]);
        first.forget(&db.app).await.unwrap();
        receive(&db.app, &yes, now() + TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(bodies(&db).await, ["Y", "Y"], "the same words again are another message");
        delivery(&db, &message(&ucs2("N"), 0, vec![])).await;
        assert_eq!(bodies(&db).await, ["Y", "Y", "N"]);
        assert_eq!(forget_old(&db.app, now()).await.unwrap(), 0);
        assert_eq!(forget_old(&db.app, now() + TimeDelta::hours(25)).await.unwrap(), 2);
        db.drop().await;
    }

    #[tokio::test]
    async fn an_interruption_anywhere_loses_nothing_and_doubles_nothing() {
        let db = world().await;
        let yes = message(&ucs2("Y"), 0, vec![]);
        let Received::Handled(interrupted) = receive(&db.app, &yes, now()).await.unwrap() else { panic!() };
        // As if the program had ended before it noted that all was done.
        let again = "update incoming_sms_delivery set handled_at = null";
        sqlx::query(again).execute(&db.owner).await.unwrap();
        assert_eq!(delivery(&db, &yes).await, interrupted);
        assert_eq!(bodies(&db).await, ["Y"]);
        // And before anything was done.
        let no = message(&ucs2("N"), 0, vec![]);
        let begun = Delivery { digest: digest(&no), ..interrupted };
        let id = begun.begin(&db.app, now()).await.unwrap().unwrap();
        assert_eq!(begun.begin(&db.app, now() + TimeDelta::minutes(1)).await.unwrap(), Some(id));
        delivery(&db, &no).await;
        assert_eq!(bodies(&db).await, ["Y", "N"]);
        db.drop().await;
    }

    #[tokio::test]
    async fn parts_are_joined_in_whatever_order_they_come() {
        let db = world().await;
        let sar = |part, text: &str| {
            let parameters =
                vec![Parameter::SarMsgRefNum(700), Parameter::SarTotalSegments(3), Parameter::SarSegmentSeqnum(part)];
            message(&ucs2(text), 0, parameters)
        };
        for part in [sar(3, "丙"), sar(1, "甲"), sar(1, "甲")] {
            delivery(&db, &part).await;
        }
        assert_eq!(bodies(&db).await, [""; 0]);
        let last = sar(2, "乙");
        delivery(&db, &last).await;
        delivery(&db, &last).await;
        assert_eq!(bodies(&db).await, ["甲乙丙"]);
        // A character whose two halves came apart, under headers of two kinds.
        let [high, low] =
            ["🎉"].map(ucs2).map(|octets| [octets[..2].to_vec(), octets[2..].to_vec()]).concat().try_into().unwrap();
        delivery(&db, &message(&[vec![6, 8, 4, 1, 2, 2, 1], high].concat(), 0x40, vec![])).await;
        delivery(&db, &message(&[vec![6, 8, 4, 1, 2, 2, 2], low].concat(), 0x40, vec![])).await;
        assert_eq!(bodies(&db).await[1..], ["🎉"]);
        // Two parts, each in the alphabet of its letters.
        let mut ascii = message(b"\x05\x00\x03\x09\x02\x01FD", 0x40, vec![]);
        ascii.data_coding = DataCoding::McSpecific;
        delivery(&db, &ascii).await;
        delivery(&db, &message(&[vec![5, 0, 3, 9, 2, 2], ucs2("５０")].concat(), 0x40, vec![])).await;
        assert_eq!(bodies(&db).await[2..], ["FD５０"]);
        let left: i64 =
            sqlx::query_scalar("select count(*) from incoming_sms_part").fetch_one(&db.owner).await.unwrap();
        assert_eq!(left, 0);
        db.drop().await;
    }

    #[tokio::test]
    async fn what_is_odd_is_answered_all_the_same() {
        let db = world().await;
        for address in ["13700000000", "+4915112345678", "10010", "", "not a number"] {
            let mut stranger = message(&ucs2("Y"), 0, vec![]);
            stranger.source_addr = COctetString::from_str(address).unwrap();
            assert_eq!(receive(&db.app, &stranger, now()).await.unwrap(), Received::UnknownSender, "{address}");
        }
        let rows = "select (select count(*) from incoming_sms) + (select count(*) from incoming_sms_delivery)";
        let rows: i64 = sqlx::query_scalar(rows).fetch_one(&db.owner).await.unwrap();
        assert_eq!(rows, 0, "nothing comes of strangers");
        let payload = Parameter::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(&ucs2("是"))));
        delivery(&db, &message(&[], 0, vec![payload])).await;
        let mut picture = message(&[0xFF, 0xD8], 0, vec![]);
        picture.data_coding = DataCoding::OctetUnspecified2;
        delivery(&db, &picture).await;
        // Of more parts than are joined, the first tells as much as all.
        for part in 1..=17 {
            delivery(&db, &message(&[vec![5, 0, 3, 9, 17, part], ucs2("很长")].concat(), 0x40, vec![])).await;
        }
        assert_eq!(bodies(&db).await, ["是", "", "很长"]);
        db.drop().await;
    }
}
