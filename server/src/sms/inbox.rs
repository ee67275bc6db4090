//! What the SMS centre sends of its own accord: messages from phones, and receipts. Each is answered once it is committed.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use charging::clock::SharedClock;
use charging::notice::receipt::{self, Receipt};
use futures::{Stream, StreamExt as _};
use rusmpp::pdus::{DeliverSm, DeliverSmResp};
use rusmpp::{CommandId, CommandStatus, Pdu};
use rusmppc::{Client, Event};
use sqlx::PgPool;
use tokio::time::Instant;

use super::incoming::{self, Delivery, Received};
use super::receipt::{is_receipt, read};
use super::{address, connect, metric};

/// What is taken from the connection at a time.
const BATCH: usize = 512;

/// Receives over one connection.
pub struct Inbox<'a> {
    pub pool: &'a PgPool,
    pub clock: &'a SharedClock,
    pub client: &'a Client,
}

/// Deliveries that were answered, the oldest first.
type Answered = VecDeque<(Instant, Delivery)>;

impl Inbox<'_> {
    /// Until the connection is over.
    pub async fn run(&self, events: Pin<Box<dyn Stream<Item = Event> + Send>>) {
        let mut answered = Answered::new();
        let mut chunks = events.ready_chunks(BATCH);
        let mut looked = tokio::time::interval(connect::ALIVE_EVERY);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                _ = looked.tick() => {
                    self.forget(&mut answered).await;
                    continue;
                }
            };
            let Some(chunk) = chunk else { return };
            let mut receipts = Vec::new();
            for event in chunk {
                let Event::Incoming(command) = event else { continue };
                let (id, _, number, pdu) = command.into_parts().raw();
                match pdu {
                    Some(Pdu::DeliverSm(delivered)) if is_receipt(&delivered) => receipts.push((number, delivered)),
                    Some(Pdu::DeliverSm(delivered)) => answered.extend(self.receive(number, &delivered).await),
                    other => self.other(id, number, other).await,
                }
            }
            self.take_receipts(receipts).await;
        }
    }

    /// A message from a phone.
    async fn receive(&self, number: u32, delivered: &DeliverSm) -> Option<(Instant, Delivery)> {
        let received = incoming::receive(self.pool, delivered, self.clock.now()).await;
        let (result, status, delivery) = match received {
            Ok(Received::Handled(delivery)) => ("handled", CommandStatus::EsmeRok, Some(delivery)),
            Ok(Received::UnknownSender) => ("unknown_sender", CommandStatus::EsmeRok, None),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "a message could not be handled: the SMS centre keeps it");
                ("failed", CommandStatus::EsmeRxTAppn, None)
            }
        };
        metrics::counter!(metric::RECEIVED, "result" => result).increment(1);
        self.answer(number, status).await;
        delivery.map(|delivery| (Instant::now(), delivery))
    }

    /// Receipts, all at once.
    async fn take_receipts(&self, delivered: Vec<(u32, DeliverSm)>) {
        if delivered.is_empty() {
            return;
        }
        let status = match self.keep(&delivered).await {
            Ok(()) => CommandStatus::EsmeRok,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "receipts could not be kept: the SMS centre keeps them");
                CommandStatus::EsmeRxTAppn
            }
        };
        for (number, _) in delivered {
            self.answer(number, status).await;
        }
    }

    async fn keep(&self, delivered: &[(u32, DeliverSm)]) -> anyhow::Result<()> {
        // The centre tells in the name of whom the message was for.
        let numbers = delivered.iter().map(|(_, one)| address::subscriber(one.source_addr.as_str()));
        let numbers: Vec<Option<String>> = numbers.map(|number| number.map(String::from)).collect();
        let known: Vec<&str> = numbers.iter().flatten().map(String::as_str).collect();
        let rows =
            sqlx::query!("select msisdn, subscriber_id from subscriber where msisdn = any($1)", &known as &[&str])
                .fetch_all(self.pool)
                .await?;
        let ids: HashMap<String, i64> = rows.into_iter().map(|row| (row.msisdn, row.subscriber_id)).collect();
        let mut receipts = Vec::new();
        for ((_, delivered), number) in delivered.iter().zip(&numbers) {
            let subscriber_id = number.as_ref().and_then(|number| ids.get(number)).copied();
            let told = subscriber_id.zip(read(delivered));
            let result = told.as_ref().map_or("unknown", |(_, read)| read.outcome.map_or("under_way", |o| o.as_str()));
            metrics::counter!(metric::RECEIPTS, "result" => result).increment(1);
            if let Some((subscriber_id, read)) = told
                && let Some(outcome) = read.outcome
            {
                receipts.push(Receipt { subscriber_id, message_id: read.message_id, outcome, error: read.error });
            }
        }
        receipt::keep(&mut *self.pool.acquire().await?, &receipts, self.clock.now()).await?;
        Ok(())
    }

    async fn answer(&self, number: u32, status: CommandStatus) {
        // Where the connection is over, the centre delivers it again.
        self.client.status(status).deliver_sm_resp(number, DeliverSmResp::default()).await.ok();
    }

    /// What is neither a message nor a receipt.
    async fn other(&self, id: CommandId, number: u32, pdu: Option<Pdu>) {
        match pdu {
            Some(Pdu::Unbind) => {
                tracing::info!("the SMS centre ends the connection");
                self.client.unbind_resp(number).await.ok();
                self.client.close().await.ok();
            }
            _ if id.is_response() => tracing::debug!(?id, "an answer that came too late"),
            _ => {
                tracing::debug!(?id, "a request of the SMS centre that is not served");
                self.client.generic_nack(number).await.ok();
            }
        }
    }

    /// A connection that is still alive after so long has carried our answers: those deliveries will not be repeated.
    async fn forget(&self, answered: &mut Answered) {
        const SURE_AFTER: Duration =
            connect::ALIVE_EVERY.saturating_add(connect::ALIVE_TIME_MAX).saturating_add(connect::ALIVE_EVERY);
        while self.client.is_active() {
            let Some((at, delivery)) = answered.front() else { return };
            if at.elapsed() < SURE_AFTER {
                return;
            }
            if let Err(error) = delivery.forget(self.pool).await {
                tracing::warn!(error = format!("{error:#}"), "a delivery stays remembered");
                return;
            }
            answered.pop_front();
        }
    }
}
