//! Updates of charging sessions over HTTP/2, beside `pgbench` with one transaction an event on the same PostgreSQL.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;

use super::load::{self, Connection, Pace};
use super::reference::Reference;
use super::streams::{self, Post, Posts};
use super::{PAIRS, Place, Row, Server, paired, ratio};

const SESSIONS: usize = 64;
/// Of network functions, which share them among their sessions.
const CONNECTIONS: usize = 4;
const RUN_SECONDS: u64 = 5;
pub const PATH: &str = "/nchf-convergedcharging/v3/chargingdata";
/// Our rate at fixed times, as a share of our rate at full load.
const HALF: f64 = 0.5;

/// One event as a transaction of its own: insert the record, update the counter under its cap.
const EVENT: &str = "
begin;
insert into record (subscriber_id, quantity, at) values (:client_id + 1, 1048576, now());
update counter set used = used + 1048576 where subscriber_id = :client_id + 1 and used + 1048576 <= cap;
commit;";

pub fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    place.execute(&["tariffs", "import", &place.file("tariffs.json", &super::bulk::tariffs())?])?;
    place.execute(&[
        "subscribers",
        "import",
        &place.file("subscribers.ndjson", &super::bulk::subscribers(SESSIONS + 1))?,
    ])?;
    let server = Server::start(place.program(&["serve"]))?;
    let reference = Reference::new(place)?;
    let mut spread = open(server.address, 0..SESSIONS)?;
    let mut shared = open(server.address, std::iter::repeat_n(SESSIONS, SESSIONS))?;
    let time = Duration::from_secs(RUN_SECONDS);
    let load =
        |sessions: &mut [Session], pace| streams::run(server.address, CONNECTIONS, requests(sessions), pace, time);
    let peak_of = |sessions: &mut [Session]| load(sessions, Pace::AsAnswered).map(|run| run.requests_per_second);
    let (mut online, mut same) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let ours = peak_of(&mut spread)?;
        let theirs = reference.pgbench(EVENT, SESSIONS, RUN_SECONDS)?;
        let one = peak_of(&mut shared)?;
        online.push((ours, theirs));
        same.push((one, ours));
    }
    let peak = super::median(online.iter().map(|pair| pair.0));
    let half = load(&mut spread, Pace::PerSecond(peak * HALF))?;
    let p99 = half.latencies[half.latencies.len() * 99 / 100].as_secs_f64() * 1000.0;
    let row = |what: &str, ours, reference, ratio, goal: &str| Row {
        what: what.to_owned(),
        ours,
        reference,
        ratio,
        goal: goal.to_owned(),
    };
    Ok(vec![
        paired(
            format!(
                "online updates/s, {SESSIONS} sessions on {CONNECTIONS} HTTP/2 connections (reference: pgbench, a transaction an event, {SESSIONS} clients)"
            ),
            &online,
            "≥ 3",
        ),
        row(
            &format!("p99 of an update in ms, at {:.0} updates/s, half of our peak", half.requests_per_second),
            format!("{p99:.1}"),
            "–".to_owned(),
            "–".to_owned(),
            "≤ 20",
        ),
        row(
            &format!("{SESSIONS} sessions of one subscriber, updates/s (reference: of {SESSIONS} subscribers)"),
            format!("{:.0}", super::median(same.iter().map(|pair| pair.0))),
            format!("{:.0}", super::median(same.iter().map(|pair| pair.1))),
            ratio(&same),
            "≥ 0.5",
        ),
    ])
}

/// An open session and the number of its next request.
struct Session {
    path: String,
    index: usize,
    sequence: u32,
}

fn open(server: SocketAddr, of: impl IntoIterator<Item = usize>) -> anyhow::Result<Vec<Session>> {
    let mut connection = Connection::open(server)?;
    let mut sessions = Vec::new();
    for (charging_id, index) in of.into_iter().enumerate() {
        let units = r#"[{"ratingGroup":10,"requestedUnit":{"totalVolume":10485760}}]"#;
        let answer = connection.send(&load::post(PATH, &message(index, charging_id, 0, units)))?;
        let location = answer.location.context("a session without a reference")?;
        let reference = location.rsplit('/').next().unwrap_or_default();
        sessions.push(Session { path: format!("{PATH}/{reference}/update"), index, sequence: 0 });
    }
    Ok(sessions)
}

fn requests(sessions: &mut [Session]) -> impl Iterator<Item = Posts<'_>> {
    sessions.iter_mut().map(|session| -> Posts<'_> {
        Box::new(|| {
            session.sequence += 1;
            let units = r#"[{"ratingGroup":10,"requestedUnit":{"totalVolume":10485760},
                "usedUnitContainer":[{"localSequenceNumber":1,"totalVolume":1048576}]}]"#;
            Post { path: session.path.clone(), json: message(session.index, 0, session.sequence, units) }
        })
    })
}

/// A request about a session of a subscriber.
pub fn message(index: usize, charging_id: usize, sequence: u32, units: &str) -> String {
    format!(
        r#"{{"nfConsumerIdentification":{{"nodeFunctionality":"SMF"}},"invocationTimeStamp":"2026-11-20T00:00:00Z",
        "invocationSequenceNumber":{sequence},"multipleUnitUsage":{units},"pDUSessionChargingInformation":{{
        "chargingId":{charging_id},"userInformation":{{"servedGPSI":"msisdn-86{}"}}}}}}"#,
        super::bulk::msisdn(index)
    )
}
