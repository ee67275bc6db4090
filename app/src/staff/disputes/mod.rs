//! `/staff/complaints`: disputes by the day they are due, and each with its evidence; `/staff/subscribers`: an agent's look at
//! one subscriber, with a reason.

mod actions;
mod case;
mod facts;
mod list;
mod subscriber;

pub use case::CasePage;
pub use list::ComplaintsPage;
pub use subscriber::{LookPage, SubscriberPage};
