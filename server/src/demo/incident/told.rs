//! What is told while it goes on, and what was found wrong.

use std::time::Instant;

/// The figures, each with how long it took and when that was.
#[derive(Debug)]
pub struct Told {
    began: Instant,
    last: Instant,
    wrong: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, wrong: Vec::new() }
    }
}

impl Told {
    /// A step that is done.
    pub fn step(&mut self, figure: String) {
        let (took, since) = (self.last.elapsed().as_secs_f64(), self.began.elapsed().as_secs_f64());
        println!("{since:>8.2} s {took:>+8.2} s  {figure}");
        self.last = Instant::now();
    }

    /// Something that must be so.
    pub fn right(&mut self, what: &str, is_right: bool) {
        if !is_right {
            println!("WRONG: {what}");
            self.wrong.push(what.to_owned());
        }
    }

    pub fn wrong(self) -> Vec<String> {
        self.wrong
    }
}
