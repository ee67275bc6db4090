//! What changed from one bill to the next, so that it can be said in a few words.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{BillLine, LineKind};

/// Changes that are told.
pub const TOLD: usize = 3;

/// A line as far as changes depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub kind: LineKind,
    pub scheme_id: &'a str,
    pub tariff_name: &'a str,
    /// Yuan.
    pub amount: Decimal,
}

impl<'a> From<&'a BillLine> for Part<'a> {
    fn from(line: &'a BillLine) -> Self {
        let BillLine { kind, scheme_id, tariff_name, amount, .. } = line;
        Self { kind: *kind, scheme_id: scheme_id.as_str(), tariff_name, amount: *amount }
    }
}

/// A difference between two bills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: LineKind,
    /// The tariff's name and number, where the change is one of a tariff: fees are told by what they are for, usage by its kind.
    pub tariff: Option<(String, String)>,
    pub turn: Turn,
    /// Yuan, above zero.
    pub by: Decimal,
}

/// Which way it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// It was not on the bill before.
    New,
    /// It is on the bill no more.
    Gone,
    More,
    Less,
}

/// The differences between two bills, the largest first; lines that cancel each other out make none. Without a bill before,
/// everything is new.
pub fn changes<'a>(
    newest: impl IntoIterator<Item = Part<'a>>,
    before: impl IntoIterator<Item = Part<'a>>,
) -> Vec<Change> {
    let mut sums: BTreeMap<(LineKind, &str), Sums<'_>> = BTreeMap::new();
    for part in before {
        let sums = sums.entry(key(&part)).or_default();
        *sums.before.get_or_insert(Decimal::ZERO) += part.amount;
        sums.name = part.tariff_name;
    }
    for part in newest {
        let sums = sums.entry(key(&part)).or_default();
        *sums.newest.get_or_insert(Decimal::ZERO) += part.amount;
        sums.name = part.tariff_name;
    }
    let mut changes: Vec<Change> = sums.into_iter().filter_map(|(key, sums)| sums.change(key)).collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.by));
    changes
}

/// Fees differ by what they are for. How much was used of one tariff or another is no change by itself.
fn key<'a>(part: &Part<'a>) -> (LineKind, &'a str) {
    match part.kind {
        LineKind::Recurring | LineKind::OneOff | LineKind::ThirdParty => (part.kind, part.scheme_id),
        _ => (part.kind, ""),
    }
}

/// What a key sums up to, in yuan; `None`: it is not on that bill.
#[derive(Default)]
struct Sums<'a> {
    before: Option<Decimal>,
    newest: Option<Decimal>,
    name: &'a str,
}

impl Sums<'_> {
    fn change(self, (kind, scheme_id): (LineKind, &str)) -> Option<Change> {
        let by = self.newest.unwrap_or_default() - self.before.unwrap_or_default();
        if by.is_zero() {
            return None;
        }
        let is_named = !scheme_id.is_empty();
        let turn = match (self.before, self.newest) {
            (None, Some(_)) if is_named && by > Decimal::ZERO => Turn::New,
            (Some(_), None) if is_named && by < Decimal::ZERO => Turn::Gone,
            _ if by > Decimal::ZERO => Turn::More,
            _ => Turn::Less,
        };
        let tariff = is_named.then(|| (self.name.to_owned(), scheme_id.to_owned()));
        Some(Change { kind, tariff, turn, by: by.abs() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part<'a>(kind: LineKind, scheme_id: &'a str, amount: &str) -> Part<'a> {
        Part { kind, scheme_id, tariff_name: scheme_id, amount: amount.parse().unwrap() }
    }

    fn told(newest: &[Part<'_>], before: &[Part<'_>]) -> Vec<(String, Turn, String)> {
        let changes = changes(newest.iter().copied(), before.iter().copied());
        let name = |change: &Change| match &change.tariff {
            Some((name, _)) => name.clone(),
            None => change.kind.to_string(),
        };
        changes.iter().map(|change| (name(change), change.turn, change.by.to_string())).collect()
    }

    #[test]
    fn fees_are_told_by_tariff_and_usage_by_kind_the_largest_first() {
        use LineKind::{Adjustment, DataOverage, OneOff, Recurring, SmsOverage};
        let before = [
            part(Recurring, "plan", "59.00"),
            part(Recurring, "old", "20.00"),
            part(DataOverage, "plan", "3.00"),
            part(SmsOverage, "plan", "0.50"),
        ];
        let newest = [
            part(Recurring, "plan", "99.00"),
            part(Recurring, "new", "10.00"),
            part(OneOff, "new", "5.00"),
            part(DataOverage, "other plan", "3.00"),
            part(SmsOverage, "plan", "0.20"),
            part(Adjustment, "plan", "-8.00"),
        ];
        let expected = [
            ("plan", Turn::More, "40.00"),
            ("old", Turn::Gone, "20.00"),
            ("new", Turn::New, "10.00"),
            ("adjustment", Turn::Less, "8.00"),
            ("new", Turn::New, "5.00"),
            ("sms_overage", Turn::Less, "0.30"),
        ];
        assert_eq!(told(&newest, &before), expected.map(|(name, turn, by)| (name.to_owned(), turn, by.to_owned())));
        assert!(told(&before, &before).is_empty());
        assert!(told(&before, &[]).iter().filter(|(name, ..)| name == "plan").all(|(_, turn, _)| *turn == Turn::New));
    }

    fn any_lines() -> impl Strategy<Value = Vec<(LineKind, u8, i64)>> {
        let kind = prop::sample::select(LineKind::ALL.to_vec());
        prop::collection::vec((kind, 0_u8..3, -5000_i64..100_000), 0..12)
    }

    proptest! {
        #[test]
        fn changes_sum_up_to_the_difference_of_the_totals(newest in any_lines(), before in any_lines()) {
            const SCHEMES: [&str; 3] = ["a", "b", "c"];
            let parts = |lines: &[(LineKind, u8, i64)]| -> Vec<Part<'static>> {
                lines.iter().map(|(kind, scheme, fen)| {
                    let scheme_id = SCHEMES[usize::from(*scheme)];
                    Part { kind: *kind, scheme_id, tariff_name: scheme_id, amount: Decimal::new(*fen, 2) }
                }).collect()
            };
            let (newest, before) = (parts(&newest), parts(&before));
            let total = |parts: &[Part<'_>]| parts.iter().map(|part| part.amount).sum::<Decimal>();
            let changes = changes(newest.iter().copied(), before.iter().copied());
            let signed = |change: &Change| match change.turn {
                Turn::New | Turn::More => change.by,
                Turn::Gone | Turn::Less => -change.by,
            };
            prop_assert_eq!(changes.iter().map(signed).sum::<Decimal>(), total(&newest) - total(&before));
            prop_assert!(changes.iter().all(|change| change.by > Decimal::ZERO));
            prop_assert!(changes.windows(2).all(|pair| pair[0].by >= pair[1].by));
        }
    }
}
