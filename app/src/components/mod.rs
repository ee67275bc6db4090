//! Pieces that pages share.

mod layout;
mod money;
mod page;

pub use layout::{Footer, Header, MeLayout};
pub use money::{Yuan, data_size};
pub use page::{NotFound, PageError, PageResult, page};
