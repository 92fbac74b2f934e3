//! The servers to compare with: pinned versions, installed once under `.tools/`, each started on a port of its own.
//!
//! A peer that cannot be installed or started is named as skipped with the reason, and the run goes on without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::child::{self, Server};
use crate::scratch::{self, Scratch};

/// How long one step of an installation may take.
const INSTALL_PATIENCE: Duration = Duration::from_secs(240);

/// How long a peer may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A peer that this benchmark knows how to install and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Python, in memory, the usual mock of AWS.
    Moto,
    /// Python, in memory.
    Ministack,
    /// Node, run with its SQLite persistence on, which is its nearest to our durability.
    Fauxqs,
}

/// How a peer is installed, as data.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    /// Programs and arguments, run in this order in the peer's folder.
    pub(crate) install: &'static [&'static [&'static str]],
}

/// It speaks of SQS and of Kinesis, so both benchmarks compare with it.
pub(crate) const MINISTACK: Recipe = Recipe {
    name: "ministack",
    folder: "bench-ministack",
    install: &[&["python3", "-m", "venv", "."], &["bin/pip", "install", "-q", "ministack==1.5.33"]],
};

/// Starts what `MINISTACK` installed in `folder`.
pub(crate) fn ministack(folder: &Path, port: &str) -> Command {
    let mut command = Command::new(folder.join("bin/ministack"));
    command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port).env("LOG_LEVEL", "WARNING");
    command
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        self.recipe().name
    }

    /// Messages it is given before a drain: what it can hand out in a few seconds. moto's receive slows down with every
    /// message in the queue (25 ms with 36 of them, 130 ms with 236), so more would only make it look worse.
    pub(crate) fn fill_max(self) -> u64 {
        match self {
            Self::Moto => 100,
            Self::Ministack => 2_000,
            Self::Fauxqs => 1_000,
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::Moto => Recipe {
                name: "moto",
                folder: "bench-moto",
                install: &[&["python3", "-m", "venv", "."], &["bin/pip", "install", "-q", "moto[server]==5.2.5"]],
            },
            Self::Ministack => MINISTACK,
            Self::Fauxqs => Recipe {
                name: "fauxqs",
                folder: "bench-fauxqs",
                install: &[&[
                    "npm",
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                    ".",
                    "node@22.23.3",
                    "fauxqs@2.4.1",
                ]],
            },
        }
    }

    /// Installs the peer if its recipe has not run yet, and starts it with its data, if any, in `scratch`.
    pub(crate) fn start(self, scratch: &Scratch) -> Result<Server, String> {
        let folder = self.recipe().install()?;
        let address = child::free_port().map_err(|error| error.to_string())?;
        let mut command = self.command(&folder, address.port(), scratch.path());
        Server::on_port(command.current_dir(&folder), address, START_PATIENCE)
    }

    fn command(self, folder: &Path, port: u16, data: &Path) -> Command {
        let port = port.to_string();
        match self {
            Self::Moto => {
                let mut command = Command::new(folder.join("bin/moto_server"));
                command.args(["-H", "127.0.0.1", "-p", &port]);
                command
            }
            Self::Ministack => ministack(folder, &port),
            // Its own command line logs every request whatever the environment says, so it is started as a library.
            Self::Fauxqs => {
                let mut command = Command::new(folder.join("node_modules/node/bin/node"));
                let script = "import { startFauxqs } from 'fauxqs'; \
                    await startFauxqs({ logger: false, port: +process.env.BENCH_PORT, dataDir: process.env.BENCH_DATA });";
                command.args(["--no-warnings", "--input-type=module", "-e", script]);
                command.env("BENCH_PORT", port).env("BENCH_DATA", data);
                command
            }
        }
    }
}

impl Recipe {
    /// The peer's folder; a file with the recipe's text tells that exactly this installation is complete.
    pub(crate) fn install(&self) -> Result<PathBuf, String> {
        let folder = scratch::repository().join(".tools").join(self.folder);
        let done = folder.join("recipe");
        let text = format!("{:?}\n", self.install);
        if fs::read_to_string(&done).is_ok_and(|existing| existing == text) {
            return Ok(folder);
        }
        eprintln!("bench: installing {} (once)", self.name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for step in self.install {
            run_step(step, &folder)?;
        }
        fs::write(done, text).map_err(|error| error.to_string())?;
        Ok(folder)
    }
}

fn run_step(step: &[&str], folder: &Path) -> Result<(), String> {
    let program = if step[0].contains('/') { folder.join(step[0]) } else { PathBuf::from(step[0]) };
    let mut command = Command::new(program);
    command.args(&step[1..]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("`{}`: {error}", step.join(" ")))?;
    let begun = Instant::now();
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("`{}` ended with {status}", step.join(" "))),
            None if begun.elapsed() > INSTALL_PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`{}` took longer than {INSTALL_PATIENCE:?}", step.join(" ")));
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_is_named() {
        let error = run_step(&["sh", "-c", "exit 3"], Path::new("/")).unwrap_err();
        assert!(error.contains("exit 3") && error.contains("exit status: 3"), "{error}");
        assert!(run_step(&["no-such-program-here"], Path::new("/")).is_err());
        assert_eq!(run_step(&["true"], Path::new("/")), Ok(()));
    }

    #[test]
    fn every_version_is_pinned() {
        for peer in Peer::value_variants() {
            let last = peer.recipe().install.last().unwrap().last().unwrap();
            assert!(last.contains("==") || last.matches('@').count() == 1, "{last}");
        }
    }
}
