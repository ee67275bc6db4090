//! Usage in the database: rated once, in any order, by several at a time, and never above the cap.

mod caps;
mod ingest;
mod same_bill;
mod sessions;
mod thresholds;
mod views;
mod world;
