//! Subscribers moved in, months closed, bills read: against a database.

mod bills;
mod disputes;
mod imports;
mod world;
