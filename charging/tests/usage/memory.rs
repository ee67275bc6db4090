//! What charging remembers changes nothing: sessions are charged as if everything were read each time, whoever else
//! changes the subscriber in between.

use charging::actor::By;
use charging::quantity::MIB;
use charging::usage::session::{Answer, Asked, Invocation, Outcome, Refusal, SessionRef};
use charging::usage::store::{Memory, charge_batch, give_back_silent, lower_cap, raise_cap, silent};
use chrono::{DateTime, TimeDelta, Utc};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::sessions::{create, granted, release, update};
use super::world::{PACK, PLAN, World, data, now, yuan};

/// Something that happens to a subscriber.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begin,
    /// Of the session by place.
    Update(usize, u64),
    /// The request before, sent again.
    Repeat,
    Release(usize),
    /// A file with usage of this month, or of the month before.
    File(u64, bool),
    Cap(u32),
    Pack,
    Sweep,
}

fn events(seed: u64) -> Vec<Event> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut below = move |n: u64| chance.next_u64() % n;
    let place = |n: u64| usize::try_from(n % 3).unwrap();
    let event = |kind, n: u64| match kind {
        0 | 1 => Event::Begin,
        2..=9 => Event::Update(place(n), n % 500),
        10 | 11 => Event::Repeat,
        12 => Event::Release(place(n)),
        13 | 14 => Event::File(n % 120, n.is_multiple_of(3)),
        15 | 16 => Event::Cap(u32::try_from(n % 5).unwrap()),
        17 => Event::Pack,
        _ => Event::Sweep,
    };
    (0..50).map(|_| event(below(19), below(1_000))).collect()
}

/// One subscriber's life, charged with the memories by turns.
struct Life<'a> {
    world: &'a World,
    n: u32,
    subscriber_id: i64,
    memories: Vec<Memory>,
    turn: usize,
    sessions: Vec<(SessionRef, u32)>,
    last: Option<Invocation>,
    time: DateTime<Utc>,
    told: Vec<Option<Outcome>>,
}

