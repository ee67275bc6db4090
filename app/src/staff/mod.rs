//! The desk of the operator's people, under `/staff`: its own sign-in, cookie and frame.

mod accounts;
mod audit;
mod board;
mod channels;
mod disputes;
mod enrol;
mod home;
mod incidents;
mod layout;
mod local_time;
mod mass_offers;
mod password;
mod reconciliation;
mod refunds;
mod refused;
mod sign_in;
mod tariffs;
mod words;

pub use accounts::{AccountPage, AccountsPage};
pub use audit::AuditPage;
pub use board::{BoardPage, EffectPage, WithdrawalsPage};
pub use channels::{ChannelPage, ChannelsPage};
pub use disputes::{CasePage, ComplaintsPage, LookPage, SubscriberPage};
pub use enrol::EnrolPage;
pub use home::StaffHomePage;
pub use incidents::{AffectedPage, DetectorsPage, FindingPage, IncidentPage, IncidentsPage};
pub use layout::{DeskFooter, DeskHeader};
pub use mass_offers::{MassOfferPage, MassOffersPage};
pub use password::StaffPasswordPage;
pub use reconciliation::ReconciliationPage;
pub use refunds::RefundsPage;
pub use refused::RefusedPage;
pub use sign_in::StaffLoginPage;
pub(crate) use tariffs::judged;
pub use tariffs::{DraftPage, NewDraftPage, SubmissionPage, TariffWorkPage};

use charging::staff::{Actor, Member};
use http::HeaderMap;
use http::header::{HeaderValue, SET_COOKIE};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

use crate::components::PageError;
use crate::request::{client_ip, cookie_in, extension, redirect};
use crate::state::AppState;

/// The cookie of the staff's sessions. It is sent to the desk alone, and subscribers' sessions have another.
pub const COOKIE: &str = "mingbai_staff";

/// Longest input that is looked at, in bytes.
const INPUT_BYTES_MAX: usize = 512;

/// The token of a request: of a session, or of one that waits for its second factor.
pub fn token(headers: &HeaderMap) -> Option<String> {
    cookie_in(headers, COOKIE).filter(|token| token.len() == 64)
}

/// Who of the staff is signed in, as the server found out before it let the request through.
fn signed_in() -> Option<Member> {
    extension()
}

/// The same, for a page.
fn member() -> Result<Member, PageError> {
    signed_in().ok_or_else(|| {
        redirect("/staff/login");
        PageError::SignedOut
    })
}

/// Who does what a server function does.
fn actor() -> Actor {
    let address = client_ip();
    match signed_in() {
        Some(member) => Actor::Member { member, address },
        None => Actor::Stranger { address },
    }
}

/// Gives the browser a token; an empty one takes it away.
fn set_token(token: &str) {
    set_cookie(COOKIE, token);
}

/// Gives the browser something to keep for the desk until it is closed; an empty value takes it away.
fn set_cookie(name: &str, value: &str) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    let secure = if AppState::current().secure { "; Secure" } else { "" };
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{name}={value}; Path=/staff; HttpOnly; SameSite=Lax{secure}{age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.append_header(SET_COOKIE, cookie);
    }
}

/// A page of the desk, or its first: what arrives in `next` must not lead anywhere else.
fn desk_path(next: &str) -> &str {
    let path = crate::request::local_path(next);
    if crate::access::is_desk(path.split('?').next().unwrap_or(path)) { path } else { "/staff" }
}
