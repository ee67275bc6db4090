//! What the SMS centre sends of its own accord: messages from phones, and receipts. Each is answered once it is committed.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use charging::clock::SharedClock;
use charging::notice::receipt::{self, Receipt};
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use rusmpp::pdus::{DeliverSm, DeliverSmResp};
use rusmpp::{CommandId, CommandStatus, Pdu};
use rusmppc::{Client, Event};
use sqlx::PgPool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::incoming::{self, Delivery, Received};
use super::receipt::{is_receipt, read};
use super::sift::Unreadable;
use super::{address, metric};

/// What is taken from the connection at a time.
const BATCH: usize = 512;

/// Receives over one connection.
pub struct Inbox<'a> {
    pub pool: &'a PgPool,
    pub clock: &'a SharedClock,
    pub client: &'a Client,
}

/// How often it is asked whether the centre has read our answers.
const SURE_EVERY: Duration = Duration::from_secs(1);
/// The same octets within so long are a repetition, whatever the centre has read: nobody types that fast.
const REPEATED_WITHIN: Duration = Duration::from_secs(10);
/// Messages that are handled at once. Those of one phone are in one line, and handled one after the other.
const LINES: usize = 8;

/// What stands in a line.
enum Work {
    /// A message and its sequence number.
    Message(u32, Box<DeliverSm>),
    /// The centre has read what was answered before then, and will not repeat it.
    Read(Instant),
}

/// Where what comes in goes to.
struct Desks {
    lines: Vec<UnboundedSender<Work>>,
    receipts: UnboundedSender<(u32, DeliverSm)>,
    /// Deliveries that were answered and are remembered, in all lines.
    remembered: Arc<AtomicUsize>,
}

/// The line of a phone, however its number is written.
pub(super) fn line_of(address: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    address::subscriber(address).map_or_else(|| address.to_owned(), String::from).hash(&mut hasher);
    usize::try_from(hasher.finish() % (LINES as u64)).unwrap_or_default()
}

