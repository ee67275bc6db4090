//! Agents' channels: let in by two people, stopped by one, and never more than somebody who may have us ask.

mod agents;
mod content;
mod desk;
mod orders;
#[path = "../consent/world.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod world;
