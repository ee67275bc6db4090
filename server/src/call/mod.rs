//! 提醒电话 Phone calls: handed to an outside call-out service, which says the text and tells how it ended.
//!
//! Both directions are JSON over HTTP, signed as Standard Webhooks (`docs/calls.md`). A call keeps its id however often it is
//! handed over, so that the service makes it once; how it ended is noted once, whatever is told again or late.

mod outbox;
mod settings;
mod signature;
mod status;

pub use outbox::Caller;
pub use settings::{Args, Service, Settings};
pub use signature::Key;
pub use status::{PATH as STATUS_PATH, routes};

/// How the counters of `/metrics` are called.
mod metric {
    /// Calls handed over, by `result`.
    pub const CALLS: &str = "mingbai_calls_total";
    /// What the service told of calls, by `result`.
    pub const ENDED: &str = "mingbai_calls_ended_total";
}
