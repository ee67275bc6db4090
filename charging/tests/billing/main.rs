//! Subscribers moved in, months closed, bills read: against a database.

mod bills;
mod imports;
mod world;
