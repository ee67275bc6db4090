//! Pages of the signed-in subscriber.

mod agreements;
mod bill;
mod bills;
mod cap;
mod meters;
mod notices;
mod overview;
mod parts;
mod proof;
mod usage;

pub use agreements::{AgreementsPage, SlipPage};
pub use bill::{BillPage, WhyPage};
pub use bills::BillsPage;
pub use notices::NoticesPage;
pub use overview::OverviewPage;
pub use usage::UsagePage;
