//! The server whole, on a database of its own for each test. One program: each would link all of the portal anew.

mod audit;
mod bill_files;
mod calls;
mod commands;
mod consent;
mod desk;
mod family;
mod gateway;
mod incidents;
mod network;
mod night;
mod payments;
mod portal;
mod versions;

#[path = "../../../charging/tests/consent/offers.rs"]
mod offers;
#[path = "../../../charging/tests/consent/world.rs"]
#[expect(dead_code, reason = "charging's own tests use the rest")]
mod world;
