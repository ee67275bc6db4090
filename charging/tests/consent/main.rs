//! Asking, agreeing, ordering, stopping, signing in: against a real database, with the clock in the test's hand.

mod commands;
mod commitment;
mod family;
mod first_charge;
mod history;
mod incoming;
mod kinds;
mod mass_offer;
mod offers;
mod ordering;
mod outbox;
mod race;
mod renewal;
mod sign_in;
mod signing;
mod stopping;
mod tampering;
mod third_party;
mod world;

use charging::actor::By;
use charging::consent::chain::verify;
use charging::consent::request::Asked;
use charging::consent::store::links;
use charging::order::flow::{Ordered, confirm, request};
use charging::order::store::OrderError;
use chrono::{DateTime, Utc};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use world::{World, now};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

impl World {
    /// Asks for a yes to an order on the website.
    async fn ask(&self, subscriber_id: i64, scheme_id: &str, at: DateTime<Utc>) -> Result<Asked, OrderError> {
        let mut tx = self.db.app.begin().await.unwrap();
        let seed = at.timestamp().unsigned_abs() + subscriber_id.unsigned_abs();
        let asked =
            request(&mut tx, subscriber_id, &scheme_id.parse().unwrap(), &By::subscriber("web"), at, &mut rng(seed))
                .await?;
        tx.commit().await.unwrap();
        Ok(asked)
    }

    /// Asks and answers with the code that was sent.
    async fn order(&self, subscriber_id: i64, scheme_id: &str, at: DateTime<Utc>) -> Result<Ordered, OrderError> {
        let asked = self.ask(subscriber_id, scheme_id, at).await?;
        let code = self.code(subscriber_id).await;
        confirm(&self.db.app, subscriber_id, asked.request_id, &code, at).await
    }

    /// The message that was put into the outbox last.
    async fn last_sms(&self, subscriber_id: i64) -> (String, String) {
        sqlx::query_as("select kind, body from notice where subscriber_id = $1 order by notice_id desc limit 1")
            .bind(subscriber_id)
            .fetch_one(&self.db.app)
            .await
            .unwrap()
    }

    /// The code in that message.
    async fn code(&self, subscriber_id: i64) -> String {
        let (_, body) = self.last_sms(subscriber_id).await;
        let (_, after) = body.split_once("验证码").unwrap_or_else(|| panic!("no code in {body}"));
        after[..6].to_owned()
    }

    /// Every message, oldest first.
    async fn sms(&self, subscriber_id: i64) -> Vec<(String, String)> {
        sqlx::query_as("select kind, body from notice where subscriber_id = $1 order by notice_id")
            .bind(subscriber_id)
            .fetch_all(&self.db.app)
            .await
            .unwrap()
    }

    async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&self.db.app)
            .await
            .unwrap()
    }

    async fn check_chain(&self, subscriber_id: i64, length: usize) {
        let mut conn = self.db.app.acquire().await.unwrap();
        let links = links(&mut conn, subscriber_id).await.unwrap();
        assert_eq!(links.len(), length);
        verify(subscriber_id, links).unwrap();
    }
}

/// A code that is not this one.
fn other_code(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

/// Noon and so much.
fn later(text: &str) -> DateTime<Utc> {
    let (minutes, seconds) = text.split_once(':').unwrap();
    now() + chrono::TimeDelta::minutes(minutes.parse().unwrap()) + chrono::TimeDelta::seconds(seconds.parse().unwrap())
}
