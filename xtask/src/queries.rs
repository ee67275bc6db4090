//! `.sqlx`: what PostgreSQL says of each query in the code, kept so that building needs no database.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::postgres::{Durability, Temporary};
use crate::workspace::{Workspace, execute};

/// Database that the queries are checked against; it holds the schema only. Tests have their own.
const DATABASE: &str = "postgres";

/// Writes `.sqlx` anew.
pub fn rewrite(workspace: &Workspace) -> anyhow::Result<()> {
    let postgres = Temporary::start(Durability::None)?;
    let fresh = gather(workspace, &postgres)?;
    let folder = workspace.root.join(".sqlx");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the old .sqlx")?;
    }
    fs::create_dir(&folder).context("cannot make .sqlx")?;
    for (name, content) in &fresh {
        fs::write(folder.join(name), content)?;
    }
    println!("{} queries", fresh.len());
    Ok(())
}

/// Compares `.sqlx` with the queries in the code.
///
/// # Errors
/// When a query is missing there, is noted otherwise than PostgreSQL describes it now, or no longer is in the code.
pub fn check(workspace: &Workspace, postgres: &Temporary) -> anyhow::Result<()> {
    let fresh = gather(workspace, postgres)?;
    let committed = read(&workspace.root.join(".sqlx"))?;
    let mut missing = 0;
    for (name, content) in &fresh {
        match committed.get(name) {
            Some(noted) if essence(noted)? == essence(content)? => {}
            _ => missing += 1,
        }
    }
    let stale = committed.keys().filter(|name| !fresh.contains_key(*name)).count();
    if missing + stale > 0 {
        bail!(
            "{missing} queries of the code are not in .sqlx as they are now, {stale} there are of no use: run `cargo xtask sqlx`"
        );
    }
    println!("{} queries are in .sqlx", fresh.len());
    Ok(())
}

/// What a query is and gives; which columns may be null is guessed from the plan, which differs between versions.
fn essence(content: &str) -> anyhow::Result<Value> {
    let mut query: Value = serde_json::from_str(content)?;
    if let Some(describe) = query.get_mut("describe").and_then(Value::as_object_mut) {
        describe.remove("nullable");
    }
    Ok(query)
}

/// Has every query of the workspace described by the database, and returns what was noted of each.
fn gather(workspace: &Workspace, postgres: &Temporary) -> anyhow::Result<BTreeMap<String, String>> {
    apply_migrations(workspace, postgres)?;
    let notes = tempfile::tempdir()?;
    // The compiler does not know that the outcome depends on the database, so every crate with queries must look changed.
    for package in ["charging", "app", "server"] {
        for folder in ["src", "tests"] {
            touch_all(&workspace.root.join(package).join(folder))?;
        }
    }
    let mut check = workspace.cargo(&["check", "--workspace", "--all-targets", "--features", "charging/testing"]);
    check
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", notes.path())
        .env("DATABASE_URL", postgres.url(DATABASE));
    execute(&mut check)?;
    read(notes.path())
}

/// Gives the source files directly in a folder, which are the roots of their crates or lead to them, today's date.
fn touch_all(folder: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rs") {
            let file = File::options().append(true).open(&path)?;
            file.set_modified(now()).with_context(|| format!("cannot touch {}", path.display()))?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the time of a file is the machine's")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Applies the files with `psql`: the program that would do it cannot be built before its queries are known.
fn apply_migrations(workspace: &Workspace, postgres: &Temporary) -> anyhow::Result<()> {
    let entries = fs::read_dir(workspace.root.join("migrations"))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    let mut sql = String::new();
    for file in files {
        sql += &fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        sql.push('\n');
    }
    postgres.psql(DATABASE, &sql)
}

fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            found.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}
