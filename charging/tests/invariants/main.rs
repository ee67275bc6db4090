//! Tries to break each invariant of the design by plain SQL, as the role that the server works as. The database itself
//! must refuse: by the constraint that is named here, or for want of a grant (42501).

#[path = "../channels/agents.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod agents;
mod append_only;
mod channels;
mod consent;
mod disputes;
mod family;
mod incident;
mod mass_offer;
mod money;
mod orders;
mod preparation;
mod refunds;
mod shape;
mod staff;
mod tariffs;
mod usage;
mod who;
mod withdrawal;
#[path = "../consent/world.rs"]
mod world;

use charging::quantity::{GIB, MIB, Service};
use charging::usage::UsageRecord;
use charging::usage::store::{Ingested, ingest_batch};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use world::{ADDON, PLAN, Placed, World, at, now};

/// No such grant.
const DENIED: &str = "42501";
const NOT_NULL: &str = "23502";

/// What is tried, how, and what must refuse it.
type Attempt = (&'static str, String, &'static str);

/// The name of the constraint that an error comes from, else its code.
fn refuser(error: &sqlx::Error) -> String {
    let error = error.as_database_error().unwrap_or_else(|| panic!("not the database: {error}"));
    let code = error.code().unwrap_or_default().into_owned();
    error.constraint().map_or(code, str::to_owned)
}

async fn execute(conn: &mut PgConnection, sql: &str) -> Result<u64, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.map(|done| done.rows_affected())
}

/// Each attempt must be refused, and by what is expected to refuse it.
async fn refused(pool: &PgPool, attempts: &[Attempt]) {
    let mut wrong = Vec::new();
    for (what, sql, expected) in attempts {
        let mut tx = pool.begin().await.unwrap();
        match execute(&mut tx, sql).await {
            Ok(rows) => wrong.push(format!("{what}: {rows} rows went in\n  {sql}")),
            Err(error) if refuser(&error) != *expected => {
                wrong.push(format!("{what}: refused by {}, not by {expected}: {error}\n  {sql}", refuser(&error)));
            }
            Err(_) => {}
        }
        tx.rollback().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same statement without its fault goes through, so that the fault is what was refused.
async fn accepted(pool: &PgPool, sql: &str) {
    let mut tx = pool.begin().await.unwrap();
    let rows = execute(&mut tx, sql).await.unwrap_or_else(|error| panic!("{error}\n  {sql}"));
    assert!(rows >= 1, "{sql}");
    tx.rollback().await.unwrap();
}

/// Two subscribers with the plan since September; the first has the add-on too, and 100 MB beyond the allowance.
struct Broken {
    world: World,
    a: i64,
    b: i64,
    plan: Placed,
    addon: Placed,
    other: Placed,
}

impl Broken {
    async fn new() -> Self {
        let world = World::new().await;
        let (a, b) = (world.subscriber(1).await, world.subscriber(2).await);
        let september = at("2026-09-01T00:00:00+08:00");
        let plan = world.has(a, PLAN, september).await;
        let other = world.has(b, PLAN, september).await;
        let addon = world.has(a, ADDON, at("2026-10-01T00:00:00+08:00")).await;
        let record = |id: &str, started_at: &str, quantity| UsageRecord {
            id: id.to_owned(),
            service: Service::Data,
            started_at: at(started_at),
            quantity,
            rating_group: None,
        };
        let records = [
            record("r1", "2026-10-02T08:00:00+08:00", 3 * GIB),
            record("r2", "2026-10-03T08:00:00+08:00", 100 * MIB),
            record("r3", "2026-10-04T08:00:00+08:00", MIB),
        ];
        let mut tx = world.db.app.begin().await.unwrap();
        let results = ingest_batch(&mut tx, &records.map(|record| (a, record)), now()).await.unwrap();
        assert!(results.iter().all(|result| matches!(result, Ingested::Accepted)), "{results:?}");
        tx.commit().await.unwrap();
        Self { world, a, b, plan, addon, other }
    }

    fn app(&self) -> &PgPool {
        &self.world.db.app
    }
}
