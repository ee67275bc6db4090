//! `mingbai tariffs lint`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use charging::tariff::clarity::{Finding, Rule, Severity, check};
use charging::tariff::{SchemeId, TariffContent, store};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Serialize;
use sqlx::PgPool;

use super::tariffs::read;
use crate::context::Context;

/// Findings that are printed one by one; more are only counted.
const PRINTED_MAX: usize = 100;
/// Tariffs that are read from the database at a time.
const PAGE: i64 = 200;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tariff files, in our own format or as operators' tariff zones were collected. None: what is published here.
    files: Vec<PathBuf>,
    /// Write every finding to this file, one JSON object a line.
    #[arg(long)]
    findings: Option<PathBuf>,
    /// Print so many findings drawn at random, each with its sentence, to be judged by eye.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    sample: u16,
    /// The same number draws the same findings.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fail when anything is found that blocks publishing.
    #[arg(long)]
    strict: bool,
}

/// Prints how many tariffs break each rule, by operator.
///
/// # Errors
/// When a file cannot be read to its end or the database fails; with `--strict`, when a rule is broken that blocks
/// publishing.
pub async fn run(args: Args, context: &Context) -> anyhow::Result<()> {
    let mut report = Report::new(args.findings.as_deref(), Sample::new(args.sample.into(), args.seed))?;
    if args.files.is_empty() {
        published(&context.pool, &mut report).await?;
    }
    for file in &args.files {
        let (mut elements, reader) = read(file)?;
        while let Some(element) = elements.recv().await {
            match element.parsed {
                Ok(publication) => report.add(&publication.content)?,
                Err(reason) => {
                    eprintln!("{}: element {} is no tariff: {reason}", file.display(), element.number);
                    report.unreadable += 1;
                }
            }
        }
        reader.await?.with_context(|| file.display().to_string())?;
    }
    let blocked = report.finish()?;
    anyhow::ensure!(!args.strict || blocked == 0, "{blocked} tariffs cannot be published as they are");
    Ok(())
}

/// The newest version of every tariff that is published here.
async fn published(pool: &PgPool, report: &mut Report) -> anyhow::Result<()> {
    let mut conn = pool.acquire().await?;
    let mut after = String::new();
    loop {
        let ids = store::ids_after(&mut conn, &after, PAGE).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after.clone_from(last);
        for tariff in store::newest(&mut conn, &ids).await? {
            report.add(&tariff.content)?;
        }
    }
}

/// Findings drawn at random, each with the same chance, while they go by (Vitter's algorithm R).
struct Sample {
    size: usize,
    offered: u64,
    drawn: Vec<String>,
    rng: StdRng,
}

impl Sample {
    fn new(size: usize, seed: u64) -> Self {
        Self { size, offered: 0, drawn: Vec::new(), rng: StdRng::seed_from_u64(seed) }
    }

    fn offer(&mut self, line: impl FnOnce() -> String) {
        self.offered += 1;
        if self.drawn.len() < self.size {
            self.drawn.push(line());
        } else if self.size > 0
            && let Ok(place) = usize::try_from(self.rng.random_range(0..self.offered))
            && let Some(drawn) = self.drawn.get_mut(place)
        {
            *drawn = line();
        }
    }
}

/// Tariffs and findings of one rule and operator.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    tariffs: u64,
    findings: u64,
}

/// A line of the file of findings.
#[derive(Serialize)]
struct Line<'a> {
    scheme_id: &'a SchemeId,
    operator: &'a str,
    severity: Severity,
    #[serde(flatten)]
    finding: &'a Finding,
}

struct Report {
    /// By operator.
    tariffs: BTreeMap<String, u64>,
    counts: BTreeMap<(Rule, String), Count>,
    /// The first, to be printed.
    printed: Vec<String>,
    sample: Sample,
    findings: u64,
    /// Tariffs with a finding that blocks publishing.
    blocked: u64,
    unreadable: u64,
    file: Option<BufWriter<File>>,
}

