//! Looks for charges that look wrong among those that arrived, and tells of what was found: in the log, and as numbers for
//! whoever watches over the server. The desk shows it by itself.

use charging::incident::finding::review::review_new;
use charging::incident::finding::store::waiting;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Charges that detectors found, by detector.
const FOUND: &str = "mingbai_charges_found_total";
/// Findings that nobody has dealt with, and the charges in them.
const FINDINGS: &str = "mingbai_findings_open";
const CHARGES: &str = "mingbai_findings_open_charges";

/// # Errors
/// When the database does not answer.
pub async fn run(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    for found in review_new(pool, now).await?.found {
        let (detector, charges) = (found.detector.as_str(), found.charges);
        tracing::warn!(detector, charges, yuan = %found.amount, "charges look wrong: see /staff/incidents");
        metrics::counter!(FOUND, "detector" => detector).increment(charges.unsigned_abs());
    }
    let open = waiting(&mut *pool.acquire().await?).await?;
    metrics::gauge!(FINDINGS).set(u32::try_from(open.findings).unwrap_or(u32::MAX));
    metrics::gauge!(CHARGES).set(u32::try_from(open.charges).unwrap_or(u32::MAX));
    Ok(())
}