impl Life<'_> {
    async fn charge(&mut self, invocation: Invocation) -> Option<Answer> {
        self.turn += 1;
        let memory = match self.memories.len() {
            0 => Memory::default(),
            several => self.memories[self.turn % several].clone(),
        };
        let mut conn = self.world.db.app.acquire().await.unwrap();
        let mut answers = charge_batch(&mut conn, &memory, std::slice::from_ref(&invocation), self.time).await.unwrap();
        let answer = answers.remove(0);
        self.told.push(answer.as_ref().ok().map(|answer| answer.units[0].outcome.clone()));
        self.last = Some(invocation);
        match answer {
            Ok(answer) => Some(answer),
            Err(Refusal::UnknownSession) => None,
            Err(other) => panic!("{other}"),
        }
    }

    async fn live(&mut self, index: usize, event: Event) {
        self.time += TimeDelta::seconds(70);
        let (id, n) = (self.subscriber_id, self.n);
        match event {
            Event::Begin => {
                let begun = self.charge(create(n, &format!("{n} {index}"), Asked::Bytes(300 * MIB))).await.unwrap();
                self.sessions.insert(0, (begun.session, 1));
            }
            Event::Update(place, used) => {
                let Some((session, sequence)) = self.sessions.get_mut(place) else { return };
                *sequence += 1;
                let step = update(session, *sequence, Asked::Bytes(200 * MIB), used * MIB);
                self.charge(step).await;
            }
            Event::Repeat => {
                if let Some(last) = self.last.clone() {
                    self.charge(last).await;
                }
            }
            Event::Release(place) => {
                if place < self.sessions.len() {
                    let (session, sequence) = self.sessions.remove(place);
                    self.charge(release(&session, sequence + 1, MIB)).await;
                }
            }
            Event::File(megabytes, of_last_month) => {
                let day = if of_last_month { "2026-10-19" } else { "2026-11-19" };
                self.world.ingest(id, &[data(&format!("file {index}"), day, megabytes)]).await;
            }
            Event::Cap(cap) => {
                let cap = cap.to_string();
                let consent = self.world.agree_to_cap(id, &cap).await;
                let mut tx = self.world.db.app.begin().await.unwrap();
                // Whichever it is; the other is refused and changes nothing.
                if lower_cap(&mut tx, id, yuan(&cap), &By::subscriber("web"), self.time).await.is_err() {
                    raise_cap(&mut tx, id, yuan(&cap), consent, &By::subscriber("web"), self.time).await.ok();
                }
                tx.commit().await.unwrap();
            }
            Event::Pack => {
                self.world.subscribe(id, PACK, &self.time.to_rfc3339()).await;
            }
            Event::Sweep => {
                let mut tx = self.world.db.app.begin().await.unwrap();
                let subscribers = silent(&mut tx, self.time, 0, 100).await.unwrap();
                give_back_silent(&mut tx, &subscribers, self.time).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn sessions_are_charged_alike_with_a_memory_with_two_and_without() {
    let world = World::new().await;
    let mut seen = [0; 3];
    for seed in 0..6_u32 {
        let mut outcomes = Vec::new();
        for (memories, n) in [(0, 1 + 3 * seed), (1, 2 + 3 * seed), (2, 3 + 3 * seed)] {
            let subscriber_id = world.subscriber(n, "3").await;
            world.subscribe(subscriber_id, PLAN, "2026-10-01T00:00:00+08:00").await;
            let mut life = Life {
                world: &world,
                n,
                subscriber_id,
                memories: (0..memories).map(|_| Memory::default()).collect(),
                turn: 0,
                sessions: Vec::new(),
                last: None,
                time: now(),
                told: Vec::new(),
            };
            for (index, event) in events(seed.into()).into_iter().enumerate() {
                life.live(index, event).await;
            }
            for outcome in &life.told {
                match outcome {
                    Some(Outcome::Granted { .. }) => seen[0] += 1,
                    Some(Outcome::LimitReached(_)) => seen[1] += 1,
                    _ => seen[2] += 1,
                }
            }
            outcomes.push((life.told, world.balance(subscriber_id).await));
        }
        assert_eq!(outcomes[0], outcomes[1], "one memory, seed {seed}");
        assert_eq!(outcomes[0], outcomes[2], "two memories, seed {seed}");
    }
    assert!(seen.iter().all(|times| *times > 10), "{seen:?}");
    world.db.drop().await;
}

#[tokio::test]
async fn what_a_failed_transaction_did_is_not_remembered() {
    let world = World::new().await;
    let one = world.customer(1, "0").await;
    let begun = world.charge_at(&[create(1, "a", Asked::Bytes(100 * MIB))], now()).await.remove(0).unwrap();
    assert_eq!(granted(&begun), 100 * MIB);
    // A file has taken the name of the record that comes next, so that a batch of several fails.
    let name = charging::usage::session::usage_id(&begun.session.session_id, 2, 0);
    world.ingest(one, &[data(&name, "2026-11-19", 5)]).await;
    let two = world.customer(2, "0").await;
    let other = world.charge_at(&[create(2, "b", Asked::Bytes(100 * MIB))], now()).await.remove(0).unwrap();
    let steps = [
        update(&begun.session, 2, Asked::Bytes(100 * MIB), 7 * MIB),
        update(&other.session, 2, Asked::Bytes(100 * MIB), 9 * MIB),
    ];
    let mut conn = world.db.app.acquire().await.unwrap();
    charge_batch(&mut conn, &world.memory, &steps, now()).await.unwrap_err();
    drop(conn);
    assert_eq!(world.balance(two).await.0, 0);
    for step in steps {
        world.charge_at(&[step], now()).await.remove(0).unwrap();
    }
    assert_eq!(world.balance(one).await.0, 5 * MIB, "the name is the file's");
    assert_eq!(world.balance(two).await.0, 9 * MIB);
    world.db.drop().await;
}

#[tokio::test]
async fn a_database_that_went_back_in_time_is_read_anew_once_it_was_out_of_reach() {
    let world = World::new().await;
    let one = world.customer(1, "0").await;
    let begun = world.charge_at(&[create(1, "a", Asked::Bytes(100 * MIB))], now()).await.remove(0).unwrap();
    world.charge_at(&[update(&begun.session, 2, Asked::Bytes(100 * MIB), 30 * MIB)], now()).await.remove(0).unwrap();
    let back = "delete from usage_record; update allowance set used = 0, taken = '{}' where service = 'data'";
    sqlx::raw_sql(back).execute(&world.db.owner).await.unwrap();
    world.memory.forget();
    world.charge_at(&[update(&begun.session, 3, Asked::Bytes(100 * MIB), 5 * MIB)], now()).await.remove(0).unwrap();
    assert_eq!(world.balance(one).await.0, 5 * MIB);
    world.db.drop().await;
}
