//! `/me/cap`: how far the cap is, what each tier would have meant, and choosing another.

mod view;

pub use view::cap_line;
