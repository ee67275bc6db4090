//! Pages of the signed-in subscriber.

mod bill;
mod bills;
mod overview;

pub use bill::BillPage;
pub use bills::BillsPage;
pub use overview::OverviewPage;
