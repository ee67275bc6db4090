//! Pages that need no sign-in.

pub mod changes;
pub mod channel;
mod clarity;
mod compare;
mod display;
mod home;
mod messages;
mod names;
mod tariff;
mod zone;

pub use changes::ChangesPage;
pub use channel::{ChannelPage, ChannelsPage, CheckPage};
pub use clarity::{ClarityPage, RulesPage};
pub use compare::ComparePage;
pub use home::HomePage;
pub use messages::MessagesPage;
pub use names::announced;
pub use tariff::{DifferencePage, TariffPage};
pub use zone::ZonePage;
