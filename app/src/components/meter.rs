use leptos::prelude::*;

/// A bar for how much of something is used. The figures stand in text beside it; the bar itself is decoration, drawn as
/// SVG so that it needs no inline style.
#[component]
pub fn Meter(used: u64, total: u64) -> impl IntoView {
    let thousandths = thousandths(used, total);
    let class = if thousandths >= 1000 { "meter full" } else { "meter" };
    view! {
        <svg class=class viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
            <rect class="bar" width=thousandths.to_string() height="12" />
        </svg>
    }
}

fn thousandths(used: u64, total: u64) -> u128 {
    match total {
        0 => 1000,
        total => (u128::from(used) * 1000 / u128::from(total)).min(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_full_only_when_all_is_used() {
        assert_eq!(thousandths(0, 10), 0);
        assert_eq!(thousandths(9_999, 10_000), 999);
        assert_eq!(thousandths(10, 10), 1000);
        assert_eq!(thousandths(20, 10), 1000);
        assert_eq!(thousandths(0, 0), 1000);
    }
}
