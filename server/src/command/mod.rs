//! One file a group of commands: its arguments, and a `run` that does it.

pub mod audit;
pub mod bills;
pub mod charges;
pub mod demo;
pub mod evidence;
mod lint;
pub mod migrate;
pub mod reference;
pub mod serve;
pub mod staff;
pub mod subscribers;
pub mod tariffs;
mod terms;
pub mod usage;
