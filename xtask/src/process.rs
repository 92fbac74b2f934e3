//! Other programs: started from the root of the checkout, with a result that says which command failed.
//!
//! Nothing here goes through a shell, so no argument is ever reinterpreted.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::workspace;

/// How often a child with a time limit is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// After a child has ended, how long a grandchild may hold its output open before it is given up. Long enough that a machine that
/// stalls does not cost the last lines, which say how many tests passed.
const OUTPUT_GRACE: Duration = Duration::from_secs(30);

/// What a child wrote to its standard output, and how it ended.
pub(crate) struct Finished {
    pub(crate) text: String,
    /// `None` for success, otherwise why not, e.g. `exit status: 101`.
    pub(crate) failure: Option<String>,
}

/// A command in the root of the checkout.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// `cargo` itself: the one that started xtask, so that a toolchain override holds for its children too.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    command(&program, arguments)
}

/// Runs to the end with the terminal shared.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(command))) }
}

/// Runs to the end in silence; on failure the error carries the last lines it wrote to standard error.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}: {}", shown(command), output.status, last_lines(&said, 5)))
}

/// Runs with its standard output both shown and kept, and ends it when `limit` has passed.
pub(crate) fn run_keeping_output(command: &mut Command, limit: Option<Duration>) -> Result<Finished, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", shown(command)))?;
    let stdout = child.stdout.take().expect("stdout was asked for as a pipe one line above");
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let started = Instant::now();
    let failure = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break (!status.success()).then(|| status.to_string());
        }
        if limit.is_some_and(|limit| started.elapsed() > limit) {
            child.kill().map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
            break Some(format!("ended after its limit of {} s", started.elapsed().as_secs()));
        }
        std::thread::sleep(POLL);
    };
    Ok(Finished { text: drain(&lines), failure })
}

/// Everything the reader thread has sent and still sends until the pipe closes or the grace is over.
fn drain(lines: &mpsc::Receiver<String>) -> String {
    let mut text = String::new();
    while let Ok(line) = lines.recv_timeout(OUTPUT_GRACE) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The last `count` lines that are not blank, joined with ` / `.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_and_a_failing_status_is_named() {
        let finished = run_keeping_output(&mut command("sh", &["-c", "echo one; echo two; exit 3"]), None).unwrap();
        assert_eq!(finished.text, "one\ntwo\n");
        assert_eq!(finished.failure.as_deref(), Some("exit status: 3"));
    }

    #[test]
    fn a_child_past_its_limit_is_ended() {
        let limit = Some(Duration::from_millis(50));
        let finished = run_keeping_output(&mut command("sleep", &["30"]), limit).unwrap();
        assert!(finished.failure.unwrap().starts_with("ended after its limit"));
    }

    #[test]
    fn a_quiet_failure_carries_what_the_child_said() {
        let problem = run_quietly(&mut command("sh", &["-c", "echo disk on fire >&2; exit 1"])).unwrap_err();
        assert!(problem.ends_with("exit status: 1: disk on fire"), "{problem}");
    }
}
