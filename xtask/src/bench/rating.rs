//! Rating alone, on one core: what `charging/benches/rating.rs` prints.

use std::process::Stdio;

use anyhow::{Context as _, bail};

use super::{PAIRS, Row, alone, median};
use crate::workspace::{Workspace, shown};

pub fn measure(workspace: &Workspace) -> anyhow::Result<Vec<Row>> {
    let mut bench = workspace.cargo(&["bench", "--package", "charging", "--bench", "rating"]);
    let output = bench.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rates: Vec<f64> = said.lines().filter_map(|line| line.split_once(" records/s")?.0.parse().ok()).collect();
    if !output.status.success() || rates.len() != PAIRS {
        bail!("`{}` said:\n{said}", shown(&bench));
    }
    let (low, high) = rates.iter().fold((f64::MAX, 0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
    let ours = format!("{:.0} ({low:.0} to {high:.0})", median(rates.iter().copied()));
    Ok(vec![alone("pure rating, records/s on one core, no database".to_owned(), ours, "≥ 1000000")])
}
