//! What demo mode shows to everyone: numbers to sign in with, and their service password.

/// The service password that `demo load` gives to every subscriber it makes.
pub const SERVICE_PASSWORD: &str = "264813";

/// Numbers of the subscribers who came first.
///
/// # Errors
/// When the database fails.
#[cfg(feature = "postgres")]
pub async fn numbers(conn: &mut sqlx::PgConnection, limit: u8) -> Result<Vec<DemoNumber>, sqlx::Error> {
    sqlx::query_as!(DemoNumber, "select msisdn, name from subscriber order by subscriber_id limit $1", i64::from(limit))
        .fetch_all(conn)
        .await
}

/// A number to sign in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoNumber {
    pub msisdn: String,
    pub name: String,
}
