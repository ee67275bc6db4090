//! What must be in the database when everything was answered.

use std::collections::HashMap;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};

use super::writer::Session;
use crate::bench::Place;
use crate::postgres::query;

/// Differences that are shown.
const SHOWN_MAX: usize = 10;

/// # Errors
/// When an event is missing, is there twice or otherwise, or the audit finds a difference.
pub fn check(place: &Place, url: &str, sessions: &[Session], events: u64) -> anyhow::Result<()> {
    let mut missing: HashMap<String, u64> = HashMap::new();
    for session in sessions {
        for (sequence, bytes) in (1..).zip(&session.reported) {
            let sequence: u32 = sequence;
            missing.insert(format!("{}/{sequence}/0", session.id), *bytes);
        }
    }
    ensure!(missing.len() as u64 == events, "{} events were sent of {events}", missing.len());
    let records = query(url, "select source_id || ' ' || quantity from usage_record")?;
    let mut wrong: Vec<String> = Vec::new();
    for record in records.lines() {
        let (id, bytes) = record.split_once(' ').context("a record")?;
        let bytes: u64 = bytes.parse()?;
        match missing.remove(id) {
            Some(sent) if sent == bytes => {}
            Some(sent) => wrong.push(format!("{id}: {bytes} bytes are stored, {sent} were sent")),
            None => wrong.push(format!("{id}: stored twice, or never sent")),
        }
    }
    wrong.extend(missing.keys().map(|id| format!("{id}: answered, and not there")));
    if !wrong.is_empty() {
        bail!(
            "{} events are not as they were answered:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(SHOWN_MAX)].join("\n")
        );
    }
    println!("every event that was answered is there once: {events} records");
    let held = "select count(*) from month_counter where overage_reserved <> 0";
    let held = query(url, held)?;
    ensure!(held == "0", "{held} counters hold something for sessions that ended");
    let at_cap = query(
        url,
        "select count(*) filter (where absorbed > 0) || ' of ' || count(*) from (
            select sum(absorbed) as absorbed from usage_record group by subscriber_id) as of_one",
    )?;
    println!("subscribers who came to their cap: {at_cap}");
    audit(place, url)
}

fn audit(place: &Place, url: &str) -> anyhow::Result<()> {
    let output = place.program_on(url, &["audit"]).stderr(Stdio::inherit()).output().context("cannot run the audit")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    println!("audit: {last}");
    if !output.status.success() || !last.contains("differences 0,") {
        bail!("the audit says:\n{said}");
    }
    Ok(())
}
