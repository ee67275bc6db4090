//! 资费瘦身 The board of what is on sale: fewer plans, each with a reason to be there.
//!
//! Of two plans for the same people, one makes the other needless where it costs no more whatever is used ([`covers`]); two
//! are hard to tell apart where they grant about the same at another price ([`are_alike`]).

mod covering;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{SchemeId, TariffContent, TariffVersion, Terms, fold};
use crate::quantity::Service;

pub use covering::covers;

#[cfg(feature = "postgres")]
pub mod store;

/// Allowances are about the same that differ by no more hundredths of the larger one.
const ALIKE_PERCENT: u64 = 20;

/// A tariff on sale, with who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnSale {
    /// The version in force; before there is one, the newest.
    pub tariff: TariffVersion,
    /// When a version that is announced takes over.
    pub announced: Option<DateTime<Utc>>,
    /// When its first version became public.
    pub first_published_at: DateTime<Utc>,
    /// Subscribers who have it, in any version.
    pub subscribers: u64,
    /// Of these, since thirty days ago.
    pub joined: u64,
    /// Lines of bills disputed since then, but for disputes that were taken back.
    pub complaints: u64,
    /// Yuan a month from all of them.
    pub monthly: Decimal,
}

/// A pair on the board, by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Of a needless one: what makes it needless.
    pub kept: usize,
    pub other: usize,
}

/// A tariff by what it is compared in: texts without spaces, in one width and case.
struct Offer<'a> {
    content: &'a TariffContent,
    terms: Option<&'a Terms>,
    audience: String,
    validity: String,
    /// What the text promises besides the quantities, which the terms have.
    benefits: String,
    channels: BTreeSet<String>,
    restrictions: BTreeSet<String>,
}

impl<'a> Offer<'a> {
    fn of(content: &'a TariffContent) -> Self {
        let set = |items: &[String]| items.iter().map(|item| plain(item)).collect();
        let is_figure = |c: &char| c.is_ascii_digit() || matches!(c, '.' | ',');
        Self {
            content,
            terms: content.terms.as_ref(),
            audience: plain(&content.audience),
            validity: plain(&content.validity),
            benefits: plain(&content.services_text).chars().filter(|c| !is_figure(c)).collect(),
            channels: set(&content.channels),
            restrictions: set(&content.restrictions),
        }
    }

    /// Whether it is of the same sort, for the same people, with the same benefits outside the terms.
    fn is_like(&self, other: &Self) -> bool {
        self.content.kind == other.content.kind
            && self.audience == other.audience
            && self.benefits == other.benefits
            && self.content.included.broadband == other.content.included.broadband
    }

    /// Whether it can be had wherever the other is sold, by every channel, under no other restriction.
    fn is_open_to_all_of(&self, other: &Self) -> bool {
        self.is_like(other)
            && self.validity == other.validity
            && other.content.regions.iter().all(|region| self.content.serves_region(region))
            && self.channels.is_superset(&other.channels)
            && self.restrictions.is_subset(&other.restrictions)
    }

    fn covers(&self, other: &Self) -> bool {
        let terms = self.terms.zip(other.terms);
        self.is_open_to_all_of(other) && terms.is_some_and(|(own, theirs)| covers(own, theirs))
    }

    fn makes_needless(&self, other: &Self) -> bool {
        self.covers(other) && !other.covers(self)
    }

    fn is_alike(&self, other: &Self) -> bool {
        let Some((own, theirs)) = self.terms.zip(other.terms) else { return false };
        let price = |terms: &Terms| (terms.recurring_price(), terms.one_off);
        let overlap = |a: &TariffContent, b: &TariffContent| a.regions.iter().any(|region| b.serves_region(region));
        self.is_like(other)
            && (overlap(self.content, other.content) || overlap(other.content, self.content))
            && !own.allowances.is_empty()
            && price(own) != price(theirs)
            && like_allowances(own, theirs)
    }
}

/// Whether `b` is needless beside `a`: who may have it may have `a`, which costs no more whatever is used and grants no less.
/// Of two that say the same, neither is.
pub fn makes_needless(a: &TariffContent, b: &TariffContent) -> bool {
    Offer::of(a).makes_needless(&Offer::of(b))
}

