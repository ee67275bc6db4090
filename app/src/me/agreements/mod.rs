//! 协议 `/me/agreements`: every order with the text that was agreed to, and its proof.

mod list;
mod slip;

pub use list::AgreementsPage;
pub use slip::SlipPage;
