//! Limits on attempts, counted by number, address or subscriber in windows that begin with the first of them.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// So many in a window, for each of what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: &'static str,
    pub max: i32,
    pub window: TimeDelta,
}

/// Codes sent to one number in a minute.
pub const CODES_A_MINUTE: Limit = Limit { name: "code_minute", max: 1, window: TimeDelta::minutes(1) };
/// Codes sent to one number in an hour.
pub const CODES_AN_HOUR: Limit = Limit { name: "code_hour", max: 5, window: TimeDelta::hours(1) };
/// Codes asked for from one address in 15 minutes, whatever the numbers.
pub const CODES_BY_ADDRESS: Limit = Limit { name: "code_address", max: 30, window: TimeDelta::minutes(15) };
/// Codes tried for one number in an hour: what five codes of five tries allow.
pub const CODE_TRIES_BY_NUMBER: Limit = Limit { name: "code_try_number", max: 25, window: TimeDelta::hours(1) };
/// Wrong service passwords for one number in 15 minutes.
pub const PASSWORDS_BY_NUMBER: Limit = Limit { name: "password_number", max: 10, window: TimeDelta::minutes(15) };
/// Sign-ins tried from one address in 15 minutes, by password or code; many subscribers can share an address.
pub const SIGN_INS_BY_ADDRESS: Limit = Limit { name: "sign_in_address", max: 60, window: TimeDelta::minutes(15) };
/// Messages that ask one subscriber for a yes in an hour.
pub const REQUESTS_AN_HOUR: Limit = Limit { name: "request_hour", max: 20, window: TimeDelta::hours(1) };

/// Numbers that one subscriber tries to invite to a family bill in an hour, so that nobody finds out by it which numbers are ours.
pub const INVITATIONS_TRIED: Limit = Limit { name: "family_hour", max: 20, window: TimeDelta::hours(1) };

/// The longest of the windows above.
const WINDOW_MAX: TimeDelta = TimeDelta::hours(1);

/// What an address counts as: an IPv6 household has a /64.
pub fn address_bucket(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Counts one attempt. `Some`: it was one too many; the time until the window ends. The count lasts when the caller
/// commits.
///
/// # Errors
/// When the database failed.
pub async fn count(
    conn: &mut PgConnection,
    limit: &Limit,
    of: &str,
    now: DateTime<Utc>,
) -> Result<Option<TimeDelta>, sqlx::Error> {
    let counted = sqlx::query!(
        "insert into attempt (bucket, window_start, count) values ($1, $2, 1)
        on conflict (bucket) do update set
            count = case when attempt.window_start <= $3 then 1 else least(attempt.count + 1, 1000000) end,
            window_start = case when attempt.window_start <= $3 then $2 else attempt.window_start end
        returning count, window_start",
        bucket(limit, of),
        now,
        now - limit.window,
    )
    .fetch_one(conn)
    .await?;
    Ok((counted.count > limit.max).then(|| counted.window_start + limit.window - now))
}

/// Forgets what was counted in the present window, after a success.
///
/// # Errors
/// When the database failed.
pub async fn forget(conn: &mut PgConnection, limit: &Limit, of: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from attempt where bucket = $1", bucket(limit, of)).execute(conn).await?;
    Ok(())
}

/// Removes windows that are over. Returns how many.
///
/// # Errors
/// When the database failed.
pub async fn sweep(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let removed = sqlx::query!("delete from attempt where window_start < $1", now - WINDOW_MAX).execute(conn).await?;
    Ok(removed.rows_affected())
}

fn bucket(limit: &Limit, of: &str) -> String {
    format!("{}:{of}", limit.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one_address() {
        let bucket = |text: &str| address_bucket(text.parse().unwrap());
        assert_eq!(bucket("2001:db8:1:2:3:4:5:6"), bucket("2001:db8:1:2::1"));
        assert_ne!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"));
        assert_eq!(bucket("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
