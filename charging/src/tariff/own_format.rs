//! Our own tariff files: `{"format": "mingbai-tariffs/1", "tariffs": […]}`.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Included, Kind, SchemeId, TariffContent, TariffVersion, Terms, limits};

/// What a file says it is.
pub const FORMAT: &str = "mingbai-tariffs/1";

/// The operator of tariffs that name none.
const OWN_OPERATOR: &str = "mingbai";

/// One tariff of a file. The elements that the regulator asks for must be there; what a text leaves out is the empty
/// text. Beyond them, files that the export wrote hold what makes the same rows again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnTariff<'a> {
    scheme_id: SchemeId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_at: Option<DateTime<Utc>>,
    /// Where that is later than `published_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    orderable_from: Option<DateTime<Utc>>,
    #[serde(default = "own_operator")]
    operator: Cow<'a, str>,
    name: Cow<'a, str>,
    kind: Kind,
    audience: Cow<'a, str>,
    regions: Cow<'a, [String]>,
    channels: Cow<'a, [String]>,
    #[serde(deserialize_with = "day")]
    on_sale_from: NaiveDate,
    #[serde(deserialize_with = "day")]
    on_sale_until: NaiveDate,
    validity: Cow<'a, str>,
    commitment: Cow<'a, str>,
    cancel: Cow<'a, str>,
    penalty: Cow<'a, str>,
    restrictions: Cow<'a, [String]>,
    notes: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    price_text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    services_text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    overage_text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    category: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Included::is_empty")]
    included: Included,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<Terms>,
}

fn own_operator() -> Cow<'static, str> {
    Cow::Borrowed(OWN_OPERATOR)
}

/// A day is written `2026-01-01` and no other way.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    well_formed.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        serde::de::Error::custom(format!("`{shown}` is not a day such as 2026-01-01"))
    })
}

/// A tariff as its file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnEntry {
    pub content: TariffContent,
    pub version: Option<i32>,
    pub published_at: Option<DateTime<Utc>>,
    /// Since when it can be ordered; `None`: since it is public.
    pub orderable_from: Option<DateTime<Utc>>,
}

/// Reads one tariff.
///
/// # Errors
/// The reason why it cannot be published.
pub fn parse(json: &str) -> Result<OwnEntry, String> {
    let own: OwnTariff<'_> = serde_json::from_str(json).map_err(|e| limits::plain_reason(&e))?;
    if own.version.is_some_and(|version| version < 1) {
        return Err("versions are numbered from 1".to_owned());
    }
    let (version, published_at, orderable_from) = (own.version, own.published_at, own.orderable_from);
    let content = TariffContent {
        scheme_id: own.scheme_id,
        operator_id: own.operator.into_owned(),
        name: own.name.into_owned(),
        kind: own.kind,
        audience: own.audience.into_owned(),
        regions: own.regions.into_owned(),
        channels: own.channels.into_owned(),
        on_sale_from: own.on_sale_from,
        on_sale_until: own.on_sale_until,
        validity: own.validity.into_owned(),
        commitment: own.commitment.into_owned(),
        cancel: own.cancel.into_owned(),
        penalty: own.penalty.into_owned(),
        restrictions: own.restrictions.into_owned(),
        notes: own.notes.into_owned(),
        price_text: own.price_text.into_owned(),
        services_text: own.services_text.into_owned(),
        overage_text: own.overage_text.into_owned(),
        category: own.category.into_owned(),
        included: own.included,
        terms: own.terms,
    };
    limits::check(&content)?;
    Ok(OwnEntry { content, version, published_at, orderable_from })
}

/// Writes one tariff, on one line.
pub fn write(tariff: &TariffVersion) -> String {
    let own = OwnTariff {
        version: Some(tariff.version),
        published_at: Some(tariff.published_at),
        orderable_from: Some(tariff.orderable_from).filter(|from| *from > tariff.published_at),
        ..OwnTariff::of(&tariff.content)
    };
    own.line()
}

