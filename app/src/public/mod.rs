//! Pages that need no sign-in.

mod clarity;
mod compare;
mod detail;
mod display;
mod home;
mod messages;
mod names;
mod sources;
mod zone;

pub use clarity::{ClarityPage, RulesPage};
pub use compare::ComparePage;
pub use detail::TariffPage;
pub use home::HomePage;
pub use messages::MessagesPage;
pub use zone::ZonePage;
