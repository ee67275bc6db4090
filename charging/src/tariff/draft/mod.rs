//! 资费起草 Drafts of our own tariffs: written in a form, checked as one types, submitted with a time to go live, approved by somebody
//! who had no hand in them.
//!
//! A draft is its revisions, each the form as it was typed, so that a half-finished one is kept too. What is submitted is the
//! content that the form makes, frozen with its digest and with what the clarity rules found. Nobody can submit an error, nor a
//! warning without a written reason, which becomes public with the version. What was approved becomes public at its time, as
//! exactly those bytes, and can be ordered a while later ([`lead`]). The schema keeps each of these by itself.

mod check;
mod form;
mod lead;
mod parse;
pub mod store;
#[cfg(test)]
mod tests;

pub use check::{Checked, Judged, Unready, can_submit, check, reason_key};
pub use form::{AllowanceRow, DraftForm, Fault, OverageRow, Problem, RowChange};
pub use lead::{InvalidLead, Lead, lead, set_lead};

use chrono::{DateTime, Utc};

/// Most characters of a reason or a comment.
pub const REASON_CHARS_MAX: usize = 500;

/// Farther ahead nothing is planned to go live, in days.
pub const GO_LIVE_DAYS_MAX: i64 = 366;

/// Where a draft stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody writes in it.
    Editing,
    /// Submitted, and waits for somebody else.
    Waiting,
    /// Came back with a comment, and can be written in again.
    Returned,
    /// Approved, and waits for its time.
    Approved,
    /// Approved, and can never go live: another version came in between.
    Overtaken,
    /// Public.
    Live,
    /// Thrown away.
    Discarded,
}

impl State {
    pub const ALL: [Self; 7] =
        [Self::Editing, Self::Waiting, Self::Returned, Self::Approved, Self::Overtaken, Self::Live, Self::Discarded];

    /// The name in addresses and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::Waiting => "waiting",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Overtaken => "overtaken",
            Self::Live => "live",
            Self::Discarded => "discarded",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether it can be written in.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Editing | Self::Returned)
    }

    /// Whether a submission of it can be taken back.
    pub fn is_submitted(self) -> bool {
        matches!(self, Self::Waiting | Self::Approved | Self::Overtaken)
    }
}

/// What somebody else says to a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    /// 退回: with a comment on what to mend.
    Returned,
}

impl Verdict {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Returned => "returned",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Approved, Self::Returned].into_iter().find(|verdict| verdict.as_str() == name)
    }
}

/// When something submitted is to go live: `None`, as soon as it is approved.
///
/// # Errors
/// [`Unready::Past`], [`Unready::TooFarAhead`].
pub fn go_live_at(asked: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Unready> {
    // Clocks on a page have minutes, so that the present one has begun already.
    const MINUTE: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
    let at = asked.unwrap_or(now);
    if at + MINUTE <= now {
        return Err(Unready::Past);
    }
    if at > now + chrono::TimeDelta::days(GO_LIVE_DAYS_MAX) {
        return Err(Unready::TooFarAhead);
    }
    Ok(at.max(now))
}
