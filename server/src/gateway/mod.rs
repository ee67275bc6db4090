//! 支付渠道 The payment gateway: where subscribers pay by wallet or bank card, and by which what they paid goes back.
//!
//! What is asked of it is the trait [`Gateway`]; what it says on the wire is [`wechat`]. Every number that it is given is ours,
//! written down before it is sent, and never used for anything else: so whatever is asked again does nothing twice.

mod cashier;
mod notify;
mod record;
mod settings;
pub mod wechat;

pub use cashier::Cashier;
pub use charging::payment::preparation::Way;
pub use notify::{PATH as NOTIFY_PATH, routes};
pub use settings::{Args, Settings};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

/// A payment to be prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment<'a> {
    /// 商户订单号, ours.
    pub number: &'a str,
    /// Yuan, whole fen.
    pub amount: Decimal,
    /// What the wallet shows it is for.
    pub description: &'a str,
    /// Nobody can pay it after then.
    pub expires_at: DateTime<Utc>,
    pub way: Way,
}

/// What is known of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Nobody has paid yet, or is just about to.
    Waiting,
    /// Also when some or all of it went back since.
    Paid(Paid),
    /// Nobody has paid, and nobody can any more.
    Closed,
}

/// A payment that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// 商户订单号, ours.
    pub number: String,
    /// 微信支付订单号 and the like: the gateway's.
    pub gateway_number: String,
    /// Yuan.
    pub amount: Decimal,
    pub paid_at: DateTime<Utc>,
}

/// A refund of a payment, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund<'a> {
    /// 商户退款单号, ours: the same however often it is sent.
    pub number: &'a str,
    pub of: Original<'a>,
    /// Yuan, whole fen, what goes back.
    pub amount: Decimal,
    /// Yuan, what was paid.
    pub paid: Decimal,
    /// What the wallet shows.
    pub reason: &'a str,
}

/// Which payment goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original<'a> {
    /// 商户订单号 One of ours.
    Ours(&'a str),
    /// The gateway's number of one that another system had made.
    Theirs(&'a str),
}

/// What is known of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// 商户退款单号, ours.
    pub number: String,
    /// 微信支付退款单号 and the like: the gateway's.
    pub gateway_number: String,
    /// Yuan.
    pub amount: Decimal,
    pub state: RefundState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Under way.
    Processing,
    /// It arrived.
    Done { at: DateTime<Utc> },
    /// The gateway gave it up: nothing moved.
    Closed,
    /// 退款异常: it did not arrive, because the card is closed, say, and lies at the gateway until somebody sees to it.
    Abnormal,
}

/// What the gateway tells unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Paid(Paid),
    Refund(Refund),
}

/// The gateway's statement of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// SHA-256 of the file, as it came.
    pub digest: [u8; 32],
    pub lines: Vec<StatementLine>,
    pub unreadable: Vec<UnreadableLine>,
}

/// A line of it that says what nobody here understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableLine {
    /// Its place in the file, from 1.
    pub line: usize,
    pub reason: &'static str,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    pub kind: StatementKind,
    /// Ours: of the payment, or of the refund.
    pub number: String,
    pub gateway_number: String,
    /// Yuan, above zero.
    pub amount: Decimal,
    pub at: DateTime<Utc>,
    /// Whether the money moved: a refund may have failed, or be under way.
    pub succeeded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementKind {
    Payment,
    Refund,
}

/// Why something did not happen, or why nobody knows whether it did.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Whether it was done is not known.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// As good as no answer.
    #[error("the answer is not the gateway's: {0}")]
    NotGenuine(#[from] wechat::NotSigned),
    /// As good as no answer.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// Not now; the same may be asked again.
    #[error("not now: {status} {code}: {message}")]
    NotNow { status: u16, code: String, message: String },
    /// It is not done. `is_final`: nor ever will be, however often it is asked; otherwise somebody may put right what it is about.
    #[error("refused: {status} {code}: {message}")]
    Refused { status: u16, code: String, message: String, is_final: bool },
    /// Nothing was sent.
    #[error(transparent)]
    Amount(#[from] wechat::NotFen),
    /// Nothing was sent.
    #[error("it cannot be asked: {0}")]
    NotAsked(String),
}

impl GatewayError {
    /// Whether asking again can have no other end.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { is_final: true, .. } | Self::Amount(_))
    }
}

/// The name of the one gateway that there is, in the rows of payments and statements.
pub const NAME: &str = charging::payment::preparation::GATEWAY;

/// Who takes payments and gives them back.
#[async_trait]
pub trait Gateway: std::fmt::Debug + Send + Sync {
    /// Prepares a payment, and returns where it is made: what the code holds, or the address of the link. Asked again, it
    /// is the same payment.
    async fn prepare(&self, payment: &NewPayment<'_>) -> Result<String, GatewayError>;

    /// `None`: no such payment was prepared there.
    async fn payment(&self, number: &str) -> Result<Option<PaymentState>, GatewayError>;

    /// One that another system had made, by the gateway's number; `None`: there is none there.
    async fn payment_of_theirs(&self, gateway_number: &str) -> Result<Option<PaymentState>, GatewayError>;

    /// After this nobody can pay it any more; refused where somebody has.
    async fn close(&self, number: &str) -> Result<(), GatewayError>;

    /// Gives back. Asked again with the same number, it is the same refund.
    async fn refund(&self, refund: &NewRefund<'_>) -> Result<Refund, GatewayError>;

    /// `None`: no such refund was taken there.
    async fn refund_state(&self, number: &str) -> Result<Option<Refund>, GatewayError>;

    /// The statement of a day in Asia/Shanghai; `None`: it is not made yet.
    async fn statement(&self, day: NaiveDate) -> Result<Option<Statement>, GatewayError>;
}