/// Writes what a tariff says, on one line, for a file that names no versions.
pub fn write_content(content: &TariffContent) -> String {
    OwnTariff::of(content).line()
}

impl<'a> OwnTariff<'a> {
    fn of(content: &'a TariffContent) -> Self {
        Self {
            scheme_id: content.scheme_id.clone(),
            version: None,
            published_at: None,
            orderable_from: None,
            operator: Cow::Borrowed(&content.operator_id),
            name: Cow::Borrowed(&content.name),
            kind: content.kind,
            audience: Cow::Borrowed(&content.audience),
            regions: Cow::Borrowed(&content.regions),
            channels: Cow::Borrowed(&content.channels),
            on_sale_from: content.on_sale_from,
            on_sale_until: content.on_sale_until,
            validity: Cow::Borrowed(&content.validity),
            commitment: Cow::Borrowed(&content.commitment),
            cancel: Cow::Borrowed(&content.cancel),
            penalty: Cow::Borrowed(&content.penalty),
            restrictions: Cow::Borrowed(&content.restrictions),
            notes: Cow::Borrowed(&content.notes),
            price_text: Cow::Borrowed(&content.price_text),
            services_text: Cow::Borrowed(&content.services_text),
            overage_text: Cow::Borrowed(&content.overage_text),
            category: Cow::Borrowed(&content.category),
            included: content.included.clone(),
            terms: content.terms.clone(),
        }
    }

