//! One server of the release build with its own data folder, for the length of one suite.
//!
//! It is started on a free port, which it prints, and ended by its own process: asked first, killed when it does not
//! listen. A server that ended by itself, or badly, is reported with the end of its log.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::process;

/// A busy machine takes seconds for what takes milliseconds.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Far more than the server itself gives to what is under way (`http.stop_timeout_secs`).
const STOP_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// How much of the log a report shows.
const LOG_LINES: usize = 8;

/// A running server.
pub(super) struct Server {
    child: Child,
    endpoint: String,
    home: PathBuf,
}

impl Server {
    /// Starts `tidewire dev` with `further` arguments on a free port and waits until it is ready.
    pub(super) fn start(binary: &Path, name: &str, further: &[String]) -> Result<Self, String> {
        let home = home(name);
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
        let log = File::create(log_path(&home)).map_err(|error| format!("{}: {error}", home.display()))?;
        let mut command = Command::new(binary);
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.join("data")).args(further);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDEWIRE_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
        let lines = read_lines(child.stdout.take().expect("stdout was asked for as a pipe"));
        match await_ready(&lines) {
            Some(endpoint) => Ok(Self { child, endpoint, home }),
            None => {
                let _ = child.kill();
                let status = child.wait().map_err(|error| error.to_string())?;
                Err(format!("the server was never ready ({status}): {}", end_of_log(&home)))
            }
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Ends the server; its data folder goes only when all was well.
    pub(super) fn stop(mut self) -> Result<(), String> {
        if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("the server ended during the suite ({status}): {}", self.remains()));
        }
        let pid = self.child.id().to_string();
        process::run_quietly(&mut process::command("kill", &["-TERM", &pid]))?;
        match self.wait(STOP_LIMIT)? {
            Some(status) if status.success() => {
                let _ = std::fs::remove_dir_all(&self.home);
                Ok(())
            }
            Some(status) => Err(format!("the server stopped badly ({status}): {}", self.remains())),
            None => {
                self.child.kill().map_err(|error| error.to_string())?;
                self.child.wait().map_err(|error| error.to_string())?;
                Err(format!("the server did not stop within {} s: {}", STOP_LIMIT.as_secs(), self.remains()))
            }
        }
    }

    fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, String> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Ok(Some(status));
            }
            std::thread::sleep(POLL);
        }
        Ok(None)
    }

    fn remains(&self) -> String {
        format!("{} (kept in {})", end_of_log(&self.home), self.home.display())
    }
}

/// Reads to the end in a thread, because a server whose output nobody takes would block one day.
fn read_lines(stdout: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // After the start nobody listens any more, and the pipe is only to be kept empty.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The endpoint, once both it and the readiness have been printed.
fn await_ready(lines: &mpsc::Receiver<String>) -> Option<String> {
    let started = Instant::now();
    let (mut endpoint, mut ready) = (None, false);
    while endpoint.is_none() || !ready {
        let line = lines.recv_timeout(START_LIMIT.checked_sub(started.elapsed())?).ok()?;
        endpoint = endpoint.or_else(|| announced(&line));
        ready = ready || line.trim() == "Ready.";
    }
    endpoint
}

/// `tidewire: listening on http://127.0.0.1:40123`
fn announced(line: &str) -> Option<String> {
    let (_, url) = line.split_once("listening on ")?;
    url.split_whitespace().next().filter(|url| url.starts_with("http://")).map(str::to_owned)
}

fn home(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tidewire-{name}-{}", std::process::id()))
}

fn log_path(home: &Path) -> PathBuf {
    home.join("server.log")
}

fn end_of_log(home: &Path) -> String {
    let log = std::fs::read_to_string(log_path(home)).unwrap_or_default();
    process::last_lines(&log, LOG_LINES)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stand-in for the server, removed with what its runs left behind.
    pub(in crate::test) struct Fake {
        pub(in crate::test) binary: PathBuf,
        home: PathBuf,
    }

    impl Fake {
        /// A child writes the script: were it this process, a test beside this one could fork while the file is still open
        /// for writing, and the kernel would refuse to run it.
        pub(in crate::test) fn new(name: &str, body: &str) -> Self {
            let binary = std::env::temp_dir().join(format!("tidewire-fake-{name}-{}", std::process::id()));
            let text = format!("#!/bin/sh\n{body}\n");
            let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
            process::run(&mut process::command("sh", &["-c", write, "sh", &text, &binary.to_string_lossy()])).unwrap();
            Self { binary, home: home(name) }
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.binary);
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }

    pub(in crate::test) const ANNOUNCE: &str = "echo 'tidewire: listening on http://127.0.0.1:40123'; echo Ready.";

    #[test]
    fn the_endpoint_is_taken_from_the_line_that_announces_it() {
        let line = "tidewire: listening on http://127.0.0.1:40123 (HTTP/1.1 and HTTP/2)";
        assert_eq!(announced(line).as_deref(), Some("http://127.0.0.1:40123"));
        assert_eq!(announced("Ready."), None);
    }

    #[test]
    fn a_server_that_stops_when_asked_is_fine() {
        let fake = Fake::new("good", &format!("trap 'exit 0' TERM; {ANNOUNCE}; while :; do sleep 0.05; done"));
        let server = Server::start(&fake.binary, "good", &[]).unwrap();
        assert_eq!(server.endpoint(), "http://127.0.0.1:40123");
        server.stop().unwrap();
    }

    #[test]
    fn a_server_that_ended_by_itself_is_reported_with_its_log() {
        let fake = Fake::new("bad", &format!("{ANNOUNCE}; echo disk is full >&2; exit 7"));
        let mut server = Server::start(&fake.binary, "bad", &[]).unwrap();
        server.child.wait().unwrap();
        let problem = server.stop().unwrap_err();
        assert!(problem.contains("exit status: 7") && problem.contains("disk is full"), "{problem}");
    }

    #[test]
    fn a_server_that_is_never_ready_is_reported() {
        let fake = Fake::new("mute", "echo no config >&2; exit 2");
        let problem = Server::start(&fake.binary, "mute", &[]).err().unwrap();
        assert!(problem.contains("never ready") && problem.contains("no config"), "{problem}");
    }
}
