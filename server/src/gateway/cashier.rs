//! From our books to the gateway: payments are prepared, asked after and closed, refunds sent, statements fetched. Every step is
//! written down before it is taken, so that whoever takes over after a crash asks first and does nothing twice.

use std::sync::Arc;

use anyhow::Context as _;
use charging::clock::{SharedClock, local_date};
use charging::payment::PaymentState as State;
use charging::payment::preparation::{self, Due, Work};
use charging::reconciliation::{Kind, store, view};
use charging::refund::parts::{self, DuePart, Told};
use charging::refund::{PartEvent, PartState, Step};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures::StreamExt as _;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use super::record;
use super::{
    Gateway, GatewayError, NAME, NewPayment, NewRefund, Original, PaymentState, Refund, Statement, StatementKind,
};

/// Payments and parts of refunds of one look.
const BATCH: u16 = 500;
/// Requests to the gateway that are under way at once.
const UNDER_WAY_MAX: usize = 16;
/// The gateway makes the statement of a day in the morning of the next, until ten o'clock.
const STATEMENT_AFTER: TimeDelta = TimeDelta::hours(10);
/// So far back statements are handed out: three months.
const STATEMENT_DAYS: u64 = 89;
/// Statements that are held against our books again at a time.
const AGAIN_MAX: u8 = 20;
/// What the wallet shows a payment and a refund are for.
const DESCRIPTION: &str = "话费";
const REASON: &str = "退还话费";

/// Does at the gateway what is due.
#[derive(Clone, Debug)]
pub struct Cashier {
    pool: PgPool,
    clock: SharedClock,
    gateway: Arc<dyn Gateway>,
}

impl Cashier {
    pub fn new(pool: PgPool, clock: SharedClock, gateway: Arc<dyn Gateway>) -> Self {
        Self { pool, clock, gateway }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Has payments prepared, asks after those that may have been made, and closes those whose time is over. Nothing is done
    /// while another server does it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn payments(&self) -> anyhow::Result<()> {
        let mut claim = self.pool.begin().await?;
        if !preparation::claim(&mut claim, Work::Payments).await? {
            return Ok(());
        }
        let due = preparation::due(&mut claim, self.now(), BATCH).await?;
        let asked = futures::stream::iter(due).map(async |due| self.payment(&due).await);
        let outcomes: Vec<anyhow::Result<()>> = asked.buffer_unordered(UNDER_WAY_MAX).collect().await;
        claim.commit().await?;
        outcomes.into_iter().collect()
    }

    async fn payment(&self, due: &Due) -> anyhow::Result<()> {
        let payment = &due.payment;
        if payment.state != State::Asked {
            return Ok(preparation::over(&mut *self.pool.acquire().await?, payment).await?);
        }
        if due.preparation.url.is_none() && self.now() < payment.expires_at {
            return self.prepare(due).await;
        }
        let number = &payment.merchant_order_no;
        match self.gateway.payment(number).await {
            Ok(Some(PaymentState::Paid(paid))) => record::paid(&self.pool, &paid, self.now()).await,
            Ok(Some(PaymentState::Closed)) => self.ended(due, State::Closed, "").await,
            Ok(Some(PaymentState::Waiting)) if self.now() < payment.expires_at => self.again(due, None).await,
            Ok(Some(PaymentState::Waiting)) => match self.gateway.close(number).await {
                Ok(()) => self.ended(due, State::Closed, "").await,
                // Perhaps it was paid a moment ago: it is asked after again.
                Err(error) => self.again(due, Some(error)).await,
            },
            Ok(None) if self.now() >= payment.expires_at => self.ended(due, State::Closed, "").await,
            Ok(None) => self.again(due, None).await,
            Err(error) => self.again(due, Some(error)).await,
        }
    }

    async fn prepare(&self, due: &Due) -> anyhow::Result<()> {
        let payment = &due.payment;
        let asked = NewPayment {
            number: &payment.merchant_order_no,
            amount: payment.amount,
            description: DESCRIPTION,
            expires_at: payment.expires_at,
            way: due.preparation.way,
        };
        match self.gateway.prepare(&asked).await {
            Ok(url) => {
                let mut db = self.pool.acquire().await?;
                Ok(preparation::prepared(&mut db, due, &url, self.now()).await?)
            }
            // Perhaps it was prepared before, and paid: that is asked before it is given up.
            Err(error) if error.is_final() => match self.gateway.payment(&payment.merchant_order_no).await {
                Ok(Some(PaymentState::Paid(paid))) => record::paid(&self.pool, &paid, self.now()).await,
                Ok(Some(PaymentState::Closed) | None) => self.ended(due, State::Failed, &error.to_string()).await,
                Ok(Some(PaymentState::Waiting)) | Err(_) => self.again(due, Some(error)).await,
            },
            Err(error) => self.again(due, Some(error)).await,
        }
    }