    fn line(&self) -> String {
        serde_json::to_string(self).expect("a tariff has string keys only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn tariff() -> Value {
        json!({
            "scheme_id": "26MB900001", "name": "畅享 99", "kind": "plan", "audience": "所有用户", "regions": ["全国"],
            "channels": ["网上营业厅"], "on_sale_from": "2026-01-01", "on_sale_until": "2027-12-31", "validity": "长期",
            "commitment": "无", "cancel": "随时", "penalty": "无", "restrictions": ["不可转赠"], "notes": "",
            "terms": {"recurring": {"price": "99.00", "first_month": "daily"}, "cancel_effective": "month_end",
                "allowances": [{"service": "data", "quantity": "20GB", "rollover": true}]}
        })
    }

    #[test]
    fn a_tariff_of_the_design_is_read() {
        let entry = parse(&tariff().to_string()).unwrap();
        assert_eq!(entry.content.operator_id, "mingbai");
        assert_eq!(entry.content.terms.unwrap().recurring_price().to_string(), "99.00");
        assert_eq!((entry.version, entry.published_at, entry.orderable_from), (None, None, None));
    }

    #[test]
    fn each_element_is_required() {
        for element in [
            "scheme_id",
            "name",
            "kind",
            "audience",
            "regions",
            "channels",
            "on_sale_from",
            "on_sale_until",
            "validity",
            "commitment",
            "cancel",
            "penalty",
            "restrictions",
            "notes",
        ] {
            let mut tariff = tariff();
            tariff.as_object_mut().unwrap().remove(element);
            let reason = parse(&tariff.to_string()).unwrap_err();
            assert_eq!(reason, format!("missing field `{element}`"));
        }
        let mut without_terms = tariff();
        without_terms.as_object_mut().unwrap().remove("terms");
        assert_eq!(parse(&without_terms.to_string()).unwrap().content.terms, None);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_reason() {
        for (field, value, reason) in [
            ("colour", json!("red"), "unknown field `colour`"),
            ("on_sale_from", json!("2026-1-1"), "`2026-1-1` is not a day such as 2026-01-01"),
            ("on_sale_from", json!("2026-02-30"), "is not a day"),
            ("on_sale_until", json!("2025-12-31"), "on_sale_until lies before on_sale_from"),
            ("kind", json!("gift"), "unknown variant"),
            ("regions", json!([]), "regions must name"),
            ("name", json!(" "), "name is empty"),
            ("name", json!("字".repeat(201)), "name is longer than 200 characters"),
            ("notes", json!("\u{0}"), "U+0000"),
            ("restrictions", json!(vec!["x"; 101]), "more than 100 items"),
            ("version", json!(0), "numbered from 1"),
            ("published_at", json!("yesterday"), "input"),
            (
                "terms",
                json!({"recurring": {"price": "99.001", "first_month": "full"}, "cancel_effective": "month_end"}),
                "more than 2 decimals",
            ),
            ("terms", json!({"price": "1.00"}), "unknown field `price`"),
        ] {
            let mut tariff = tariff();
            tariff[field] = value;
            let refused = parse(&tariff.to_string()).unwrap_err();
            assert!(refused.contains(reason), "{field}: {refused}");
        }
    }

    fn text() -> impl Strategy<Value = String> {
        "[^\\x00]{0,40}"
    }

    fn terms() -> impl Strategy<Value = Option<Terms>> {
        let amount = (0_u32..1_000_000).prop_map(|fen| format!("{}.{:02}", fen / 100, fen % 100));
        let value = (amount.clone(), amount, 0_usize..3, 0_usize..2, 1_u32..5000, any::<bool>()).prop_map(
            |(price, one_off, first, cancel, quantity, rollover)| {
                json!({
                    "recurring": {"price": price, "first_month": (["full", "daily", "half"][first])},
                    "one_off": one_off,
                    "cancel_effective": (["immediately", "month_end"][cancel]),
                    "allowances": [
                        {"service": "data", "quantity": format!("{quantity}MB"), "rating_groups": [quantity], "rollover": rollover},
                        {"service": "voice", "quantity": format!("{quantity}min")}],
                    "overage": [{"service": "data", "model": "ladder", "price": "0.03", "unit": "1MB",
                        "block_price": "3.00", "block": "1GB"}]
                })
            },
        );
        proptest::option::of(value.prop_map(|value| serde_json::from_value(value).unwrap()))
    }

    prop_compose! {
        fn content()(
            texts in proptest::collection::vec(text(), 10),
            name in "[^\\x00\\s][^\\x00]{0,30}",
            kind in 0_usize..5,
            regions in proptest::collection::vec("[\\p{Han}]{2,3}", 1..4),
            items in proptest::collection::vec(text(), 0..4),
            days in (0_i64..4000, 0_i64..4000),
            gigabytes in proptest::option::of(1_i64..100_000),
            minutes in proptest::option::of(1_u64..10_000),
            terms in terms(),
            serial in 0_u32..1_000_000,
        ) -> TariffContent {
            let on_sale_from = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::TimeDelta::days(days.0);
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap();
            TariffContent {
                scheme_id: format!("26MB{serial:06}").parse().unwrap(),
                operator_id: "mingbai".to_owned(),
                name, kind: Kind::ALL[kind], audience: next(), regions,
                channels: items.clone(), on_sale_from, on_sale_until: on_sale_from + chrono::TimeDelta::days(days.1),
                validity: next(), commitment: next(), cancel: next(), penalty: next(), restrictions: items,
                notes: next(), price_text: next(), services_text: next(), overage_text: next(), category: next(),
                included: Included {
                    general_data_gb: gigabytes.map(|hundredths| rust_decimal::Decimal::new(hundredths, 2)),
                    voice_minutes: minutes,
                    ..Included::default()
                },
                terms,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            content in content(), version in 1_i32..100, micros in 0_i64..2_000_000_000_000_000, lead in 0_i64..2,
        ) {
            let published_at = DateTime::from_timestamp_micros(micros).unwrap();
            let orderable_from = published_at + chrono::TimeDelta::days(lead);
            let line = write(&TariffVersion { version, published_at, orderable_from, content: content.clone() });
            prop_assert!(!line.contains('\n'));
            let entry = parse(&line).map_err(TestCaseError::fail)?;
            prop_assert_eq!(entry.content.digest(), content.digest());
            let later = (lead > 0).then_some(orderable_from);
            let published_at = Some(published_at);
            prop_assert_eq!(entry, OwnEntry { content, version: Some(version), published_at, orderable_from: later });
        }
    }
}
