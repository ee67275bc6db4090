//! The bills of a month told to everyone by SMS, in one run against the SMS centre of the browser tests: the npm package
//! `smpp` in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::bulk::{self, subscribers};
use super::{Place, Row, Server, alone};
use crate::postgres::{Durability, Temporary};
use crate::provide;
use crate::workspace::{Workspace, execute};

const NOTICES: u32 = 100_000;
const SUBSCRIBERS: usize = 1_000;
/// As bills are told: two messages.
const BODY: &str = "【明白】2026年10月账单：共1063.00元，应付1063.00元。其中月费等1059.00元，超出用量4.00元，比上月多3.50元。\
                    每一笔的由来见网站“我的账单”。";
const LOOK_EVERY: Duration = Duration::from_millis(250);
const TIME_MAX: Duration = Duration::from_mins(30);

pub fn measure(workspace: &Workspace, place: &Place) -> anyhow::Result<Vec<Row>> {
    let centre = Centre::start(&workspace.root.join("end2end"))?;
    let postgres = Temporary::start(Durability::Full)?;
    postgres.query("postgres", "create database sms")?;
    let url = postgres.url("sms");
    place.execute_on(&url, &["migrate"])?;
    place.execute_on(&url, &["tariffs", "import", &place.file("tariffs.json", &bulk::tariffs())?])?;
    place.execute_on(&url, &["subscribers", "import", &place.file("people.ndjson", &subscribers(SUBSCRIBERS))?])?;
    postgres.psql("sms", &queued("bill", "bill_ready", 2, NOTICES))?;
    postgres.query("sms", "vacuum analyze")?;
    let mut serve = place.program_on(&url, &["serve"]);
    serve.env("MINGBAI_SMPP_URL", format!("smpp://bench:bench@127.0.0.1:{}", centre.port));
    let started = Instant::now();
    let server = Server::start(serve)?;
    let run = watch(&postgres, &server, started)?;
    let parts = postgres.query("sms", "select count(*) from notice_part")?;
    let told = postgres.query("sms", "select count(*) from notice where state = 'delivered'")?;
    ensure!(parts == (2 * (NOTICES + 1)).to_string(), "{parts} messages were taken");
    ensure!(told == (NOTICES + 1).to_string(), "{told} notices arrived");
    let rate = |time: Duration| format!("{:.0}", f64::from(NOTICES) / time.as_secs_f64());
    Ok(vec![
        alone(
            format!("SMS, {NOTICES} notices of two messages: taken by the SMS centre, notices/s"),
            rate(run.taken),
            "–",
        ),
        alone("… and receipts for all of them, notices/s".to_owned(), rate(run.confirmed), "–"),
        alone("… a code that is sent behind them waits, ms".to_owned(), run.code_ms, "≤ 2000"),
        alone(
            "… memory of the server after a tenth, and at most, MB".to_owned(),
            format!("{:.0}, {:.0}", run.early_mb, run.peak_mb),
            "flat",
        ),
    ])
}

/// Notices that wait, spread over all subscribers.
fn queued(event: &str, kind: &str, urgency: u8, count: u32) -> String {
    format!(
        "insert into notice (subscriber_id, kind, event_key, language, body, created_at, due_at, urgency)
         select s.subscriber_id, '{kind}', '{event}/' || n, 'zh-CN', '{BODY}', now(), now(), {urgency}
         from generate_series(1, {count}) as n
         join (select subscriber_id, row_number() over (order by subscriber_id) - 1 as i from subscriber) as s
            on s.i = n % {SUBSCRIBERS};"
    )
}

struct Run {
    taken: Duration,
    confirmed: Duration,
    code_ms: String,
    early_mb: f64,
    peak_mb: f64,
}

/// Watches the queue until it is empty and everything is confirmed; half way, somebody asks for a code.
fn watch(postgres: &Temporary, server: &Server, started: Instant) -> anyhow::Result<Run> {
    let (mut early_mb, mut code, mut taken) = (None, false, None);
    loop {
        thread::sleep(LOOK_EVERY);
        let counts = "select count(*) filter (where state = 'queued') || ' '
            || count(*) filter (where state in ('queued', 'sent')) from notice";
        let counts = postgres.query("sms", counts)?;
        let (queued, open) = counts.split_once(' ').context("two counts")?;
        let (queued, open): (u32, u32) = (queued.parse()?, open.parse()?);
        if queued <= NOTICES / 10 * 9 && early_mb.is_none() {
            early_mb = Some(memory_mb(server, "VmRSS")?);
        }
        if queued <= NOTICES / 2 && !code {
            postgres.psql("sms", &self::queued("code", "sign_in_code", 0, 1))?;
            code = true;
            continue;
        }
        if queued == 0 && taken.is_none() {
            taken = Some(started.elapsed());
        }
        if let (0, Some(taken), true) = (open, taken, code) {
            let waited = "select round(extract(epoch from sent_at - created_at) * 1000) from notice where urgency = 0";
            let code_ms = postgres.query("sms", waited)?;
            let peak_mb = memory_mb(server, "VmHWM")?;
            return Ok(Run {
                taken,
                confirmed: started.elapsed(),
                code_ms,
                early_mb: early_mb.unwrap_or(peak_mb),
                peak_mb,
            });
        }
        if started.elapsed() > TIME_MAX {
            bail!("{queued} of {NOTICES} notices still wait, {open} are not confirmed");
        }
    }
}

fn memory_mb(server: &Server, what: &str) -> anyhow::Result<f64> {
    let about = fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let kb = about.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')?.split_whitespace().next());
    Ok(kb.context("the server's memory")?.parse::<f64>()? / 1024.0)
}

/// The SMS centre, until this value goes.
struct Centre {
    process: Child,
    port: u16,
}

impl Centre {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        execute(Command::new(provide::npm()?).args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
        let mut node = Command::new("node");
        node.arg("lib/sms-centre.js").current_dir(folder).stdout(Stdio::piped());
        let mut process = node.spawn().context("cannot run node")?;
        let mut lines = BufReader::new(process.stdout.take().context("it prints to us")?).lines();
        let first = lines.next().context("the SMS centre ended")??;
        let port = first.strip_prefix("listening ").and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("the SMS centre said: {first}"))?;
        // It must not wait for us to read.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, port })
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