impl Inbox<'_> {
    /// Until the connection is over.
    pub async fn run(
        &self,
        events: Pin<Box<dyn Stream<Item = Event> + Send>>,
        unreadable: UnboundedReceiver<Unreadable>,
    ) {
        let (lines, works): (Vec<_>, Vec<_>) = (0..LINES).map(|_| unbounded_channel()).unzip();
        let (receipts, told) = unbounded_channel();
        let remembered = Arc::new(AtomicUsize::new(0));
        let handled = works.into_iter().map(|work| self.handle(work, Arc::clone(&remembered)));
        let handled = join_all(handled);
        let desks = Desks { lines, receipts, remembered };
        tokio::join!(self.hand_out(events, unreadable, desks), handled, self.take_receipts(told));
    }

    /// Hands out what comes in, without waiting for any of it to be handled. Once a second it asks whether the centre has
    /// read our answers. Requests and answers keep their order on a connection, so an answer to a request of ours tells
    /// that what we sent before was read; what the centre had sent before was handed out by the next look.
    async fn hand_out(
        &self,
        events: Pin<Box<dyn Stream<Item = Event> + Send>>,
        mut unreadable: UnboundedReceiver<Unreadable>,
        desks: Desks,
    ) {
        let mut chunks = events.ready_chunks(BATCH);
        let mut looked = tokio::time::interval(SURE_EVERY);
        looked.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut asked, mut read) = (FuturesUnordered::new(), None);
        loop {
            tokio::select! {
                // What came in before is looked at first: it may repeat what would be forgotten.
                biased;
                chunk = chunks.next() => {
                    let Some(chunk) = chunk else { return };
                    for event in chunk {
                        self.sort(event, &desks).await;
                    }
                }
                Some(one) = unreadable.recv() => self.refuse(one).await,
                Some(answered) = asked.next() => read = answered,
                _ = looked.tick() => {
                    if let Some(before) = read.take() {
                        for line in &desks.lines {
                            line.send(Work::Read(before)).ok();
                        }
                    }
                    if asked.is_empty() && desks.remembered.load(Ordering::Relaxed) > 0 {
                        asked.push(self.ask());
                    }
                }
            }
        }
    }

    /// Asks the centre for any answer. Everything that was sent before the instant that is returned, it has read.
    async fn ask(&self) -> Option<Instant> {
        let now = Instant::now();
        self.client.enquire_link().await.ok().map(|()| now)
    }

    /// To the desk that it is for, which is there for as long as something can come in.
    async fn sort(&self, event: Event, desks: &Desks) {
        let Event::Incoming(command) = event else { return };
        let (id, _, number, pdu) = command.into_parts().raw();
        match pdu {
            Some(Pdu::DeliverSm(delivered)) if is_receipt(&delivered) => {
                desks.receipts.send((number, delivered)).ok();
            }
            Some(Pdu::DeliverSm(delivered)) => {
                let line = &desks.lines[line_of(delivered.source_addr.as_str())];
                line.send(Work::Message(number, Box::new(delivered))).ok();
            }
            other => self.other(id, number, other).await,
        }
    }

    /// Answers what cannot be read, so that the centre does not repeat it for ever.
    async fn refuse(&self, Unreadable { id, number }: Unreadable) {
        metrics::counter!(metric::RECEIVED, "result" => "unreadable").increment(1);
        if id == CommandId::DeliverSm {
            self.answer(number, CommandStatus::EsmeRxRAppn).await;
        } else {
            self.client.status(CommandStatus::EsmeRinvcmdlen).generic_nack(number).await.ok();
        }
    }

    /// Handles the messages of a line, one after the other.
    async fn handle(&self, mut line: UnboundedReceiver<Work>, remembered: Arc<AtomicUsize>) {
        let mut answered = VecDeque::new();
        while let Some(work) = line.recv().await {
            match work {
                Work::Read(before) => {
                    let forgotten = self.forget(&mut answered, before).await;
                    remembered.fetch_sub(forgotten, Ordering::Relaxed);
                }
                // Nobody hears the answer: the centre will deliver it again.
                Work::Message(..) if !self.client.is_active() => {}
                Work::Message(number, delivered) => {
                    if let Some(delivery) = self.receive(number, &delivered).await {
                        answered.push_back((Instant::now(), delivery));
                        remembered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// A message from a phone.
    async fn receive(&self, number: u32, delivered: &DeliverSm) -> Option<Delivery> {
        let received = incoming::receive(self.pool, delivered, self.clock.now()).await;
        let (result, status, delivery) = match received {
            Ok(Received::Handled(delivery)) => ("handled", CommandStatus::EsmeRok, Some(delivery)),
            Ok(Received::UnknownSender) => ("unknown_sender", CommandStatus::EsmeRok, None),
            Ok(Received::GivenUp) => ("given_up", CommandStatus::EsmeRxPAppn, None),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "a message could not be handled: the SMS centre keeps it");
                ("failed", CommandStatus::EsmeRxTAppn, None)
            }
        };
        metrics::counter!(metric::RECEIVED, "result" => result).increment(1);
        self.answer(number, status).await;
        delivery
    }

    /// Takes receipts as they come, many at once.
    async fn take_receipts(&self, mut told: UnboundedReceiver<(u32, DeliverSm)>) {
        let mut delivered = Vec::new();
        while told.recv_many(&mut delivered, BATCH).await > 0 {
            let status = match self.keep(&delivered).await {
                Ok(()) => CommandStatus::EsmeRok,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "receipts could not be kept: the SMS centre keeps them"
                    );
                    CommandStatus::EsmeRxTAppn
                }
            };
            for (number, _) in delivered.drain(..) {
                self.answer(number, status).await;
            }
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
            // These have no answer (SMPP 3.4, clauses 4.1.7 and 4.12.1).
            Some(Pdu::AlertNotification(_) | Pdu::Outbind(_)) => {}
            _ => {
                tracing::debug!(?id, "a request of the SMS centre that is not served");
                self.client.status(CommandStatus::EsmeRinvcmdid).generic_nack(number).await.ok();
            }
        }
    }

    /// Forgets deliveries that were answered before an instant, and whose answers the centre has read: it will not repeat
    /// them, and the same words again are a new message. Returns how many.
    async fn forget(&self, answered: &mut VecDeque<(Instant, Delivery)>, before: Instant) -> usize {
        let mut forgotten = 0;
        while let Some((at, delivery)) = answered.front() {
            if *at >= before || at.elapsed() < REPEATED_WITHIN {
                break;
            }
            if let Err(error) = delivery.forget(self.pool).await {
                tracing::warn!(error = format!("{error:#}"), "a delivery stays remembered");
                break;
            }
            answered.pop_front();
            forgotten += 1;
        }
        forgotten
    }
}
