//! A bar on standard error that says how far a long piece of work is, if a person is looking.
//!
//! It is drawn anew at every whole percent; where nobody knows how much there is, a count stands for it. Nothing of it is written where standard error is not a terminal.

use std::io::{IsTerminal, Write};
use std::time::Instant;

const CELLS: u64 = 30;

/// What is counted.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Messages,
    Records,
}

/// The bar of one piece of work.
pub(crate) struct Progress {
    what: &'static str,
    unit: Unit,
    drawn: bool,
    /// The percentage or the count that was drawn last.
    shown: Option<u64>,
    began: Instant,
}

impl Progress {
    /// Of work that is measured in bytes.
    pub(crate) fn new(what: &'static str) -> Self {
        let drawn = std::io::stderr().is_terminal();
        Self { what, unit: Unit::Bytes, drawn, shown: None, began: Instant::now() }
    }

    /// Of work that is measured in messages.
    pub(crate) fn of_messages(what: &'static str) -> Self {
        Self { unit: Unit::Messages, ..Self::new(what) }
    }

    /// Of work that is measured in records.
    pub(crate) fn of_records(what: &'static str) -> Self {
        Self { unit: Unit::Records, ..Self::new(what) }
    }

    /// Seconds since it began.
    pub(crate) fn secs(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// So much of all is done.
    pub(crate) fn show(&mut self, done: u64, all: u64) {
        let percent = (done.saturating_mul(100)).checked_div(all).unwrap_or(100).min(100);
        let (what, unit) = (self.what, self.unit);
        self.draw(percent, || bar(what, unit, percent, done, all));
    }

    /// So many messages are done, of which nobody knows how many there are.
    pub(crate) fn count(&mut self, done: u64) {
        let what = self.what;
        self.draw(done, || format!("{what}: {done} messages"));
    }

    /// Draws a line, if it says anything new.
    fn draw(&mut self, shown: u64, line: impl FnOnce() -> String) {
        if self.drawn && self.shown != Some(shown) {
            // A terminal that is gone keeps nobody from working on.
            let _ = write!(std::io::stderr(), "\r{}", line());
            self.shown = Some(shown);
        }
    }

    /// Takes the bar away, so that what is printed next stands at the beginning of a line.
    pub(crate) fn clear(&mut self) {
        if self.drawn && self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn bar(what: &str, unit: Unit, percent: u64, done: u64, all: u64) -> String {
    let full = usize::try_from(percent * CELLS / 100).unwrap_or(0);
    let cells = usize::try_from(CELLS).unwrap_or(0);
    let (full, empty) = ("#".repeat(full), "-".repeat(cells - full));
    let (done, all, unit) = match unit {
        Unit::Bytes => (done >> 20, all >> 20, "MiB"),
        Unit::Messages => (done, all, "messages"),
        Unit::Records => (done, all, "records"),
    };
    format!("{what} [{full}{empty}] {percent:3} %  {done} of {all} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{Unit, bar};

    #[test]
    fn a_bar_is_as_full_as_its_percentage() {
        expect_test::expect!["copying [###############---------------]  50 %  32 of 64 MiB"].assert_eq(&bar(
            "copying",
            Unit::Bytes,
            50,
            32 << 20,
            64 << 20,
        ));
    }
}
