//! What demo mode shows to everyone: numbers to sign in with, and their service password.

#[cfg(feature = "postgres")]
pub mod gateway;

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

/// A message on the simulated handset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandsetMessage {
    /// Whether the subscriber sent it to 10086.
    pub outgoing: bool,
    /// A phone call from 10086: `body` is what it says.
    pub is_call: bool,
    pub at: chrono::DateTime<chrono::Utc>,
    pub body: String,
    /// As of a notice.
    pub state: String,
}

/// The newest messages to and from a number, the newest last. Codes are shown: this is the phone itself.
///
/// # Errors
/// When the database fails.
#[cfg(feature = "postgres")]
pub async fn handset(
    conn: &mut sqlx::PgConnection,
    subscriber_id: i64,
    limit: u8,
) -> Result<Vec<HandsetMessage>, sqlx::Error> {
    let mut messages = sqlx::query_as!(
        HandsetMessage,
        r#"select outgoing as "outgoing!", is_call as "is_call!", at as "at!", body as "body!", state as "state!" from (
            select false as outgoing, channel = 'call' as is_call, notice_id as id, created_at as at, body, state
            from notice
            where subscriber_id = $1
            union all
            select true, false, incoming_id, received_at, body, 'sent' from incoming_sms where subscriber_id = $1
        ) as message order by at desc, outgoing, id desc limit $2"#,
        subscriber_id,
        i64::from(limit)
    )
    .fetch_all(conn)
    .await?;
    messages.reverse();
    Ok(messages)
}
