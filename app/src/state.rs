//! What the pages work with.

use axum::extract::FromRef;
use charging::clock::SharedClock;
use charging::staff::StaffKey;
use leptos::config::LeptosOptions;
use leptos::prelude::expect_context;
use sqlx::PgPool;

/// Shared by every request; the server puts it into the context of every page and server function.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether something is there, and they do not exclude each other"
)]
#[derive(Clone, Debug)]
pub struct AppState {
    /// Works as the role `mingbai_app`.
    pub pool: PgPool,
    pub clock: SharedClock,
    /// Whether known passwords and the simulated handset are shown.
    pub demo: bool,
    /// Whether there is a way to call subscribers: else no calls are offered.
    pub calls: bool,
    /// Whether a gateway takes payments: else none are offered.
    pub payments: bool,
    /// What opens the second factors of the staff; `None`: nobody of the staff can sign in.
    pub staff_key: Option<StaffKey>,
    /// Whether cookies are sent over TLS only.
    pub secure: bool,
    pub leptos_options: LeptosOptions,
}

impl AppState {
    /// The state of the server that answers this request.
    pub fn current() -> Self {
        expect_context()
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos_options.clone()
    }
}
