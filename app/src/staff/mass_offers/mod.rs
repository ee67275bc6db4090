//! `/staff/mass-offers`: what many subscribers are asked to agree to, by one colleague, with the yes of another.

mod actions;
mod list;
mod one;
mod words;

pub use list::MassOffersPage;
pub use one::MassOfferPage;
