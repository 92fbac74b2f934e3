//! A server of the test's own, started as a process from the built binary and ended with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn tidewire(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewire"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIDEWIRE_")) {
        command.env_remove(name);
    }
    command.args(words);
    command
}

pub(crate) fn output(words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = tidewire(words).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A file that is gone with the test.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn of(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidewire-program-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A server that is ended with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) banner: String,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::start_as(tidewire(words))
    }

    /// A server from a command that leads to one.
    pub(crate) fn start_as(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut banner = String::new();
        for line in lines.by_ref() {
            banner.push_str(&line);
            banner.push('\n');
            if line == "Ready." {
                break;
            }
        }
        let address = banner.split("listening on http://").nth(1).unwrap().lines().next().unwrap().to_string();
        Self { child, banner, address }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Has the server write one record.
    pub(crate) fn create_queue(&self) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.CreateQueue";
        let body = r#"{"QueueName": "q"}"#;
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    /// Asks the server to stop; its exit code and what it wrote to standard error.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.terminate();
        self.ended()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server as a cut of power would; it is gone when this returns, and its folder's lock with it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.ended();
    }

    /// Asks the server to stop, and returns at once.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
    }

    /// Waits for the server's end; its exit code and what it wrote to standard error.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already waited for, unless the test has failed.
        let _ = self.child.kill();
        // Until it is gone it may hold its folder's lock, or write into what the test removes.
        let _ = self.child.wait();
    }
}
