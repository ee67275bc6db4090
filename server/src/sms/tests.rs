//! The channel against an SMS centre of bare octets, which can do what no library lets it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use charging::clock::{Clock as _, SystemClock};
use charging::consent::store::lock_subscriber;
use charging::notice::store::{NewNotice, enqueue};
use charging::subscriber::Language;
use charging::testing::TestDatabase;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::channel::Channel;
use super::inbox::line_of;
use super::settings::{Centre, Settings};
use crate::command::subscribers;

const PATIENCE: Duration = Duration::from_secs(20);
const RESPONSE: u32 = 0x8000_0000;
const BIND_TRANSCEIVER: u32 = 0x09;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE_LINK: u32 = 0x15;
const GENERIC_NACK: u32 = RESPONSE;
const NUMBERS: u32 = 60;

/// `13900000000` and so on.
fn msisdn(index: u32) -> String {
    format!("139{index:08}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    id: u32,
    status: u32,
    number: u32,
}

fn pdu(id: u32, number: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    [[length, id, 0, number].map(u32::to_be_bytes).concat(), body.to_vec()].concat()
}

fn message(number: u32, from: &str, text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let body = [b"\0\x01\x01", from.as_bytes(), b"\0\0\0", b"10086\0", &[0; 3], b"\0\0", &[0; 4], &[length], text];
    pdu(DELIVER_SM, number, &body.concat())
}

/// One end of the connection.
struct Peer(TcpStream);

impl Peer {
    /// The next PDU that is no `enquire_link`, which is answered.
    async fn next(&mut self) -> (Header, Vec<u8>) {
        loop {
            let mut words = [0; 4];
            for word in &mut words {
                *word =
                    timeout(PATIENCE, self.0.read_u32()).await.expect("nothing comes").expect("the connection ends");
            }
            let [length, id, status, number] = words;
            let mut body = vec![0; usize::try_from(length).unwrap() - 16];
            self.0.read_exact(&mut body).await.unwrap();
            match id {
                ENQUIRE_LINK => self.send(&pdu(ENQUIRE_LINK | RESPONSE, number, b"")).await,
                _ => return (Header { id, status, number }, body),
            }
        }
    }

    async fn send(&mut self, octets: &[u8]) {
        self.0.write_all(octets).await.unwrap();
    }
}

/// A channel that is bound to a centre of ours.
struct World {
    db: TestDatabase,
    peer: Peer,
    listener: TcpListener,
    stop: watch::Sender<bool>,
    channel: JoinHandle<()>,
}

impl World {
    async fn new(window: u16) -> Self {
        let db = TestDatabase::create().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in.ndjson");
        let line =
            |index| format!(r#"{{"msisdn":"{}","name":"王芳","region":"北京","subscriptions":[]}}"#, msisdn(index));
        std::fs::write(&file, (0..NUMBERS).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        subscribers::import(&db.app, &file, "2026-11-01T00:00:00Z".parse().unwrap()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let centre = Centre {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            has_tls: false,
            system_id: "mingbai".to_owned(),
            password: "secret".to_owned(),
        };
        let settings = Settings { centre, window, rate: NonZeroU32::new(1000), number: "10086".to_owned() };
        let channel = Channel::over(db.app.clone(), Arc::new(SystemClock), settings);
        let (stop, stopped) = watch::channel(false);
        let channel = tokio::spawn(async move { channel.run(stopped).await });
        let peer = Peer(listener.accept().await.unwrap().0);
        let mut world = Self { db, peer, listener, stop, channel };
        let (bind, _) = world.peer.next().await;
        assert_eq!(bind.id, BIND_TRANSCEIVER);
        world.peer.send(&pdu(BIND_TRANSCEIVER | RESPONSE, bind.number, b"centre\0")).await;
        world
    }

    async fn id_of(&self, index: u32) -> i64 {
        let id = sqlx::query_scalar("select subscriber_id from subscriber where msisdn = $1").bind(msisdn(index));
        id.fetch_one(&self.db.app).await.unwrap()
    }

    async fn queue(&self, index: u32) {
        let now = SystemClock.now();
        let notice = NewNotice {
            subscriber_id: self.id_of(index).await,
            kind: "help",
            event_key: format!("test/{index}"),
            language: Language::English,
            body: format!("[Mingbai] {index}"),
            created_at: now,
            due_at: now,
        };
        assert!(enqueue(&mut self.db.app.acquire().await.unwrap(), &notice).await.unwrap());
    }

    async fn sent(&self) -> i64 {
        sqlx::query_scalar("select count(*) from notice where state = 'sent'").fetch_one(&self.db.owner).await.unwrap()
    }

    async fn end(mut self) {
        assert!(
            timeout(Duration::from_millis(50), self.listener.accept()).await.is_err(),
            "there was no other connection"
        );
        self.stop.send_replace(true);
        loop {
            let (header, _) = self.peer.next().await;
            if header.id == UNBIND {
                self.peer.send(&pdu(UNBIND | RESPONSE, header.number, b"")).await;
                break;
            }
        }
        self.channel.await.unwrap();
        self.db.drop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_what_follows_is_handled() {
    let mut world = World::new(8).await;
    let endless = pdu(DELIVER_SM, 5, &[b'A'; 90]);
    // The message says that it is longer than all of it.
    let mut overlong = message(6, &msisdn(0), b"help");
    let length_at = overlong.len() - 5;
    overlong[length_at] = 200;
    let unknown = pdu(0x0000_0103, 7, &[b'A'; 3]);
    let sound = message(8, &msisdn(0), b"help");
    world.peer.send(&[endless, overlong, unknown, sound].concat()).await;
    let mut answers = Vec::new();
    while answers.len() < 4 {
        let (header, _) = world.peer.next().await;
        if header.id & RESPONSE != 0 {
            answers.push((header.number, header.id, header.status));
        } else {
            // The answer to the message that could be read.
            assert_eq!(header.id, SUBMIT_SM);
            world.peer.send(&pdu(SUBMIT_SM | RESPONSE, header.number, b"1\0")).await;
        }
    }
    answers.sort_unstable();
    let (answered, refused, not_understood) = (DELIVER_SM | RESPONSE, 0x66, 0x02);
    assert_eq!(
        answers,
        [(5, answered, refused), (6, answered, refused), (7, GENERIC_NACK, not_understood), (8, answered, 0)]
    );
    world.end().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_taken_by_its_header() {
    let mut world = World::new(8).await;
    world.queue(0).await;
    let (submitted, _) = world.peer.next().await;
    assert_eq!(submitted.id, SUBMIT_SM);
    world.peer.send(&pdu(SUBMIT_SM | RESPONSE, submitted.number, &[b'x'; 300])).await;
    let started = Instant::now();
    while world.sent().await == 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "it is not taken for sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_message_that_gets_no_answer_holds_up_no_other() {
    let mut world = World::new(8).await;
    world.queue(0).await;
    let (unanswered, _) = world.peer.next().await;
    let started = Instant::now();
    for index in 1..NUMBERS {
        world.queue(index).await;
    }
    for _ in 1..NUMBERS {
        let (submitted, _) = world.peer.next().await;
        assert_eq!(submitted.id, SUBMIT_SM);
        world.peer.send(&pdu(SUBMIT_SM | RESPONSE, submitted.number, b"1\0")).await;
    }
    while world.sent().await < i64::from(NUMBERS) - 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    world.peer.send(&pdu(SUBMIT_SM | RESPONSE, unanswered.number, b"1\0")).await;
    while world.sent().await < i64::from(NUMBERS) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.end().await;
}

#[tokio::test]
async fn one_phone_waits_for_itself_and_no_other_phone_does() {
    let mut world = World::new(8).await;
    let other = (1..NUMBERS).find(|index| line_of(&msisdn(*index)) != line_of(&msisdn(0))).unwrap();
    let slow = world.id_of(0).await;
    let mut held = world.db.app.begin().await.unwrap();
    lock_subscriber(&mut held, slow).await.unwrap();
    let all = [
        message(1, &msisdn(0), b"cxll"),
        message(2, &format!("+86{}", msisdn(0)), b"cxtc"),
        message(3, &msisdn(other), b"cxll"),
    ];
    world.peer.send(&all.concat()).await;
    let mut answers = Vec::new();
    let mut held = Some(held);
    while answers.len() < 3 {
        let (header, _) = world.peer.next().await;
        if header.id == SUBMIT_SM {
            world.peer.send(&pdu(SUBMIT_SM | RESPONSE, header.number, b"1\0")).await;
            continue;
        }
        answers.push(header.number);
        if let Some(held) = held.take() {
            held.commit().await.unwrap();
        }
    }
    assert_eq!(answers, [3, 1, 2]);
    world.end().await;
}
