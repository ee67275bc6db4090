//! Everything that can be ordered: the rows of the matrix of kinds and ways.

use charging::tariff::{Kind, TariffContent};

use crate::world::tariff;

const PAID: &str = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end"}"#;
const BINDING: &str = r#"{"recurring":{"price":"95.00","first_month":"full"},"cancel_effective":"month_end",
    "commitment":{"months":12,"penalty":{"model":"fixed","price":"100.00"}}}"#;
const ONCE: &str = r#"{"one_off":"95.00","cancel_effective":"immediately"}"#;
const FREE: &str = r#"{"recurring":{"price":"0.00","first_month":"full"},"cancel_effective":"immediately",
    "allowances":[{"service":"data","quantity":"10GB"}]}"#;
const GIFT: &str = r#"{"cancel_effective":"immediately","allowances":[{"service":"data","quantity":"1GB"}]}"#;

/// For what each kind of tariff is tried to be had without a yes: for money by month or once, for a commitment, for nothing by
/// month, as a gift. A new kind does not compile before it has its row.
fn terms_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Plan | Kind::Addon => &[PAID, BINDING, ONCE, FREE, GIFT],
        Kind::Campaign | Kind::International | Kind::Standard => &[PAID, ONCE, FREE, GIFT],
    }
}

/// Everything that can be ordered, to be published.
pub fn offers() -> Vec<TariffContent> {
    let all = Kind::ALL.into_iter().flat_map(|kind| terms_of(kind).iter().map(move |terms| (kind, *terms)));
    all.enumerate()
        .map(|(n, (kind, terms))| {
            let id = format!("26MB91{n:04}");
            let mut content = tariff(&id, kind, &format!("{} {id}", kind.as_str()), Some(terms));
            if terms == BINDING {
                (content.commitment, content.penalty) = ("在网 12 个月".to_owned(), "100 元".to_owned());
            }
            content
        })
        .collect()
}
