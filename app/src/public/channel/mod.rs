//! 网络渠道 Agents' channels for everybody: the directory, what each may do, its badge, and whether a copy of its advertising is true.

pub mod badge;
mod check;
mod directory;
mod one;
mod report;

pub use check::{CheckPage, Pasted};
pub use directory::ChannelsPage;
pub use one::ChannelPage;

use charging::channel::{Standing, Terms};
use leptos::prelude::*;

use crate::components::{day_text, region_name};
use crate::i18n::{Locale, td_string};

/// How a channel stands, in a word.
pub fn standing_name(l: Locale, standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => td_string!(l, channel.standing_waiting),
        Standing::NotStarted => td_string!(l, channel.standing_not_started),
        Standing::InForce => td_string!(l, channel.standing_in_force),
        Standing::Expired => td_string!(l, channel.standing_expired),
        Standing::Suspended => td_string!(l, channel.standing_suspended),
        Standing::Ended => td_string!(l, channel.standing_ended),
    }
}

/// The same as a tag.
pub fn standing_tag(l: Locale, standing: Standing) -> AnyView {
    let class = match standing {
        Standing::InForce => "tag on",
        Standing::Waiting | Standing::NotStarted => "tag",
        Standing::Expired | Standing::Suspended | Standing::Ended => "tag warn",
    };
    view! { <span class=class>{standing_name(l, standing)}</span> }.into_any()
}

/// The regions, one after the other.
pub fn region_names(l: Locale, regions: &[String]) -> String {
    let names: Vec<String> = regions.iter().map(|region| region_name(l, region)).collect();
    names.join(td_string!(l, channel.region_comma))
}

/// First and last day.
pub fn days_text(l: Locale, terms: &Terms) -> String {
    let (from, until) = (day_text(l, terms.valid_from), day_text(l, terms.valid_until));
    td_string!(l, channel.days_of_validity, from = from, until = until)
}
