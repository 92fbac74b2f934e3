//! A server under test as a child process: started, waited for until it answers, ended with this value.
//!
//! Its output is read to the end in the background (a full pipe would stop the server) and the last lines are kept, so
//! that a server that dies can be quoted.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Lines of output kept for an error message.
const LINES_KEPT: usize = 60;

/// How long a server gets to stop after SIGTERM before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    output: Arc<Output>,
    pub(crate) address: SocketAddr,
    /// From spawn to the word that it is ready.
    pub(crate) started_in: Duration,
}

#[derive(Default)]
struct Output {
    lines: Mutex<VecDeque<String>>,
    arrived: Condvar,
}

impl Server {
    /// Starts a server that prints `… listening on http://HOST:PORT` and then `Ready.`, as the product and the echo do.
    pub(crate) fn announced(command: &mut Command, patience: Duration) -> Result<Self, String> {
        let begun = Instant::now();
        let (mut child, output) = spawn(command)?;
        match output.wait_for_ready(&mut child, begun + patience) {
            Ok(address) => Ok(Self { child, output, address, started_in: begun.elapsed() }),
            Err(reason) => Err(give_up(child, &output, &reason)),
        }
    }

    /// Starts a server on a port chosen beforehand, and waits until the port takes connections.
    pub(crate) fn on_port(command: &mut Command, address: SocketAddr, patience: Duration) -> Result<Self, String> {
        let begun = Instant::now();
        let (mut child, output) = spawn(command)?;
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            let ended = child.try_wait().map_err(|error| error.to_string())?.is_some();
            if ended || begun.elapsed() > patience {
                return Err(give_up(child, &output, "it does not take connections"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, output, address, started_in: begun.elapsed() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines the server printed.
    pub(crate) fn last_lines(&self) -> String {
        self.output.text()
    }

    /// Asks the server to stop and gives it until `patience` is over; how long it took, or why it did not end in order.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        ask_to_stop(&self.child);
        match end_before(&mut self.child, begun + patience) {
            Some(status) if status.success() => Ok(begun.elapsed()),
            Some(status) => Err(format!("the stop ended with {status}; last words:\n{}", self.last_lines())),
            None => Err(format!("not stopped after {patience:?}; last words:\n{}", self.last_lines())),
        }
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn kill(mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A loopback port that was free a moment ago, for servers that cannot pick one themselves.
pub(crate) fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn spawn(command: &mut Command) -> Result<(Child, Arc<Output>), String> {
    let program = command.get_program().to_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{} does not start: {error}", program.display()))?;
    let output = Arc::new(Output::default());
    read_lines(child.stdout.take().expect("stdout is a pipe"), &output);
    read_lines(child.stderr.take().expect("stderr is a pipe"), &output);
    Ok((child, output))
}

fn read_lines(pipe: impl Read + Send + 'static, output: &Arc<Output>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            output.push(line);
        }
    });
}

impl Output {
    fn push(&self, line: String) {
        let mut lines = self.lines.lock().expect("no reader of lines panics");
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
        self.arrived.notify_all();
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().expect("no reader of lines panics");
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn wait_for_ready(&self, child: &mut Child, deadline: Instant) -> Result<SocketAddr, String> {
        let mut lines = self.lines.lock().expect("no reader of lines panics");
        loop {
            if let (Some(address), true) =
                (lines.iter().find_map(|line| announced_address(line)), lines.iter().any(|line| is_ready(line)))
            {
                return Ok(address);
            }
            if child.try_wait().map_err(|error| error.to_string())?.is_some() {
                return Err("it ended".into());
            }
            let left = deadline.checked_duration_since(Instant::now()).ok_or("it did not become ready in time")?;
            let nap = left.min(Duration::from_millis(100));
            lines = self.arrived.wait_timeout(lines, nap).expect("no reader of lines panics").0;
        }
    }
}

fn is_ready(line: &str) -> bool {
    line.trim_end().ends_with("Ready.")
}

fn announced_address(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("listening on http://")?.1;
    let end = rest.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn give_up(mut child: Child, output: &Output, reason: &str) -> String {
    stop(&mut child);
    // The readers of its pipes get a moment to take over what it said last.
    std::thread::sleep(Duration::from_millis(50));
    format!("{reason}; its last words:\n{}", output.text())
}

fn stop(child: &mut Child) {
    if child.try_wait().is_ok_and(|status| status.is_some()) {
        return;
    }
    ask_to_stop(child);
    if end_before(child, Instant::now() + STOP_PATIENCE).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn ask_to_stop(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
}

/// How the child ended, if it did before the deadline.
fn end_before(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_address_is_read_out_of_the_announcement() {
        let address = announced_address("tidewire: listening on http://127.0.0.1:4566").unwrap();
        assert_eq!(address.port(), 4566);
        assert_eq!(announced_address("listening on http://127.0.0.1:80/ (h2)").unwrap().port(), 80);
        assert_eq!(announced_address("Ready."), None);
    }

    #[test]
    fn a_server_is_ready_when_it_has_said_both_words() {
        let script = "echo 'x: listening on http://127.0.0.1:7'; echo Ready.; sleep 20";
        let server = Server::announced(&mut shell(script), Duration::from_secs(10)).unwrap();
        assert_eq!(server.address.port(), 7);
        let pid = server.pid();
        drop(server);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_server_that_dies_is_quoted() {
        let error = Server::announced(&mut shell("echo no disk >&2; exit 3"), Duration::from_secs(10)).err().unwrap();
        assert!(error.contains("it ended") && error.contains("no disk"), "{error}");
    }

    #[test]
    fn a_stop_tells_an_end_in_order_from_any_other() {
        let announced = "echo 'x: listening on http://127.0.0.1:7'; echo Ready.;";
        let stopped = |trap: &str| {
            let script = format!("trap '{trap}' TERM; {announced} while :; do sleep 0.01; done");
            Server::announced(&mut shell(&script), Duration::from_secs(10)).unwrap().stop(Duration::from_secs(1))
        };
        assert!(stopped("exit 0").is_ok());
        assert!(stopped("exit 3").unwrap_err().contains("exit status: 3"));
        assert!(stopped(":").unwrap_err().contains("not stopped"));
    }
}
