//! Pages of the signed-in subscriber.

mod overview;

pub use overview::OverviewPage;
