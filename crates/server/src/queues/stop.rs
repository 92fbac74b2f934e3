//! Why a command ended early, and with which exit code.
//!
//! 0 done, 1 the server refused or something failed on the way, 2 nothing was begun: no server, wrong words, or no `--yes`
//! for what destroys.

use crate::client::Failure;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// The end of a command that did not do all it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing was begun.
    NotBegun(String),
    /// It failed on the way.
    Failed(String),
    /// Whoever reads our output has enough.
    ReaderGone,
}

impl Stop {
    /// Says why on standard error, and is the exit code.
    pub(crate) fn told(self) -> ExitCode {
        let (why, code) = match self {
            Self::ReaderGone => return ExitCode::SUCCESS,
            Self::NotBegun(why) => (why, 2),
            Self::Failed(why) => (why, 1),
        };
        eprintln!("tidewire: {why}");
        ExitCode::from(code)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        let hint = match () {
            () if failure.is("QueueDoesNotExist") => {
                "; `tidewire queue ls` shows the queues of this account and region"
            }
            () if failure.is("ResourceNotFoundException") => {
                "; `tidewire stream ls` shows the streams of this account and region"
            }
            () if failure.is("NotFound") || failure.is("NotFoundException") => {
                "; `tidewire topic ls` shows the topics of this account and region"
            }
            () => "",
        };
        let why = format!("{failure}{hint}");
        if failure.is_before_anything() { Self::NotBegun(why) } else { Self::Failed(why) }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failed(format!("the output could not be written: {error}")),
        }
    }
}

/// Has what destroys confirmed: by `--yes`, or by a person at a terminal.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Stop::NotBegun(format!("this would {what}; nothing was done, because nobody said --yes")));
    }
    let asked = write!(io::stderr(), "This will {what}. Go on? Type yes: ").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    let answered = asked.and_then(|()| io::stdin().read_line(&mut answer)).is_ok();
    if answered && matches!(answer.trim(), "yes" | "y") {
        return Ok(());
    }
    Err(Stop::NotBegun("nothing was done".into()))
}
