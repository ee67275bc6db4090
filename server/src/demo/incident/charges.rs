//! The wrong charges, as the system that made them hands them over.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use charging::clock::{local_date, start_of_day};
use chrono::{DateTime, Days, TimeDelta, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::json;

use super::people::{SCHEME_ID, msisdn};

/// When it was: so many days before now, at two in the morning, within an hour.
const DAYS_AGO: u64 = 12;
const LASTED: TimeDelta = TimeDelta::hours(1);
/// The price, in yuan; and of how many days of the month a third of them were charged, at most.
const PRICE: Decimal = Decimal::from_parts(95, 0, 0, false, 0);
const DAYS: u32 = 30;

/// Writes a line for each subscriber.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, charges: u32, now: DateTime<Utc>) -> anyhow::Result<()> {
    let night = start_of_day(local_date(now) - Days::new(DAYS_AGO)) + TimeDelta::hours(2);
    let pause = LASTED / i32::try_from(charges).unwrap_or(i32::MAX);
    let mut file = BufWriter::new(File::create(path).context("no room for files")?);
    for n in 1..=charges {
        let at = night + pause * i32::try_from(n - 1).unwrap_or(i32::MAX);
        let line = json!({
            "id": format!("night-{n}"), "msisdn": msisdn(n), "scheme_id": SCHEME_ID, "amount": amount(n).to_string(),
            "charged_at": at, "ordered_at": at, "route": route(n), "source": "系统升级任务",
        });
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

/// The whole price, or that of some days, to the fen.
fn amount(n: u32) -> Decimal {
    let days = if n.is_multiple_of(3) { 1 + n % DAYS } else { DAYS };
    let amount = PRICE * Decimal::from(days) / Decimal::from(DAYS);
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Most were paid with the bill, some from the balance, some through the gateway or a platform.
fn route(n: u32) -> String {
    match n % 20 {
        0..12 => "bill".to_owned(),
        12..16 => "balance".to_owned(),
        16 | 17 => format!("gateway:42000095{n:010}"),
        _ => "platform:应用商店".to_owned(),
    }
}
