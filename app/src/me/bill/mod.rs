//! `/me/bills/{month}`: the receipt of a month, and why each line is on it.

mod arithmetic;
mod preview;
mod receipt;
mod records;
mod why;
mod words;

pub use arithmetic::{penalty_text, recurring_text};
pub use receipt::BillPage;
pub use records::Records;
pub use why::{WhyPage, grounds};
pub use words::{kind_text, line_text, quantity_of};
