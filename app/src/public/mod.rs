//! Pages that need no sign-in.

mod display;
mod home;

pub use home::HomePage;