impl Report {
    fn new(file: Option<&Path>, sample: Sample) -> anyhow::Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        Ok(Self {
            tariffs: BTreeMap::new(),
            counts: BTreeMap::new(),
            printed: Vec::new(),
            sample,
            findings: 0,
            blocked: 0,
            unreadable: 0,
            file: file.map(create).transpose()?.map(BufWriter::new),
        })
    }

    fn add(&mut self, content: &TariffContent) -> anyhow::Result<()> {
        let operator = &content.operator_id;
        *self.tariffs.entry(operator.clone()).or_default() += 1;
        let found = check(content);
        self.blocked += u64::from(found.iter().any(|finding| finding.rule.severity() == Severity::Error));
        let mut before = None;
        for finding in &found {
            let count = self.counts.entry((finding.rule, operator.clone())).or_default();
            count.findings += 1;
            // They come in the order of the rules.
            count.tariffs += u64::from(before != Some(finding.rule));
            before = Some(finding.rule);
            self.findings += 1;
            self.sample.offer(|| sampled(content, finding));
            if self.printed.len() < PRINTED_MAX {
                self.printed.push(line(content, finding));
            }
            if let Some(file) = &mut self.file {
                let line = Line { scheme_id: &content.scheme_id, operator, severity: finding.rule.severity(), finding };
                serde_json::to_writer(&mut *file, &line)?;
                file.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Prints findings where they are few, and the table. Returns how many tariffs are blocked.
    fn finish(mut self) -> anyhow::Result<u64> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
        }
        for line in &self.sample.drawn {
            println!("{line}");
        }
        if self.sample.drawn.is_empty() && usize::try_from(self.findings)? <= self.printed.len() {
            for line in &self.printed {
                println!("{line}");
            }
        }
        let operators: Vec<&String> = self.tariffs.keys().collect();
        let heads = operators.iter().map(|operator| format!(" {operator} ({})", self.tariffs[*operator]));
        println!("rule | severity |{}", heads.collect::<Vec<_>>().join(" |"));
        println!("--- | --- |{}", " --- |".repeat(operators.len()).trim_end_matches(" |"));
        for rule in Rule::ALL {
            let cells = operators.iter().map(|operator| {
                let count = self.counts.get(&(rule, (*operator).clone())).copied().unwrap_or_default();
                format!(" {} ({})", count.tariffs, count.findings)
            });
            println!("{rule} | {} |{}", rule.severity().as_str(), cells.collect::<Vec<_>>().join(" |"));
        }
        let tariffs: u64 = self.tariffs.values().sum();
        println!(
            "tariffs {tariffs}, unreadable {}, findings {}, not publishable {}",
            self.unreadable, self.findings, self.blocked
        );
        Ok(self.blocked)
    }
}

fn sampled(content: &TariffContent, finding: &Finding) -> String {
    let Finding { rule, element, quote } = finding;
    let sentence = finding.sentence(content);
    format!("{} {rule}: {}: `{quote}` in: {sentence}", content.scheme_id, element.as_str())
}

fn line(content: &TariffContent, finding: &Finding) -> String {
    let Finding { rule, element, quote } = finding;
    let element = element.as_str();
    let reason = rule.reason().en;
    format!("{} {}: {element}: {rule}: {reason} `{quote}`", content.scheme_id, rule.severity().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<String> {
        let mut sample = Sample::new(5, seed);
        (0..100).for_each(|n| sample.offer(|| n.to_string()));
        sample.drawn
    }

    #[test]
    fn the_same_number_draws_the_same() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn each_has_the_same_chance() {
        let mut counts = [0_u32; 100];
        for seed in 0..4000 {
            for n in drawn(seed) {
                counts[n.parse::<usize>().unwrap()] += 1;
            }
        }
        // 200 each on average, with a deviation of 14.
        assert!(counts.iter().all(|count| (130..270).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_few_are_all_drawn_and_none_where_none_is_asked_for() {
        let mut few = Sample::new(5, 1);
        (0..3).for_each(|n| few.offer(|| n.to_string()));
        assert_eq!(few.drawn, ["0", "1", "2"]);
        let mut none = Sample::new(0, 1);
        none.offer(|| unreachable!());
        assert!(none.drawn.is_empty());
    }
}
