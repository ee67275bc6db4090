//! The `mingbai` binary: command line, Axum wiring, sessions, background workers, embedded PostgreSQL.

// The type of a page nests as deep as its elements do.
#![recursion_limit = "512"]

pub mod call;
pub mod cli;
pub mod command;
pub mod context;
pub mod demo;
pub mod gateway;
pub mod import;
pub mod network;
pub(crate) mod peers;
pub mod postgres;
pub mod session_store;
pub mod sms;
mod staff_key;
pub mod web;
pub mod worker;
