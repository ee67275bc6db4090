//! 发现 What detectors found: like charges of one tariff, from one source, decided on one day.

#[cfg(feature = "postgres")]
pub mod review;
#[cfg(feature = "postgres")]
pub mod store;
