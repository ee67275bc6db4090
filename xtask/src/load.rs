//! A load of HTTP/1.1 requests over connections that stay open, each sending its next request when it has its answer.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Asks for `paths` in turn, over `connections` connections, for as long as `time`.
///
/// # Errors
/// When any answer is not 200.
pub fn run(server: SocketAddr, paths: &[String], connections: usize, time: Duration) -> anyhow::Result<Outcome> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let results = thread::scope(|scope| {
        let work = || connection(server, paths, &next, started + time);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
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
    paths: &[String],
    next: &AtomicUsize,
    deadline: Instant,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let stream = TcpStream::connect(server).context("the server does not answer")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    let mut answers = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
    let mut requests = stream;
    let mut latencies = Vec::new();
    let mut bytes = 0;
    while Instant::now() < deadline {
        let path = &paths[next.fetch_add(1, Ordering::Relaxed) % paths.len()];
        let started = Instant::now();
        requests.write_all(format!("GET {path} HTTP/1.1\r\nhost: {server}\r\naccept: text/html\r\n\r\n").as_bytes())?;
        bytes = answer(&mut answers).with_context(|| format!("GET {path}"))?;
        latencies.push(started.elapsed());
    }
    Ok((latencies, bytes))
}

/// Reads one answer; returns the length of its body in bytes.
fn answer(answers: &mut impl BufRead) -> anyhow::Result<usize> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    if line.split(' ').nth(1) != Some("200") {
        bail!("the answer is `{}`", line.trim_end());
    }
    let mut length = None;
    let mut chunked = false;
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse()?),
            "transfer-encoding" => chunked = value.trim() == "chunked",
            _ => {}
        }
    }
    match length {
        Some(length) => skip(answers, length).map(|()| length),
        None if chunked => chunks(answers),
        None => bail!("the answer does not tell its length"),
    }
}

fn chunks(answers: &mut impl BufRead) -> anyhow::Result<usize> {
    let mut total = 0;
    let mut line = String::new();
    loop {
        line.clear();
        answers.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).context("a chunk without a length")?;
        skip(answers, length + 2)?;
        total += length;
        if length == 0 {
            return Ok(total);
        }
    }
}

fn skip(answers: &mut impl BufRead, bytes: usize) -> anyhow::Result<()> {
    let skipped = std::io::copy(&mut answers.take(bytes as u64), &mut std::io::sink())?;
    if skipped < bytes as u64 {
        bail!("the connection was closed in the middle of an answer");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let mut answers: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
            HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(answer(&mut answers).unwrap(), 5);
        assert_eq!(answer(&mut answers).unwrap(), 4);
        assert!(answer(&mut answers).unwrap_err().to_string().contains("404"));
    }
}
