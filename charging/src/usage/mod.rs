//! 用量 Usage: what is granted, what each record takes and costs, and the cap. The rules are those of design.md,
//! "Rating rules"; they are pure, and the SQL beside them only keeps their state.

pub mod allowance;
pub mod cap;
pub mod line;
#[cfg(test)]
mod month_tests;
pub mod overage;
pub mod pool;
pub mod rating;
#[cfg(test)]
mod rating_tests;
mod reference;
pub mod session;
pub mod spending_limit;
#[cfg(feature = "postgres")]
pub mod store;
pub mod threshold;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::quantity::Service;

/// Usage as a source reports it, once by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// Unique per subscriber; 1 to 128 characters.
    pub id: String,
    pub service: Service,
    /// In whole microseconds, as the database keeps it.
    pub started_at: DateTime<Utc>,
    /// Bytes, seconds, messages.
    pub quantity: u64,
    /// Picks directed allowances (定向).
    pub rating_group: Option<u32>,
}

/// What becomes of a record that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    New,
    /// The same record was stored before.
    Repeated,
    /// Another record has this id.
    Conflict,
}

/// Tells new records from repeated ones, against those stored before and those earlier in the list. Of two records with
/// one id the earlier one counts.
pub fn novelty(records: &[&UsageRecord], stored: &[UsageRecord]) -> Vec<Novelty> {
    let mut known: HashMap<&str, &UsageRecord> = stored.iter().map(|record| (record.id.as_str(), record)).collect();
    records
        .iter()
        .map(|record| match known.get(record.id.as_str()) {
            Some(same) if same == record => Novelty::Repeated,
            Some(_) => Novelty::Conflict,
            None => {
                known.insert(&record.id, record);
                Novelty::New
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_counts_once() {
        let record = |id: &str, quantity| UsageRecord {
            id: id.to_owned(),
            service: Service::Sms,
            started_at: DateTime::UNIX_EPOCH,
            quantity,
            rating_group: None,
        };
        let reported = [record("a", 1), record("b", 1), record("b", 1), record("b", 2), record("c", 1), record("a", 2)];
        let [a, b, c] = [Novelty::New, Novelty::Repeated, Novelty::Conflict];
        assert_eq!(novelty(&reported.each_ref(), &[record("c", 1)]), [a, a, b, c, b, c]);
    }
}
