//! Pages of the signed-in subscriber.

mod bill;
mod bills;
mod notices;
mod overview;

pub use bill::BillPage;
pub use bills::BillsPage;
pub use notices::NoticesPage;
pub use overview::OverviewPage;
