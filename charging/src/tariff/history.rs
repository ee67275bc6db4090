//! Every version that ever was public, with the time in which each could be ordered here.

use chrono::{DateTime, Days, Utc};

use super::TariffVersion;
use crate::clock::start_of_day;

/// What ended the sale of a version, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its 下线日期 is over.
    LastDay,
    /// This version took its place.
    NewVersion(i32),
    /// Sales of the whole tariff were stopped.
    Withdrawn,
}

/// When a version could be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orderable {
    pub from: DateTime<Utc>,
    /// From this instant on it could not.
    pub until: DateTime<Utc>,
    pub end: End,
}

/// When each version could be ordered; `None`: it never could, because it has no terms, or was replaced or stopped before
/// its first day.
///
/// `versions` are all versions of one tariff, the newest first.
pub fn orderable_times(versions: &[TariffVersion], withdrawn_at: Option<DateTime<Utc>>) -> Vec<Option<Orderable>> {
    let mut times = Vec::with_capacity(versions.len());
    // The first of the newer versions to take over.
    let mut replaced: Option<(DateTime<Utc>, End)> = None;
    for version in versions {
        let content = &version.content;
        let from = version.takes_over_at();
        let last_day = start_of_day(content.on_sale_until + Days::new(1));
        let withdrawn = withdrawn_at.map(|at| (at, End::Withdrawn));
        let ends = [Some((last_day, End::LastDay)), replaced, withdrawn].into_iter().flatten();
        let end = ends.min_by_key(|(at, _)| *at).filter(|(until, _)| from < *until && content.terms.is_some());
        times.push(end.map(|(until, end)| Orderable { from, until, end }));
        replaced = replaced.filter(|(at, _)| *at <= from).or(Some((from, End::NewVersion(version.version))));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tariff::{Current, own_format};

    fn version(version: i32, published: &str, from: &str, until: &str) -> TariffVersion {
        let json = format!(
            r#"{{"scheme_id":"26MB900001","name":"n","kind":"plan","audience":"","regions":["全国"],"channels":[],
            "on_sale_from":"{from}","on_sale_until":"{until}","validity":"","commitment":"","cancel":"","penalty":"",
            "restrictions":[],"notes":"","terms":{{"cancel_effective":"month_end"}}}}"#
        );
        let content = own_format::parse(&json).unwrap().content;
        let published_at = start_of_day(published.parse().unwrap());
        TariffVersion { version, published_at, orderable_from: published_at, content }
    }

    fn told(versions: &[TariffVersion], withdrawn: Option<&str>) -> Vec<String> {
        let withdrawn = withdrawn.map(|day| start_of_day(day.parse().unwrap()));
        let day = |at| crate::clock::local_date(at).to_string();
        let times = orderable_times(versions, withdrawn).into_iter();
        times
            .map(|time| {
                time.map_or("never".to_owned(), |time| format!("{} {} {:?}", day(time.from), day(time.until), time.end))
            })
            .collect()
    }

    #[test]
    fn a_version_is_sold_until_the_next_one_is() {
        let versions = [
            version(2, "2026-03-01", "2026-01-01", "2026-12-31"),
            version(1, "2025-12-20", "2026-01-01", "2026-06-30"),
        ];
        assert_eq!(told(&versions, None), ["2026-03-01 2027-01-01 LastDay", "2026-01-01 2026-03-01 NewVersion(2)"]);
        assert_eq!(
            told(&versions, Some("2026-05-01")),
            ["2026-03-01 2026-05-01 Withdrawn", "2026-01-01 2026-03-01 NewVersion(2)"]
        );
        assert_eq!(told(&versions, Some("2026-02-01")), ["never", "2026-01-01 2026-02-01 Withdrawn"]);
    }

    #[test]
    fn a_version_that_is_announced_leaves_the_one_before_on_sale() {
        let mut versions = [
            version(2, "2026-03-01", "2026-01-01", "2026-12-31"),
            version(1, "2025-12-20", "2026-01-01", "2026-12-31"),
        ];
        versions[0].orderable_from = start_of_day("2026-03-02".parse().unwrap());
        assert_eq!(told(&versions, None), ["2026-03-02 2027-01-01 LastDay", "2026-01-01 2026-03-02 NewVersion(2)"]);
    }

    #[test]
    fn a_version_whose_first_day_is_to_come_leaves_the_one_before_on_sale() {
        let versions = [
            version(2, "2026-03-01", "2026-06-01", "2026-12-31"),
            version(1, "2025-12-20", "2026-01-01", "2026-12-31"),
        ];
        assert_eq!(told(&versions, None), ["2026-06-01 2027-01-01 LastDay", "2026-01-01 2026-06-01 NewVersion(2)"]);
        let oldest_first = [versions[1].clone(), versions[0].clone()];
        let june = start_of_day("2026-06-01".parse().unwrap());
        for (day, expected) in [
            ("2025-12-25", (2, Some(start_of_day("2026-01-01".parse().unwrap())))),
            ("2026-05-31", (1, Some(june))),
            ("2026-06-01", (2, None)),
        ] {
            let current = Current::of(&oldest_first, start_of_day(day.parse().unwrap())).unwrap();
            assert_eq!((current.tariff.version, current.announced), expected, "{day}");
        }
        assert_eq!(Current::of(&[], june), None);
    }

    #[test]
    fn what_a_newer_version_overtakes_before_its_first_day_is_never_sold() {
        let versions = [
            version(3, "2026-03-02", "2026-05-01", "2026-12-31"),
            version(2, "2026-03-01", "2026-06-01", "2026-12-31"),
            version(1, "2025-12-20", "2026-01-01", "2026-12-31"),
        ];
        assert_eq!(
            told(&versions, None),
            ["2026-05-01 2027-01-01 LastDay", "never", "2026-01-01 2026-05-01 NewVersion(3)"]
        );
    }

    #[test]
    fn what_was_replaced_before_its_first_day_or_has_no_terms_was_never_sold() {
        let mut versions = [
            version(2, "2025-12-25", "2026-01-01", "2026-12-31"),
            version(1, "2025-12-20", "2026-01-01", "2026-12-31"),
        ];
        assert_eq!(told(&versions, None), ["2026-01-01 2027-01-01 LastDay", "never"]);
        versions[0].content.terms = None;
        assert_eq!(told(&versions, None)[0], "never");
    }
}
