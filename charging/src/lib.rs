//! The charging database of Mingbai: tariffs, consent, orders, usage and rating, caps, ledger, bills and notices.
//!
//! One folder a capability. Its types and pure rules stand in `mod.rs` and the files beside it and compile to wasm;
//! its SQL stands in `store.rs` behind the feature `postgres`. Nothing here knows HTTP or a user interface.

pub mod actor;
#[cfg(feature = "postgres")]
pub mod audit;
pub mod bill;
pub mod channel;
pub mod clock;
pub mod consent;
pub mod csv;
#[cfg(feature = "postgres")]
pub mod database;
pub mod demo;
pub mod dispute;
pub mod family;
pub mod incident;
pub mod ledger;
pub mod mass_offer;
pub mod money;
pub mod notice;
pub mod order;
pub mod payment;
pub mod quantity;
pub mod reconciliation;
pub mod refund;
pub mod sign_in;
pub mod staff;
pub mod subscriber;
pub mod tariff;
#[cfg(feature = "testing")]
pub mod testing;
pub mod third_party;
pub mod usage;
