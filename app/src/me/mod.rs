//! Pages of the signed-in subscriber.

mod addons;
pub(crate) mod agreement_words;
mod agreements;
pub(crate) mod bill;
mod bills;
mod cap;
mod confirm;
pub(crate) mod disputes;
pub(crate) mod family;
mod meters;
mod notices;
mod order;
mod overview;
pub(crate) mod parts;
mod pay;
mod plans;
pub(crate) mod proof;
mod usage;

pub use addons::AddonsPage;
pub use agreements::{AgreementsPage, SlipPage};
pub use bill::{BillPage, WhyPage};
pub use bills::BillsPage;
pub use cap::CapPage;
pub use disputes::{DisputePage, DisputesPage};
pub use family::{FamilyBillPage, FamilyPage};
pub use notices::{ChoicesPage, NoticesPage};
pub use order::OrderPage;
pub use overview::OverviewPage;
pub use pay::{BalancePage, PaymentPage};
pub(crate) use pay::{part_text, refund_tag};
pub use plans::PlansPage;
pub use usage::UsagePage;
