//! Usage in the database: rated once, in any order, by several at a time, and never above the cap.

mod calls;
mod caps;
mod ingest;
mod memory;
mod same_bill;
mod sessions;
mod spending_limits;
mod thresholds;
mod views;
mod world;
