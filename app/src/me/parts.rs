//! Pieces that the pages of a subscriber share.

use charging::money::plain;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use rust_decimal::Decimal;

use crate::components::Meter;

/// The tone of a message at the top of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warn,
    Bad,
}

/// A message at the top of a page.
pub fn banner(tone: Tone, message: impl IntoView) -> AnyView {
    let (class, role) = match tone {
        Tone::Good => ("banner", "status"),
        Tone::Warn => ("banner warn", "status"),
        Tone::Bad => ("banner bad", "alert"),
    };
    view! { <div class=class role=role>{message}</div> }.into_any()
}

/// A query parameter of the page, of at most 100 bytes. Ask before the first `await`.
pub fn query(name: &str) -> Option<String> {
    use_query_map().with_untracked(|map| map.get(name)).filter(|value| value.len() <= 100)
}

/// `plain` with the two decimals of a price, rounded half up.
pub fn fen(amount: Decimal) -> String {
    plain(charging::money::round_to_fen(amount))
}

/// A small meter with its words above it.
pub fn mini_meter(label: String, words: String, used: u64, total: u64) -> impl IntoView {
    view! {
        <div class="mini">
            <span class="meter-head">
                <span>{label}</span>
                <span class="muted">{words}</span>
            </span>
            <Meter used total />
        </div>
    }
}

/// A number as it is masked on screens: the middle four digits hidden.
pub fn masked(msisdn: &str) -> String {
    match (msisdn.get(..3), msisdn.get(7..)) {
        (Some(head), Some(tail)) => format!("{head}****{tail}"),
        _ => "****".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_in_the_middle() {
        assert_eq!(masked("13800000001"), "138****0001");
        assert_eq!(masked("1"), "****");
    }

    #[test]
    fn prices_have_two_decimals() {
        assert_eq!(fen("31.935484".parse().unwrap()), "31.94");
        assert_eq!(fen(Decimal::from(5)), "5.00");
    }
}
