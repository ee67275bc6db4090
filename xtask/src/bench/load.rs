//! A load of HTTP/1.1 requests over connections that stay open.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// An answer takes no longer than this.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub requests_per_second: f64,
    /// In order, shortest first.
    pub latencies: Vec<Duration>,
    /// Of the last answer.
    pub body_bytes: usize,
}

/// How fast requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// The next one when the last is answered.
    AsAnswered,
    /// So many a second in all, at fixed times; an answer's time counts from when its request was due.
    PerSecond(f64),
}

/// The requests of one connection, each as it is sent, one after the other.
pub type Requests<'a> = Box<dyn FnMut() -> String + Send + 'a>;

/// Sends the requests of each connection for as long as `time`.
///
/// # Errors
/// When any answer is not a success.
pub fn run<'a>(
    server: SocketAddr,
    connections: impl IntoIterator<Item = Requests<'a>>,
    pace: Pace,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let connections: Vec<Requests<'a>> = connections.into_iter().collect();
    let count = u32::try_from(connections.len()).context("more connections than can be counted")?;
    let started = Instant::now();
    let results = thread::scope(|scope| {
        let threads: Vec<_> = (0_u32..)
            .zip(connections)
            .map(|(index, requests)| {
                let pause = match pace {
                    Pace::AsAnswered => None,
                    Pace::PerSecond(rate) => Some(Duration::from_secs_f64(f64::from(count) / rate)),
                };
                let first = started + pause.unwrap_or_default() * index / count;
                scope.spawn(move || connection(server, requests, (first, pause), started + time))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a connection panicked"))).collect()
    });
    let results: Vec<(Vec<Duration>, usize)> = Result::from_iter::<Vec<anyhow::Result<_>>>(results)?;
    let seconds = started.elapsed().as_secs_f64();
    let body_bytes = results.last().map_or(0, |(_, bytes)| *bytes);
    let mut latencies: Vec<Duration> = results.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies.sort();
    let requests = u32::try_from(latencies.len()).context("more requests than can be counted")?;
    Ok(Outcome { requests_per_second: f64::from(requests) / seconds, latencies, body_bytes })
}

fn connection(
    server: SocketAddr,
    mut next: Requests<'_>,
    (first, pause): (Instant, Option<Duration>),
    deadline: Instant,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let mut connection = Connection::open(server)?;
    let mut latencies = Vec::new();
    let mut bytes = 0;
    let mut due = first;
    while Instant::now() < deadline {
        let asked = if pause.is_some() { due } else { Instant::now() };
        thread::sleep(asked.saturating_duration_since(Instant::now()));
        bytes = connection.send(&next())?.body.len();
        latencies.push(asked.elapsed());
        due += pause.unwrap_or_default();
    }
    Ok((latencies, bytes))
}

/// A connection that stays open.
#[derive(Debug)]
pub struct Connection {
    answers: BufReader<TcpStream>,
    requests: TcpStream,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub fn open(server: SocketAddr) -> anyhow::Result<Self> {
        let requests = TcpStream::connect(server).context("the server does not answer")?;
        requests.set_nodelay(true)?;
        requests.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        Ok(Self { answers: BufReader::with_capacity(64 * 1024, requests.try_clone()?), requests })
    }

    /// # Errors
    /// When the answer is not a success.
    pub fn send(&mut self, request: &str) -> anyhow::Result<Answer> {
        let answer = self.exchange(request)?;
        if !(200..300).contains(&answer.status) {
            bail!("{}: the answer is {}", request.lines().next().unwrap_or_default(), answer.status);
        }
        Ok(answer)
    }

    /// Whatever the answer is.
    ///
    /// # Errors
    /// When there is none.
    pub fn exchange(&mut self, request: &str) -> anyhow::Result<Answer> {
        self.requests.write_all(request.as_bytes())?;
        answer(&mut self.answers).with_context(|| request.lines().next().unwrap_or_default().to_owned())
    }
}

/// A request for a page.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\n\r\n")
}

/// A request that carries JSON.
pub fn post(path: &str, json: &str) -> String {
    let length = json.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
    )
}

fn answer(answers: &mut impl BufRead) -> anyhow::Result<Answer> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("the answer is `{}`", line.trim_end()))?;
    let (mut length, mut chunked, mut location) = (None, false, None);
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse()?),
            "transfer-encoding" => chunked = value.trim() == "chunked",
            "location" => location = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let body = match length {
        Some(length) => exactly(answers, length)?,
        None if chunked => chunks(answers)?,
        None if status == 204 => Vec::new(),
        None => bail!("the answer does not tell its length"),
    };
    Ok(Answer { status, location, body })
}

fn chunks(answers: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).context("a chunk without a length")?;
        let chunk = exactly(answers, length + 2)?;
        body.extend_from_slice(&chunk[..length]);
        if length == 0 {
            return Ok(body);
        }
    }
}

fn exactly(answers: &mut impl BufRead, bytes: usize) -> anyhow::Result<Vec<u8>> {
    let mut read = Vec::with_capacity(bytes);
    answers.take(bytes as u64).read_to_end(&mut read)?;
    if read.len() < bytes {
        bail!("the connection was closed in the middle of an answer");
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let mut answers: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
            HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.1 201 Created\r\nlocation: /x\r\ncontent-length: 0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        let read = |answers: &mut &[u8]| answer(answers).unwrap();
        assert_eq!(read(&mut answers).body, b"hello");
        assert_eq!(read(&mut answers).body, b"abcd");
        assert_eq!(read(&mut answers), Answer { status: 201, location: Some("/x".to_owned()), body: Vec::new() });
        assert_eq!(read(&mut answers).body, b"");
        assert_eq!(read(&mut answers).status, 404);
        assert!(answer(&mut answers).is_err());
    }
}
