//! 事件 Charges that look wrong: those brought from another system, what finds them among these and our own, what was
//! found, and how it is taken back.

#[cfg(feature = "postgres")]
pub mod desk;
pub mod detector;
pub mod finding;
pub mod imported;
pub mod statement;
