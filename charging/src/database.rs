//! Connecting, and the schema.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool, Row};
use std::borrow::Cow;
use std::time::Duration;

/// The role that the server and every command work as; it has just the grants that the migrations give it.
pub const APP_ROLE: &str = "mingbai_app";

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Brings the schema up to date. `owner` is a pool of the role that owns the tables.
///
/// # Errors
/// When a migration fails, or one that was applied has been altered since.
pub async fn migrate(owner: &PgPool) -> Result<(), MigrateError> {
    MIGRATIONS.run(owner).await
}

/// Whether every migration that this program knows has been applied.
///
/// # Errors
/// When the database does not answer.
pub async fn is_current(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let readable: Option<bool> =
        sqlx::query_scalar("select has_table_privilege(to_regclass('public._sqlx_migrations'), 'select')")
            .fetch_one(pool)
            .await?;
    if readable != Some(true) {
        return Ok(false);
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool).await?;
    Ok(MIGRATIONS.iter().all(|migration| applied.contains(&migration.version)))
}

/// A pool of at most `connections_max` connections that work as [`APP_ROLE`].
///
/// # Errors
/// When the database cannot be reached within ten seconds, or the role does not exist yet.
pub async fn connect_app(options: PgConnectOptions, connections_max: u32) -> Result<PgPool, sqlx::Error> {
    connect(options.options([("role", APP_ROLE)]), connections_max).await
}

/// A pool of the role in the options: the owner, for migrations.
///
/// # Errors
/// When the database cannot be reached within ten seconds.
pub async fn connect(options: PgConnectOptions, connections_max: u32) -> Result<PgPool, sqlx::Error> {
    let options = options.application_name("mingbai").disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(10))
        .after_release(|conn, _| Box::pin(is_outside_transaction(conn)))
        .connect_with(options)
        .await
}

/// A pool for charging, beside one that is there: its statements take a few rows by their keys. Plans are kept as long as
/// a connection, and one that is made while a table is small would read all of it when it is large; so reading whole
/// tables is what the planner does last; that it thinks such a plan dear must not make it compile it. It connects when it
/// is first used.
pub fn for_charging(pool: &PgPool, connections_max: u32) -> PgPool {
    let by_key = [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off")];
    let options = pool.connect_options().as_ref().clone().options(by_key);
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(10))
        .connect_lazy_with(options)
}

/// SQLSTATE, of an error that the database told.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// Whether the database gave the work up because others were at it too: it may succeed when tried again.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("40001" | "40P01"))
}

/// Whoever is dropped between sending `begin` and its answer (a request whose browser went away) leaves a transaction
/// open that sqlx does not know of; what the next user of the connection writes would never be committed. Such a
/// connection is closed. A statement alone, sent as one message, is as old as its transaction.
async fn is_outside_transaction(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("select now() = statement_timestamp()").fetch_one(conn).await?.try_get(0)
}
