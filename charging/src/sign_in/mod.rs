//! 登录 Sign-in of subscribers: number and a code sent by SMS, or number and service password.
//!
//! Whatever is asked about an unknown number gets the same answer as about a known one. Attempts are limited by number
//! and by address; a code is for one purpose, five minutes, once, five tries.

#[cfg(feature = "postgres")]
pub mod attempt;
pub mod code;
mod password;
#[cfg(feature = "postgres")]
pub mod store;

pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, WeakPassword, check_new_password};