/// Whether two are for the same people with about the same in them, at another price.
pub fn are_alike(a: &TariffContent, b: &TariffContent) -> bool {
    Offer::of(a).is_alike(&Offer::of(b))
}

fn like_allowances(a: &Terms, b: &Terms) -> bool {
    let total = |terms: &Terms, service, directed: bool| {
        let of =
            terms.allowances.iter().filter(|own| own.service == service && own.rating_groups.is_empty() != directed);
        of.fold(0_u64, |sum, own| sum.saturating_add(own.quantity))
    };
    Service::ALL.into_iter().flat_map(|service| [(service, false), (service, true)]).all(|(service, directed)| {
        let (own, theirs) = (total(a, service, directed), total(b, service, directed));
        let (less, more) = (own.min(theirs), own.max(theirs));
        u128::from(more - less) * 100 <= u128::from(more) * u128::from(ALIKE_PERCENT)
    })
}

/// A text without spaces, in one width and case.
fn plain(text: &str) -> String {
    fold(text).chars().filter(|c| !c.is_whitespace()).collect()
}

fn offers(board: &[OnSale]) -> Vec<Offer<'_>> {
    board.iter().map(|on_sale| Offer::of(&on_sale.tariff.content)).collect()
}

/// Every needless tariff with the one that makes it so: the cheapest, of those the one with most subscribers.
pub fn needless(board: &[OnSale]) -> Vec<Pair> {
    let offers = offers(board);
    let better = |other: usize| {
        let all = (0..board.len()).filter(|kept| *kept != other && offers[*kept].makes_needless(&offers[other]));
        all.min_by_key(|kept| {
            let price = offers[*kept].terms.map(Terms::recurring_price);
            (price, Reverse(board[*kept].subscribers), *kept)
        })
    };
    (0..board.len()).filter_map(|other| Some(Pair { kept: better(other)?, other })).collect()
}

/// Pairs that are hard to tell apart, those left out of which one makes the other needless.
pub fn alike(board: &[OnSale]) -> Vec<Pair> {
    let offers = offers(board);
    let pairs = (0..board.len()).flat_map(|kept| (kept + 1..board.len()).map(move |other| Pair { kept, other }));
    pairs
        .filter(|pair| {
            let (a, b) = (&offers[pair.kept], &offers[pair.other]);
            a.is_alike(b) && !a.makes_needless(b) && !b.makes_needless(a)
        })
        .collect()
}

/// What subscribers of a tariff could have instead, of what stays on sale: what makes it needless, else the cheapest that
/// grants no less of anything, else the nearest in price. `None`: nothing of its kind is sold to them.
pub fn instead<'a>(tariff: &TariffContent, staying: impl Iterator<Item = &'a TariffContent>) -> Option<&'a SchemeId> {
    let terms = tariff.terms.as_ref()?;
    let price = terms.recurring_price();
    let open = staying.filter(|other| {
        other.kind == tariff.kind
            && other.scheme_id != tariff.scheme_id
            && plain(&other.audience) == plain(&tariff.audience)
            && tariff.regions.iter().all(|region| other.serves_region(region))
    });
    let ranked = open.filter_map(|other| {
        let own = other.terms.as_ref()?;
        let rank = if makes_needless(other, tariff) {
            0
        } else if grants_at_least(own, terms) {
            1
        } else {
            2
        };
        let distance = if rank == 2 { (own.recurring_price() - price).abs() } else { own.recurring_price() };
        Some((rank, distance, &other.scheme_id))
    });
    ranked.min().map(|(.., scheme_id)| scheme_id)
}

fn grants_at_least(a: &Terms, b: &Terms) -> bool {
    let total = |terms: &Terms, service| {
        let of = terms.allowances.iter().filter(|own| own.service == service);
        of.fold(0_u64, |sum, own| sum.saturating_add(own.quantity))
    };
    Service::ALL.into_iter().all(|service| total(a, service) >= total(b, service))
}

#[cfg(test)]
mod tests;