    async fn ended(&self, due: &Due, state: State, detail: &str) -> anyhow::Result<()> {
        if state == State::Failed {
            tracing::warn!(number = due.payment.merchant_order_no, detail, "the gateway does not take a payment");
        }
        record::ended(&self.pool, &due.payment, state, detail, self.now()).await
    }

    async fn again(&self, due: &Due, error: Option<GatewayError>) -> anyhow::Result<()> {
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        if !error.is_empty() {
            tracing::warn!(number = due.payment.merchant_order_no, error, "the gateway is asked again");
        }
        Ok(preparation::again(&mut *self.pool.acquire().await?, due, &error, self.now()).await?)
    }

    /// Sends what is to go back, and asks after what was sent and not heard of. Nothing is done while another server does it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refunds(&self) -> anyhow::Result<()> {
        let mut claim = self.pool.begin().await?;
        if !preparation::claim(&mut claim, Work::Refunds).await? {
            return Ok(());
        }
        let due = parts::due_parts(&mut claim, BATCH.into(), self.now()).await?;
        let sent = futures::stream::iter(due).map(async |part| self.refund(&part).await);
        let outcomes: Vec<anyhow::Result<()>> = sent.buffer_unordered(UNDER_WAY_MAX).collect().await;
        for number in parts::overdue_claims(&mut claim, BATCH.into(), self.now()).await? {
            let told = Told::plain(PartEvent::Overdue, self.now());
            record::part(&self.pool, &number, &told, self.now()).await?;
        }
        claim.commit().await?;
        outcomes.into_iter().collect()
    }

    async fn refund(&self, part: &DuePart) -> anyhow::Result<()> {
        if part.state != PartState::Approved {
            return self.ask_after(part, None).await;
        }
        let mut tx = self.pool.begin().await?;
        let step = parts::record_sent(&mut tx, &part.number, self.now()).await;
        let step = step.context("a refund cannot be noted as sent")?;
        tx.commit().await?;
        // Something else was told of it since it was looked up.
        if step != Step::To(PartState::Sent) {
            return Ok(());
        }
        match self.send(part).await {
            Ok(refund) => record::refund(&self.pool, &refund, self.now()).await,
            Err(error) if error.is_final() => self.ask_after(part, Some(error)).await,
            // Whoever looks why it does not go reads it.
            Err(error @ GatewayError::Refused { .. }) => self.not_known(part, &error).await,
            // When it is asked after was written down before it was sent.
            Err(error) => {
                tracing::warn!(number = %part.number, %error, "what became of a refund is not known");
                Ok(())
            }
        }
    }

    async fn send(&self, part: &DuePart) -> Result<Refund, GatewayError> {
        let (of, paid) = match &part.original {
            parts::Original::Payment { merchant_order_no, total, .. } => (Original::Ours(merchant_order_no), *total),
            parts::Original::Reference { reference, charged } => {
                (Original::Theirs(reference), self.paid(reference, *charged).await?)
            }
        };
        let number = part.number.to_string();
        self.gateway.refund(&NewRefund { number: &number, of, amount: part.amount, paid, reason: REASON }).await
    }

    /// Yuan of a payment that another system had made: the charge may have been a part of it. Where the gateway does not know it,
    /// it will say so of the refund, too.
    async fn paid(&self, reference: &str, charged: Decimal) -> Result<Decimal, GatewayError> {
        match self.gateway.payment_of_theirs(reference).await? {
            Some(PaymentState::Paid(paid)) => Ok(paid.amount),
            Some(PaymentState::Waiting | PaymentState::Closed) | None => Ok(charged),
        }
    }

    /// Asks what became of a part that may be there; it is sent again only where it is not. `refused`: what the gateway said when
    /// it was sent just now, which is believed when it has nothing under the number.
    async fn ask_after(&self, part: &DuePart, refused: Option<GatewayError>) -> anyhow::Result<()> {
        match (self.gateway.refund_state(&part.number.to_string()).await, refused) {
            (Ok(Some(refund)), _) => record::refund(&self.pool, &refund, self.now()).await,
            (Ok(None), Some(refused)) => self.told(part, PartEvent::Refused, &refused.to_string()).await,
            (Ok(None), None) => self.told(part, PartEvent::Unknown, "").await,
            (Err(error), _) => self.not_known(part, &error).await,
        }
    }

    /// It may be there or not: it is asked after again, after a longer and longer pause.
    async fn not_known(&self, part: &DuePart, error: &GatewayError) -> anyhow::Result<()> {
        tracing::warn!(number = %part.number, %error, "what became of a refund is not known");
        self.told(part, PartEvent::Sent, &error.to_string()).await
    }

    /// Fetches the statements of the days that are over, and holds each against our books. Nothing is done while another server
    /// does it.
    ///
    /// # Errors
    /// When the database or the gateway does not answer.
    pub async fn statements(&self) -> anyhow::Result<()> {
        let mut claim = self.pool.begin().await?;
        if !preparation::claim(&mut claim, Work::Statements).await? {
            return Ok(());
        }
        // Of a day that is hardly over there is none, which is told as if nothing had happened on it.
        let made = local_date(self.now() - STATEMENT_AFTER).pred_opt();
        let Some(last) = made else { return Ok(()) };
        for day in missing_days(&mut claim, last).await? {
            match self.gateway.statement(day).await {
                Ok(Some(statement)) => self.keep(day, &statement).await?,
                Ok(None) => break,
                // Of this day somebody has to look; it holds up none of those after it.
                Err(error @ (GatewayError::Unreadable(_) | GatewayError::Refused { .. })) => {
                    tracing::error!(%day, %error, "the gateway's statement is not to be had");
                }
                Err(error) => return Err(error.into()),
            }
        }
        for (day, kind) in store::to_look_again(&mut claim, NAME, AGAIN_MAX, self.now()).await? {
            let mut tx = self.pool.begin().await?;
            store::reconcile(&mut tx, store::Key { gateway: NAME, day, kind }, self.now()).await?;
            tx.commit().await?;
        }
        claim.commit().await?;
        Ok(())
    }

    async fn keep(&self, day: NaiveDate, statement: &Statement) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        for (kind, of) in [(Kind::Payment, StatementKind::Payment), (Kind::Refund, StatementKind::Refund)] {
            let lines = statement.lines.iter().filter(|line| line.kind == of).map(|line| store::Line {
                number: line.number.clone(),
                gateway_id: line.gateway_number.clone(),
                amount: line.amount,
                succeeded: line.succeeded,
            });
            let key = store::Key { gateway: NAME, day, kind };
            store::keep(&mut tx, key, statement.digest, &lines.collect::<Vec<_>>(), self.now()).await?;
            // Nobody knows of which kind they are: they are shown with the payments.
            if kind == Kind::Payment {
                let unreadable = statement.unreadable.iter().map(|line| (line.line, line.reason));
                store::keep_unreadable(&mut tx, key, &unreadable.collect::<Vec<_>>(), self.now()).await?;
            }
            let open = store::reconcile(&mut tx, key, self.now()).await?;
            if open > 0 {
                tracing::warn!(%day, %kind, open, "the gateway's statement says something else than our books");
            }
        }
        Ok(tx.commit().await?)
    }

    async fn told(&self, part: &DuePart, event: PartEvent, detail: &str) -> anyhow::Result<()> {
        let told = Told { detail, ..Told::plain(event, self.now()) };
        record::part(&self.pool, &part.number, &told, self.now()).await
    }
}

/// The days up to `last` of which the statement is not here, as far back as it is handed out.
async fn missing_days(conn: &mut PgConnection, last: NaiveDate) -> anyhow::Result<Vec<NaiveDate>> {
    let Some(first) = preparation::first_day(conn, NAME).await? else { return Ok(Vec::new()) };
    let first = first.max(last - Days::new(STATEMENT_DAYS));
    let kept = view::days(conn, NAME, first).await?;
    Ok(first.iter_days().take_while(|day| *day <= last).filter(|day| !kept.contains(day)).collect())
}
