//! A load of HTTP/2 requests as network functions send them (TS 29.500, clause 5.2): many sessions share a few connections,
//! each with one request under way at most. The frames are written here (RFC 9113, RFC 7541): what measures should take
//! little of the machine.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::load::{Outcome, Pace};

/// An answer takes no longer than this.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As much as may be: answers are small and are read at once.
const WINDOW_MAX: u32 = (1 << 31) - 1;
/// What a peer may send before it is told of other limits.
const WINDOW_DEFAULT: i64 = 65_535;
const FRAME_HEADER_BYTES: usize = 9;
const FRAME_BYTES_MAX: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const HEADER_TABLE_SIZE: u16 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A request that carries JSON.
#[derive(Debug)]
pub struct Post {
    pub path: String,
    pub json: String,
}

/// The requests of one session, each as it is sent, one after the other.
pub type Posts<'a> = Box<dyn FnMut() -> Post + Send + 'a>;

/// Sends the requests of the sessions for as long as `time`, over so many connections.
///
/// # Errors
/// When any answer is not a success.
pub fn run<'a>(
    server: SocketAddr,
    connections: usize,
    sessions: impl IntoIterator<Item = Posts<'a>>,
    pace: Pace,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let sessions: Vec<Posts<'a>> = sessions.into_iter().collect();
    let count = u32::try_from(sessions.len()).context("more sessions than can be counted")?;
    let started = Instant::now();
    let pause = match pace {
        Pace::AsAnswered => None,
        Pace::PerSecond(rate) => Some(Duration::from_secs_f64(f64::from(count) / rate)),
    };
    let mut shares: Vec<Vec<Session<'a>>> = (0..connections).map(|_| Vec::new()).collect();
    for ((index, posts), share) in (0_u32..).zip(sessions).zip((0..connections).cycle()) {
        let due = started + pause.unwrap_or_default() * index / count;
        shares[share].push(Session { posts, due, pause, under_way: None });
    }
    let results: Vec<(Vec<Duration>, usize)> = thread::scope(|scope| {
        let load = |share| scope.spawn(move || Connection::open(server, share)?.load(started + time));
        let threads: Vec<_> = shares.into_iter().map(load).collect();
        let joined = threads.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a connection panicked")));
        joined.collect::<anyhow::Result<_>>()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let body_bytes = results.last().map_or(0, |(_, bytes)| *bytes);
    let mut latencies: Vec<Duration> = results.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies.sort();
    let requests = u32::try_from(latencies.len()).context("more requests than can be counted")?;
    Ok(Outcome { requests_per_second: f64::from(requests) / seconds, latencies, body_bytes })
}

struct Session<'a> {
    posts: Posts<'a>,
    /// When its next request is to be sent.
    due: Instant,
    /// Between the times at which its requests are due; `None`: the next one follows the answer.
    pause: Option<Duration>,
    /// The stream of its request, and when that was due.
    under_way: Option<(u32, Instant)>,
}

struct Connection<'a> {
    socket: TcpStream,
    sessions: Vec<Session<'a>>,
    next_stream: u32,
    /// Bytes of bodies that the server takes from the connection, and at the start of each stream.
    window: i64,
    stream_window: i64,
    /// Read and not understood yet; written and not sent yet.
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    latencies: Vec<Duration>,
    /// Of the body that came last.
    body_bytes: usize,
}

