//! 短信 Messages to and from subscribers' phones, by way of an SMS centre that speaks SMPP 3.4.
//!
//! One connection (`bind_transceiver`) carries everything. What leaves comes from the outbox (`notice`), in two lanes so
//! that a code does not wait behind the bills of a month; what the centre has taken is noted part by part. What was sent
//! and not answered when the connection broke is sent again under the same reference, by which centres and phones
//! recognise it. What comes in is answered once it is committed, so that the centre keeps what we have not.

mod address;
mod channel;
mod connect;
mod inbox;
mod incoming;
mod outbox;
mod pace;
mod receipt;
mod settings;
mod sift;
mod submission;
#[cfg(test)]
mod tests;
mod text;

pub use channel::Channel;
pub use incoming::forget_old;
pub use settings::{Args, Settings};

/// How the counters of `/metrics` are called.
mod metric {
    /// Whether the SMS centre has let us in: 1 or 0.
    pub const BOUND: &str = "mingbai_sms_bound";
    /// Notices that wait although they are due.
    pub const QUEUE: &str = "mingbai_sms_queue";
    /// Parts submitted, by `result`.
    pub const PARTS: &str = "mingbai_sms_parts_total";
    /// Notices tried, by `result`.
    pub const NOTICES: &str = "mingbai_sms_notices_total";
    /// Receipts, by `result`.
    pub const RECEIPTS: &str = "mingbai_sms_receipts_total";
    /// Messages from phones, by `result`.
    pub const RECEIVED: &str = "mingbai_sms_received_total";
}
