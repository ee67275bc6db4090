//! A plan of the demo's staff to take a tariff off sale that another one makes needless, which waits for the second person.

use std::net::{IpAddr, Ipv4Addr};

use charging::clock::Month;
use charging::staff::{Actor, Member, Role};
use charging::tariff::withdrawal::{WithdrawalError, ask, list};
use chrono::{DateTime, Utc};
use sqlx::PgPool;

const ASKS: &str = "demo.manager";
const TARIFF: &str = "24MB900022";
const REASON: &str = "畅享 59 升到 30GB 以后，这个套餐每月贵 6 元，包含的一样。";

/// Asks for it as the demo's tariff manager, where nobody ever planned anything.
///
/// # Errors
/// When the database fails.
pub async fn ensure(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    let login = ASKS.parse()?;
    let Some(staff_id) = charging::staff::account::find_by_login(&mut tx, &login).await? else { return Ok(()) };
    if !list(&mut tx).await?.is_empty() {
        return Ok(());
    }
    let member = Member { staff_id, login, name: ASKS.to_owned(), roles: vec![Role::TariffManager] };
    let actor = Actor::Member { member, address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let stops = Month::of(now).next().next().start();
    match ask(&mut tx, &actor, &[TARIFF.parse()?], (stops, REASON), now).await {
        Ok(_) => Ok(tx.commit().await?),
        // A demo of earlier had no such tariff.
        Err(WithdrawalError::NotOnSale(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
