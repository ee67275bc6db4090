//! A database of its own for each test, copied from a template that holds the schema.
//!
//! `MINGBAI_TEST_DATABASE_URL` names a server on which databases may be created; `cargo xtask test` starts one.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot have its database must fail")]

use std::env;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::database;

/// A database that is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Works as the owner of the tables.
    pub owner: PgPool,
    /// Works as the role that the server has.
    pub app: PgPool,
    options: PgConnectOptions,
    admin: PgConnectOptions,
    name: String,
}

impl TestDatabase {
    /// Creates a database with the schema and nothing in it.
    pub async fn create() -> Self {
        let admin = admin_options();
        let template = ensure_template(&admin).await;
        let name = format!("mingbai_test_{:032x}", rand::random::<u128>());
        let mut connection = PgConnection::connect_with(&admin).await.expect("the test server answers");
        execute(&mut connection, format!("create database {name} template {template}")).await;
        connection.close().await.ok();
        let options = admin.clone().database(&name);
        let owner = database::connect(options.clone(), 4).await.expect("connect as owner");
        let app = database::connect_app(options.clone(), 8).await.expect("connect as mingbai_app");
        Self { owner, app, options, admin, name }
    }

    /// For another process or pool.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Drops the database; call it at the end of a test that passed.
    pub async fn drop(self) {
        self.app.close().await;
        self.owner.close().await;
        let mut connection = PgConnection::connect_with(&self.admin).await.expect("the test server answers");
        execute(&mut connection, format!("drop database {} with (force)", self.name)).await;
    }
}

fn admin_options() -> PgConnectOptions {
    let url = env::var("MINGBAI_TEST_DATABASE_URL").expect(
        "MINGBAI_TEST_DATABASE_URL is not set: run `cargo xtask test`, which starts a PostgreSQL for the tests",
    );
    PgConnectOptions::from_str(&url).expect("MINGBAI_TEST_DATABASE_URL is a PostgreSQL address")
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(connection).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// One template a schema: its name holds the digest of the migrations.
async fn ensure_template(admin: &PgConnectOptions) -> String {
    let migrator = sqlx::migrate!("../migrations");
    let mut digest = Sha256::new();
    for migration in migrator.iter() {
        digest.update(&*migration.checksum);
    }
    let template = format!("mingbai_template_{}", &hex::encode(digest.finalize())[..16]);
    let mut connection = PgConnection::connect_with(admin).await.expect("the test server answers");
    execute(&mut connection, "select pg_advisory_lock(4711)".to_owned()).await;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&template)
        .fetch_one(&mut connection)
        .await
        .expect("the catalogue of databases");
    if !exists {
        let building = format!("{template}_building");
        execute(&mut connection, format!("drop database if exists {building} with (force)")).await;
        execute(&mut connection, format!("create database {building}")).await;
        let pool = database::connect(admin.clone().database(&building), 1).await.expect("connect to the template");
        database::migrate(&pool).await.expect("the migrations apply");
        pool.close().await;
        execute(&mut connection, format!("alter database {building} rename to {template}")).await;
    }
    connection.close().await.ok();
    template
}
