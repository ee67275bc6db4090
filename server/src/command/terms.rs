//! `mingbai tariffs terms`

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use charging::tariff::derive::derive;
use charging::tariff::{Kind, TariffContent};

use super::tariffs::read;

/// Reasons that are printed; rarer ones are only counted.
const REASONS_PRINTED_MAX: usize = 60;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tariff files, in our own format or as operators' tariff zones were collected.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Prints of how many tariffs the terms can be read from the text without a doubt, by operator and kind, and what
/// stands in the way of the other plans and add-ons with data or voice, the most frequent first.
///
/// # Errors
/// When a file cannot be read to its end.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut coverage = Coverage::default();
    for file in &args.files {
        let (mut elements, reader) = read(file)?;
        while let Some(element) = elements.recv().await {
            match element.parsed {
                Ok(publication) => coverage.add(&publication.content),
                Err(reason) => eprintln!("{}: element {} is no tariff: {reason}", file.display(), element.number),
            }
        }
        reader.await?.with_context(|| file.display().to_string())?;
    }
    print!("{}", coverage.table());
    Ok(())
}

/// Tariffs of one operator and kind.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: u64,
    derived: u64,
    /// Those whose table says that data or voice is included.
    metered: u64,
    metered_derived: u64,
}

#[derive(Debug, Default)]
struct Coverage {
    counts: BTreeMap<(String, Kind), Count>,
    reasons: BTreeMap<String, u64>,
}

impl Coverage {
    fn add(&mut self, content: &TariffContent) {
        let included = &content.included;
        let metered = included.data_bytes().is_some() || included.voice_minutes.is_some();
        let reason = match derive(content) {
            Err(reason) => Some(reason.to_string()),
            Ok(_) if content.terms.is_none() => Some("the file itself names another price".to_owned()),
            Ok(_) => None,
        };
        let derived = u64::from(reason.is_none());
        let count = self.counts.entry((content.operator_id.clone(), content.kind)).or_default();
        count.all += 1;
        count.derived += derived;
        if metered {
            count.metered += 1;
            count.metered_derived += derived;
        }
        if let Some(reason) = reason
            && metered
            && matches!(content.kind, Kind::Plan | Kind::Addon)
        {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }

    fn table(&self) -> String {
        let mut lines = vec![
            "operator | kind | tariffs | derived | with data or voice | derived | share".to_owned(),
            "--- | --- | --- | --- | --- | --- | ---".to_owned(),
        ];
        for ((operator, kind), count) in &self.counts {
            let Count { all, derived, metered, metered_derived } = count;
            let share = (metered_derived * 100).checked_div(*metered).map_or_else(String::new, |n| format!("{n}%"));
            let kind = kind.as_str();
            lines.push(format!("{operator} | {kind} | {all} | {derived} | {metered} | {metered_derived} | {share}"));
        }
        let mut reasons: Vec<(&String, &u64)> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        lines.push("\nplans and add-ons with data or voice | why no terms".to_owned());
        lines.push("--- | ---".to_owned());
        lines.extend(reasons.iter().take(REASONS_PRINTED_MAX).map(|(reason, count)| format!("{count} | {reason}")));
        let rarer: u64 = reasons.iter().skip(REASONS_PRINTED_MAX).map(|(_, count)| **count).sum();
        if rarer > 0 {
            lines.push(format!("{rarer} | {} rarer reasons", reasons.len() - REASONS_PRINTED_MAX));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_counts_what_is_read_and_says_why_the_rest_is_not() {
        let json = |price: &str| {
            serde_json::json!({
                "id": "cmcc-海南-25HI299001", "name": "清风卡", "area": "海南", "price": 19, "generalData": 5, "voice": 60,
                "tags": ["套餐"],
                "details": {
                    "schemeId": "25HI299001", "tariffStandard": price, "onlineDate": "20250101",
                    "offlineDate": "20291231", "validity": "到期自动续订", "networkRequirement": "无", "liability": "无"
                }
            })
            .to_string()
        };
        let mut coverage = Coverage::default();
        for price in ["19元/月", "228元/年"] {
            coverage.add(&charging::tariff::operator_format::parse(&json(price), Some("cmcc")).unwrap());
        }
        let table = coverage.table();
        assert!(table.contains("mobile | plan | 2 | 1 | 2 | 1 | 50%"), "{table}");
        assert!(table.contains("1 | the price is not one plain monthly figure"), "{table}");
    }
}