impl<'a> Connection<'a> {
    fn open(server: SocketAddr, sessions: Vec<Session<'a>>) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(server).context("the server does not answer")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        let mut outgoing = PREFACE.to_vec();
        // Header fields that come by name or by the table that everybody knows can be read without state.
        let mut settings = HEADER_TABLE_SIZE.to_be_bytes().to_vec();
        settings.extend(0_u32.to_be_bytes());
        frame(&mut outgoing, SETTINGS, 0, 0, &settings);
        let more = WINDOW_MAX - u32::try_from(WINDOW_DEFAULT)?;
        frame(&mut outgoing, WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        Ok(Self {
            socket,
            sessions,
            next_stream: 1,
            window: WINDOW_DEFAULT,
            stream_window: WINDOW_DEFAULT,
            incoming: Vec::new(),
            outgoing,
            latencies: Vec::new(),
            body_bytes: 0,
        })
    }

    fn load(mut self, deadline: Instant) -> anyhow::Result<(Vec<Duration>, usize)> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let now = Instant::now();
            if now < deadline {
                self.send_due(now)?;
            }
            self.socket.write_all(&self.outgoing)?;
            self.outgoing.clear();
            let next_due = self.sessions.iter().filter(|one| one.under_way.is_none()).map(|one| one.due).min();
            let next_due = next_due.filter(|due| *due < deadline && now < deadline);
            if next_due.is_none() && self.sessions.iter().all(|session| session.under_way.is_none()) {
                return Ok((self.latencies, self.body_bytes));
            }
            if let Some(due) = next_due
                && !self.is_readable_within(due.saturating_duration_since(Instant::now()))?
            {
                continue;
            }
            let read = loop {
                match self.socket.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    read => break read.context("no answer in time")?,
                }
            };
            ensure!(read > 0, "the server closed the connection");
            self.incoming.extend_from_slice(&buffer[..read]);
            self.take_frames()?;
        }
    }

    fn is_readable_within(&self, time: Duration) -> anyhow::Result<bool> {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
        Ok(poll(&mut sockets, Some(&Timespec::try_from(time)?))? > 0)
    }

    fn send_due(&mut self, now: Instant) -> anyhow::Result<()> {
        for session in &mut self.sessions {
            if session.under_way.is_some() || session.due > now {
                continue;
            }
            let asked = if session.pause.is_some() { session.due } else { now };
            let Post { path, json } = (session.posts)();
            let length = i64::try_from(json.len())?;
            ensure!(length <= self.window.min(self.stream_window), "the server takes no more");
            ensure!(json.len() <= FRAME_BYTES_MAX, "the request does not fit in one frame");
            self.window -= length;
            let stream = self.next_stream;
            self.next_stream += 2;
            frame(&mut self.outgoing, HEADERS, END_HEADERS, stream, &fields(&path, json.len()));
            frame(&mut self.outgoing, DATA, END_STREAM, stream, json.as_bytes());
            session.under_way = Some((stream, asked));
            session.due += session.pause.unwrap_or_default();
        }
        Ok(())
    }

    /// Takes the frames that are whole.
    fn take_frames(&mut self) -> anyhow::Result<()> {
        let incoming = std::mem::take(&mut self.incoming);
        let mut rest = &incoming[..];
        while let Some((head, after)) = rest.split_at_checked(FRAME_HEADER_BYTES) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some((payload, after)) = after.split_at_checked(length) else { break };
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & WINDOW_MAX;
            self.take(head[3], head[4], stream, payload)?;
            rest = after;
        }
        self.incoming = rest.to_vec();
        Ok(())
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> anyhow::Result<()> {
        match kind {
            HEADERS => ensure!(is_success(payload), "the answer is no success: its fields are {payload:02x?}"),
            DATA => self.body_bytes = payload.len(),
            SETTINGS if flags & ACK == 0 => {
                self.follow(payload);
                frame(&mut self.outgoing, SETTINGS, ACK, 0, &[]);
            }
            PING if flags & ACK == 0 => frame(&mut self.outgoing, PING, ACK, 0, payload),
            WINDOW_UPDATE if stream == 0 => {
                let more: [u8; 4] = payload.try_into().context("a window of other than four bytes")?;
                self.window += i64::from(u32::from_be_bytes(more));
            }
            RST_STREAM | GOAWAY => bail!("the server gave up: {payload:02x?}"),
            _ => {}
        }
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            let is_its = |session: &&mut Session<'_>| session.under_way.is_some_and(|(its, _)| its == stream);
            let session = self.sessions.iter_mut().find(is_its).context("an answer to nothing that was asked")?;
            self.latencies.extend(session.under_way.take().map(|(_, asked)| asked.elapsed()));
        }
        Ok(())
    }

    fn follow(&mut self, settings: &[u8]) {
        for setting in settings.chunks_exact(6) {
            let (name, value) = setting.split_at(2);
            if name == INITIAL_WINDOW_SIZE.to_be_bytes() {
                self.stream_window = value.iter().fold(0, |sum, byte| (sum << 8) | i64::from(*byte));
            }
        }
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    out.extend_from_slice(&[length[1], length[2], length[3], kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// The header fields of a request, by the indices of the table that everybody knows (RFC 7541, appendix A).
fn fields(path: &str, body_bytes: usize) -> Vec<u8> {
    // :method POST, :scheme http.
    let mut block = vec![0x83, 0x86];
    let mut field = |name: &[u8], value: &str| {
        block.extend_from_slice(name);
        text(&mut block, value);
    };
    // :authority, :path, content-type, content-length.
    field(&[0x01], "localhost");
    field(&[0x04], path);
    field(&[0x0f, 31 - 15], "application/json");
    field(&[0x0f, 28 - 15], &body_bytes.to_string());
    block
}

/// A text as it is (RFC 7541, clause 5.2), its length in seven bits and, where that is not enough, more bytes.
fn text(block: &mut Vec<u8>, value: &str) {
    let mut length = value.len();
    if length < 0x7f {
        block.extend(u8::try_from(length));
    } else {
        block.push(0x7f);
        length -= 0x7f;
        while length >= 0x80 {
            block.extend(u8::try_from(length & 0x7f).map(|low| low | 0x80));
            length >>= 7;
        }
        block.extend(u8::try_from(length));
    }
    block.extend_from_slice(value.as_bytes());
}

/// Whether header fields begin with the status 200 or 204, after changes of the table's size.
fn is_success(block: &[u8]) -> bool {
    let status = block.iter().find(|byte| !(0x20..0x40).contains(*byte));
    matches!(status, Some(0x88 | 0x89))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_the_standard_has_it() {
        let written = |length: usize| {
            let mut block = Vec::new();
            text(&mut block, &"x".repeat(length));
            block.truncate(block.len() - length);
            block
        };
        assert_eq!(written(0), [0]);
        assert_eq!(written(126), [126]);
        assert_eq!(written(127), [127, 0]);
        assert_eq!(written(127 + 1_300), [127, 0x94, 0x0a]);
    }

    #[test]
    fn other_answers_are_no_success() {
        assert!(is_success(&[0x20, 0x88, 0x5f]));
        assert!(is_success(&[0x89]));
        // 404; 201 as a literal; nothing.
        assert!(!is_success(&[0x20, 0x8d]));
        assert!(!is_success(&[0x08, 0x03, b'2', b'0', b'1']));
        assert!(!is_success(&[]));
    }
}
