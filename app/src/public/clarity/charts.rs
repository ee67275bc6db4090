//! Shares as bars, drawn on the server, with their figures beside them.

use leptos::prelude::*;

use crate::i18n::td_string;
use crate::request::locale;

/// One line: of so many tariffs, so many.
#[derive(Clone, Debug)]
pub struct Bar {
    pub name: String,
    /// Leads to these tariffs alone, or back to all.
    pub href: String,
    pub is_chosen: bool,
    pub tariffs: u64,
    pub broken: u64,
}

/// A share as a percentage with one decimal, rounded half up; a dash where there is nothing to share.
pub fn percent(part: u64, whole: u64) -> String {
    match tenths(part, whole) {
        Some(tenths) => format!("{}.{}%", tenths / 10, tenths % 10),
        None => "–".to_owned(),
    }
}

/// A share in tenths of a hundredth.
fn tenths(part: u64, whole: u64) -> Option<u64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    u64::try_from((part * 2000 + whole).checked_div(whole * 2)?).ok()
}

/// A table of shares with a bar in each line.
#[component]
pub fn Shares(
    title: &'static str,
    /// What the shares are of.
    #[prop(into)]
    about: String,
    head: &'static str,
    bars: Vec<Bar>,
) -> impl IntoView {
    let l = locale();
    let rows = bars
        .into_iter()
        .map(|bar| {
            let share = percent(bar.broken, bar.tariffs);
            let width = tenths(bar.broken, bar.tariffs);
            let current = bar.is_chosen.then_some("true");
            let count = td_string!(l, clarity.of, broken = bar.broken, tariffs = bar.tariffs);
            view! {
                <tr>
                    <th scope="row">
                        <a href=bar.href aria-current=current>{bar.name}</a>
                    </th>
                    <td class="share">
                        <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                            <rect class="whole" width="1000" height="10" />
                            {width.map(|width| view! { <rect class="part" width=width.to_string() height="10" /> })}
                        </svg>
                        <span class="num">{share}</span>
                    </td>
                    <td class="num small muted">{count}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <div class="stack-tight">
                <h2>{title}</h2>
                <p class="small muted">{about}</p>
            </div>
            <table class="table shares">
                <thead class="sr">
                    <tr>
                        <th scope="col">{head}</th>
                        <th scope="col">{td_string!(l, clarity.column_share)}</th>
                        <th scope="col">{td_string!(l, clarity.column_count)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_half_up_to_a_tenth() {
        assert_eq!(
            [percent(1, 3), percent(1, 2000), percent(2, 2), percent(0, 9)],
            ["33.3%", "0.1%", "100.0%", "0.0%"]
        );
        assert_eq!(percent(0, 0), "–");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0%");
    }
}
