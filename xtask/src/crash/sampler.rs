//! Looks at the counters again and again while they change.

use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::Run;
use crate::postgres::query;

const PAUSE: Duration = Duration::from_millis(200);

/// Months above the cap that was chosen, by their counter or by their charges, and allowances overdrawn.
const BROKEN: &str = "
    select 'counter of ' || subscriber_id from month_counter join cap_choice using (subscriber_id)
    where seq = cap_seq and overage_charged + overage_reserved > cap
    union all
    select 'charges of ' || subscriber_id from charge join cap_choice using (subscriber_id)
    where kind = 'data_overage' group by subscriber_id having sum(amount) > max(cap)
    union all
    select 'allowance of ' || subscriber_id from allowance where used + reserved > granted or used < 0
    limit 10";

/// Returns how often it looked; while PostgreSQL is down it cannot.
///
/// # Errors
/// When a counter is above its cap, at once.
pub fn watch(url: &str, run: &Run) -> anyhow::Result<u64> {
    let mut samples = 0;
    loop {
        let is_last = run.is_over();
        match query(url, BROKEN) {
            Ok(broken) if broken.is_empty() => samples += 1,
            Ok(broken) => bail!("above the cap or overdrawn:\n{broken}"),
            Err(error) if is_last => return Err(error),
            Err(_) => {}
        }
        if is_last {
            return Ok(samples);
        }
        thread::sleep(PAUSE);
    }
}
