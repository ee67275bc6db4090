//! Pieces that pages share.

mod chart;
mod layout;
mod meter;
mod money;
mod page;
mod pager;

pub use chart::{Bar, BarChart};
pub use layout::{Footer, Header, MeLayout};
pub use meter::Meter;
pub use money::{Yuan, data_size};
pub use page::{NotFound, PageError, PageResult, page};
pub use pager::Pager;
