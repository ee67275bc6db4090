//! Every proof of a yes: the chain it stands in, the columns and the request that repeat it, the SMS that came in, and what
//! was drawn.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{AuditError, Report};
use crate::channel;

/// A consent with what was asked and drawn for it.
struct Row {
    subscriber_id: i64,
    seq: i32,
    purpose: String,
    scheme_id: Option<String>,
    version: Option<i32>,
    recurring_price: Option<Decimal>,
    one_off_price: Option<Decimal>,
    cap: Option<Decimal>,
    holder_id: Option<i64>,
    method: String,
    channel_id: String,
    asked_at: DateTime<Utc>,
    agreed_at: DateTime<Utc>,
    request_id: Option<i64>,
    evidence: Vec<u8>,
    previous_seq: Option<i32>,
    previous_hash: Option<Vec<u8>>,
    hash: Vec<u8>,
    strokes_sha256: Option<Vec<u8>>,
    asked: Option<String>,
    request_is_same: Option<bool>,
    asked_through: Option<String>,
    /// The messages that came in at that instant, by their ids.
    replies: Option<Value>,
    strokes: Option<Vec<u8>>,
    signature_sha256: Option<Vec<u8>>,
}

/// What the row before was, of the same subscriber.
#[derive(Default)]
struct Before {
    subscriber_id: i64,
    seq: Option<i32>,
    hash: Option<Vec<u8>>,
}

pub(super) async fn run(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    chains(pool, report).await?;
    answers(pool, report).await?;
    offers(pool, report).await
}

async fn chains(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let mut rows = sqlx::query_as!(
        Row,
        r#"select c.subscriber_id, c.seq, c.purpose, c.scheme_id, c.version, c.recurring_price, c.one_off_price, c.cap, c.holder_id,
            c.method, c.channel_id, c.asked_at, c.agreed_at, c.request_id, c.evidence, c.previous_seq, c.previous_hash,
            c.hash, c.strokes_sha256, r.description as "asked?",
            (r.state = 'agreed' and r.asked_at = c.asked_at and r.expires_at = c.asked_at + interval '10 minutes'
                and (r.purpose, r.scheme_id, r.version, r.recurring_price, r.one_off_price, r.cap, r.holder_id) is not distinct from
                    (c.purpose, c.scheme_id, c.version, c.recurring_price, c.one_off_price, c.cap, c.holder_id)
            ) as "request_is_same?", r.channel_id as "asked_through?",
            case when c.method = 'sms_reply' then (
                select jsonb_object_agg(i.message_id, i.body) from incoming_sms i
                where i.subscriber_id = c.subscriber_id and i.received_at = c.agreed_at) end as replies,
            g.strokes as "strokes?", g.strokes_sha256 as "signature_sha256?"
        from consent c
        left join consent_request r on r.subscriber_id = c.subscriber_id and r.request_id = c.request_id
        left join signature g on g.subscriber_id = c.subscriber_id and g.request_id = c.request_id
        order by c.subscriber_id, c.seq"#
    )
    .fetch(pool);
    let mut before = Before::default();
    while let Some(row) = rows.try_next().await? {
        if before.subscriber_id != row.subscriber_id {
            before = Before { subscriber_id: row.subscriber_id, ..Before::default() };
        }
        if let Some(what) = fault(&row, &before) {
            report.add(row.subscriber_id, None, format!("the proof of consent {} does not hold: {what}", row.seq));
        }
        before.seq = Some(row.seq);
        before.hash = Some(row.hash);
    }
    Ok(())
}

/// The first thing that is wrong with a row.
fn fault(row: &Row, before: &Before) -> Option<&'static str> {
    if row.seq != before.seq.map_or(1, |seq| seq + 1) {
        return Some("a row is missing before it");
    }
    if row.previous_seq != before.seq || row.previous_hash != before.hash {
        return Some("it does not name the row before it");
    }
    let digest =
        Sha256::new().chain_update(row.previous_hash.as_deref().unwrap_or_default()).chain_update(&row.evidence);
    if row.hash != digest.finalize()[..] {
        return Some("its hash is not that of its content");
    }
    let Ok(said) = serde_json::from_slice::<Value>(&row.evidence) else { return Some("it cannot be read") };
    if !says_the_same(row, &said) {
        return Some("its columns say something else");
    }
    if row.request_id.is_some()
        && (row.request_is_same != Some(true) || said["description"].as_str() != row.asked.as_deref())
    {
        return Some("something else was asked");
    }
    if row.request_id.is_some() && !is_answered_as_said(row, &said) {
        return Some("something else was answered");
    }
    if !is_signed_as_said(row, &said) {
        return Some("the signature is another");
    }
    None
}

