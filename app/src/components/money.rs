use charging::money::plain;
use charging::quantity::{GIB, KIB, MIB};
use leptos::prelude::*;
use rust_decimal::Decimal;

/// An amount of yuan with at least two decimals and its currency.
#[component]
pub fn Yuan(amount: Decimal) -> impl IntoView {
    view! {
        <span class="yuan">
            <span class="yuan-sign" aria-hidden="true">"¥"</span>
            {plain(amount)}
        </span>
    }
}

/// Bytes as people read them: at most two decimals, in the unit that fits (1 GB = 1024 MB).
pub fn data_size(bytes: u64) -> String {
    let (size, unit) = match bytes {
        GIB.. => (GIB, "GB"),
        MIB.. => (MIB, "MB"),
        KIB.. => (KIB, "KB"),
        _ => return format!("{bytes} B"),
    };
    let hundredths = u128::from(bytes) * 100 / u128::from(size);
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => format!("{whole} {unit}"),
        part if part % 10 == 0 => format!("{whole}.{} {unit}", part / 10),
        part => format!("{whole}.{part:02} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut_to_two_decimals_and_never_rounded_up() {
        assert_eq!(data_size(0), "0 B");
        assert_eq!(data_size(1536), "1.5 KB");
        assert_eq!(data_size(20 * GIB), "20 GB");
        assert_eq!(data_size(20 * GIB - 1), "19.99 GB");
        assert_eq!(data_size(GIB + GIB / 20), "1.04 GB");
    }
}
