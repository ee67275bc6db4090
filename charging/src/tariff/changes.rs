//! 资费变动 What changed on public display, for whoever keeps watch: the newest first.

use chrono::{DateTime, Utc};

use super::SchemeId;
use super::difference::Element;

/// What happened to a tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It became public.
    New,
    /// A newer version became public, which says this otherwise.
    NewVersion(Vec<Element>),
    /// Sales were stopped before its last day, for this reason.
    Withdrawn(String),
    /// Its 下线日期 was over. Told of the newest version alone.
    OffSale,
}

impl ChangeKind {
    /// Its name in files.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NewVersion(_) => "new_version",
            Self::Withdrawn(_) => "withdrawn",
            Self::OffSale => "off_sale",
        }
    }
}

/// A tariff changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: DateTime<Utc>,
    pub kind: ChangeKind,
    pub scheme_id: SchemeId,
    /// The version that became public, or the newest one of what is not sold any more.
    pub version: i32,
    pub operator_id: String,
    /// As that version calls it.
    pub name: String,
}

/// A page of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub items: Vec<Change>,
    /// Counted from 1.
    pub page: u32,
    /// Whether older ones are left.
    pub has_more: bool,
}