fn says_the_same(row: &Row, said: &Value) -> bool {
    let text = |key: &str| said[key].as_str();
    let is_at = |key: &str, at: DateTime<Utc>| text(key).and_then(|text| text.parse().ok()) == Some(at);
    let is_amount = |key: &str, amount: Option<Decimal>| {
        text(key).map(str::to_owned) == amount.map(|amount| format!("{amount:.2}"))
    };
    said["subscriber_id"] == row.subscriber_id
        && said["seq"] == row.seq
        && text("purpose") == Some(&row.purpose)
        && text("scheme_id") == row.scheme_id.as_deref()
        && said["version"].as_i64() == row.version.map(i64::from)
        && is_amount("recurring_price", row.recurring_price)
        && is_amount("one_off_price", row.one_off_price)
        && is_amount("cap", row.cap)
        && said["holder_id"].as_i64() == row.holder_id
        && text("method") == Some(&row.method)
        && text("channel_id") == Some(&row.channel_id)
        && is_at("asked_at", row.asked_at)
        && is_at("agreed_at", row.agreed_at)
}

/// A reply by SMS is what came in under that id at that instant; any other answer came the way that was asked, and on the website
/// where an agent's channel had it asked.
fn is_answered_as_said(row: &Row, said: &Value) -> bool {
    if row.method != "sms_reply" {
        let asked = row.asked_through.as_deref().map(|way| if way == channel::WAY { "web" } else { way });
        return asked == Some(row.channel_id.as_str());
    }
    let came_in =
        row.replies.as_ref().zip(said["reference"].as_str()).and_then(|(replies, id)| replies.get(id)?.as_str());
    row.channel_id == "sms" && came_in.map(str::trim) == said["answer"].as_str() && came_in.is_some()
}

/// What was drawn is what the evidence names; a request that was signed has it or a name.
fn is_signed_as_said(row: &Row, said: &Value) -> bool {
    let stated = said["strokes_sha256"].as_str().map(str::to_owned);
    let drawn = row.strokes.as_deref().map(|strokes| hex::encode(Sha256::digest(strokes)));
    let needed = row.method == "signature" && row.request_id.is_some();
    stated == drawn
        && stated == row.strokes_sha256.as_ref().map(hex::encode)
        && stated == row.signature_sha256.as_ref().map(hex::encode)
        && needed == (stated.is_some() != said["signed_name"].is_string())
}

/// A request that counts as agreed has its consent, and a drawn signature too: a row taken from the end of a chain is
/// missed there.
async fn answers(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let lost = sqlx::query!(
        "select r.subscriber_id, r.request_id from consent_request r
        where (r.state = 'agreed' or exists (
                select from signature g where g.subscriber_id = r.subscriber_id and g.request_id = r.request_id))
            and not exists (
                select from consent c where c.subscriber_id = r.subscriber_id and c.request_id = r.request_id)"
    )
    .fetch_all(pool)
    .await?;
    for row in lost {
        report.add(row.subscriber_id, None, format!("the proof of the yes to request {} is gone", row.request_id));
    }
    Ok(())
}

/// An order is for what was agreed to, and what it started is what was ordered (invariants 1 and 2).
async fn offers(pool: &PgPool, report: &mut Report) -> Result<(), AuditError> {
    let other = sqlx::query!(
        r#"select o.subscriber_id, o.order_id from product_order o
        left join consent c on c.subscriber_id = o.subscriber_id and c.seq = o.consent_seq
        left join subscription s on s.subscriber_id = o.subscriber_id and s.order_id = o.order_id
        where (o.scheme_id, o.version, o.recurring_price, o.one_off_price)
                is distinct from (c.scheme_id, c.version, c.recurring_price, c.one_off_price)
            or s.subscription_id is not null
                and (o.scheme_id, o.version, o.recurring_price, o.one_off_price)
                is distinct from (s.scheme_id, s.version, s.recurring_price, s.one_off_price)"#
    )
    .fetch_all(pool)
    .await?;
    for row in other {
        report.add(row.subscriber_id, None, format!("order {} is for something that was not agreed to", row.order_id));
    }
    Ok(())
}
