//! One connection that sends the events of its sessions, each until it is answered.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::Run;
use crate::bench::load::{self, Answer, Connection};
use crate::bench::online::{PATH, message};

/// How many events are sent once more after their answer, and how many after the one that follows them.
const REPEATED: f64 = 0.05;
const REORDERED: f64 = 0.05;
/// Bytes that an event reports.
const BYTES_MAX: u64 = 1 << 20;
const RATING_GROUPS: [u32; 2] = [10, 20];
/// A request is answered sooner, however often the server dies.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(20);

/// A session and what was reported in it.
#[derive(Debug)]
pub struct Session {
    /// As the server names it, without the subscriber.
    pub id: String,
    /// Bytes by sequence number, from 1.
    pub reported: Vec<u64>,
    reference: String,
    subscriber: usize,
}

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub repeated: u64,
    pub reordered: u64,
    /// Requests that got no answer, or were told that the server is in trouble.
    pub sent_again: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.sent_again += other.sent_again;
    }
}

struct Writer<'a> {
    run: &'a Run,
    connection: Option<Connection>,
    tally: Tally,
}

/// Opens a session for each subscriber, reports the events by chance in one or the other, and ends them.
///
/// # Errors
/// When an answer is not what it must be, or there is none for long.
pub fn write(
    run: &Run,
    seed: u64,
    index: usize,
    subscribers: impl Iterator<Item = usize>,
    events: u64,
) -> anyhow::Result<(Vec<Session>, Tally)> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(index as u64);
    let mut writer = Writer { run, connection: None, tally: Tally::default() };
    let mut sessions = Vec::new();
    for subscriber in subscribers {
        sessions.push(writer.open(index, subscriber)?);
    }
    ensure!(!sessions.is_empty() || events == 0, "more writers than subscribers");
    let mut left = events;
    while left > 0 {
        let which = chance.random_range(0..sessions.len());
        let session = &mut sessions[which];
        let first = session.update(&mut chance);
        if left >= 2 && chance.random_bool(REORDERED) {
            let second = session.update(&mut chance);
            writer.report(&second)?;
            writer.report(&first)?;
            writer.tally.reordered += 1;
            left -= 2;
            continue;
        }
        let answer = writer.report(&first)?;
        left -= 1;
        if chance.random_bool(REPEATED) {
            let again = content(&writer.ask(&first, 200)?)?;
            let before = content(&answer)?;
            ensure!(again == before, "a request was answered\n{before}\nand, sent again,\n{again}");
            writer.tally.repeated += 1;
        }
    }
    for session in &sessions {
        let sequence = session.reported.len() + 1;
        let release = message(session.subscriber, 0, u32::try_from(sequence)?, "[]");
        writer.ask(&load::post(&format!("{PATH}/{}/release", session.reference), &release), 204)?;
    }
    Ok((sessions, writer.tally))
}

impl Session {
    /// The next event.
    fn update(&mut self, chance: &mut ChaCha8Rng) -> String {
        let bytes = chance.random_range(1..=BYTES_MAX);
        let group = RATING_GROUPS[chance.random_range(0..RATING_GROUPS.len())];
        self.reported.push(bytes);
        let units = format!(
            r#"[{{"ratingGroup":{group},"requestedUnit":{{"totalVolume":{BYTES_MAX}}},
            "usedUnitContainer":[{{"localSequenceNumber":1,"totalVolume":{bytes}}}]}}]"#
        );
        let sequence = u32::try_from(self.reported.len()).unwrap_or(u32::MAX);
        load::post(&format!("{PATH}/{}/update", self.reference), &message(self.subscriber, 0, sequence, &units))
    }
}

impl Writer<'_> {
    fn open(&mut self, index: usize, subscriber: usize) -> anyhow::Result<Session> {
        let units = format!(r#"[{{"ratingGroup":10,"requestedUnit":{{"totalVolume":{BYTES_MAX}}}}}]"#);
        // Sessions of one subscriber differ in it.
        let charging_id = index + 1;
        let answer = self.ask(&load::post(PATH, &message(subscriber, charging_id, 0, &units)), 201)?;
        let location = answer.location.context("a session without a reference")?;
        let reference = location.rsplit('/').next().unwrap_or_default().to_owned();
        let id = reference.split_once('-').context("the reference of a session")?.1.to_owned();
        Ok(Session { id, reported: Vec::new(), reference, subscriber })
    }

    /// Sends an event until it is answered.
    fn report(&mut self, request: &str) -> anyhow::Result<Answer> {
        let answer = self.ask(request, 200)?;
        self.run.answered.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }

    fn ask(&mut self, request: &str, status: u16) -> anyhow::Result<Answer> {
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        while Instant::now() < deadline {
            ensure!(!self.run.is_over(), "given up");
            match self.try_once(request) {
                Some(answer) if answer.status == status => return Ok(answer),
                Some(answer) if answer.status < 500 => {
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    bail!("the answer is {} where {status} was due: {said}\n{request}", answer.status);
                }
                _ => {
                    self.tally.sent_again += 1;
                    thread::sleep(PAUSE);
                }
            }
        }
        bail!("no answer in {} s:\n{request}", ANSWER_TIME_MAX.as_secs())
    }

    /// `None`: there is no answer, and the connection is of no more use.
    fn try_once(&mut self, request: &str) -> Option<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.run.server).ok()?,
        };
        let answer = connection.exchange(request).ok()?;
        self.connection = Some(connection);
        Some(answer)
    }
}

/// What an answer says, whenever it was written.
fn content(answer: &Answer) -> anyhow::Result<Value> {
    let mut value: Value = serde_json::from_slice(&answer.body).context("an answer that is no JSON")?;
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("invocationTimeStamp");
    }
    Ok(value)
}
