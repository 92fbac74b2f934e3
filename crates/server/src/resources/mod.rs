//! Declared resources: a file says which queues, topics and streams there are to be, and a server is made to have them.
//!
//! `node.rs` is what a file says, with its lines, whichever language it is written in (`toml.rs`, `yaml.rs`, `hocon.rs` for JSON
//! and ElasticMQ's configuration); `declared.rs` and `elasticmq.rs` understand it, `streams/` what it says of streams, `topics/` of topics; `actual.rs` asks what the server has; `plan.rs`
//! is the difference, `apply.rs` does away with it, `write.rs` writes a file whose difference is none.
//!
//! What a declaration does not name stays as it is. Applying is idempotent: a second time there is nothing to do, and what a
//! failure left half done the next one finishes.
#![expect(clippy::print_stdout, reason = "differences are what these commands print")]

mod actual;
mod apply;
mod declared;
mod elasticmq;
mod hocon;
mod identities;
mod node;
mod plan;
mod streams;
mod toml;
mod topics;
pub(crate) mod words;
mod write;
mod yaml;

pub(crate) use declared::Declared;

use crate::client::{Client, Credentials, Endpoint, Failure, Target};
use crate::config::Config;
use crate::queues::{Stop, block_on, confirm, target};
use actual::Actual;
use gateway::{Gateway, Origin};
use plan::Plan;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use words::{Apply, Export};

/// Bytes that may wait between a starting server and its own door.
const PIPE_BYTES: usize = 64 << 10;

/// Reads a file, in the language that its name says it is in. The error names file and line.
pub(crate) fn read(path: &Path) -> Result<Declared, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let declared = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::read(&text).and_then(|node| declared::read(&node)),
        Some("json") => hocon::read_json(&text).and_then(|node| declared::read(&node)),
        Some("yaml" | "yml") => yaml::read(&text).and_then(|node| declared::read(&node)),
        Some("conf") => hocon::read(&text).and_then(|node| elasticmq::read(&node)),
        _ => return Err(format!("{}: expected a name that ends in .toml, .json, .yaml or .conf", path.display())),
    };
    declared.map_err(|wrong| format!("{}:{}: {}", path.display(), wrong.line, wrong.why))
}

/// `tidewire apply`.
pub(crate) fn apply(config: &Config, words: &Apply) -> ExitCode {
    let ready = read(&words.file).and_then(|declared| Ok((declared, target(config, &words.door)?)));
    match ready {
        Ok((declared, target)) => block_on(apply_from_here(Client::new(target), declared, words)),
        Err(why) => Stop::NotBegun(why).told(),
    }
}

async fn apply_from_here(mut client: Client, declared: Declared, words: &Apply) -> Result<(), Stop> {
    let plan = difference(&mut client, &declared, words.prune).await?;
    print!("{plan}");
    if !declared.identities.is_empty() {
        println!("identities are made as they are declared when a server starts with this file");
    }
    if words.dry_run || plan.is_empty() {
        return Ok(());
    }
    if let Some(loss) = plan.loss() {
        confirm(&loss, words.yes)?;
    }
    apply::carry_out(&mut client, &plan).await?;
    println!("applied");
    Ok(())
}

async fn difference(client: &mut Client, declared: &Declared, prune: bool) -> Result<Plan, Failure> {
    let actual = Actual::of(client, declared, prune).await?;
    Ok(Plan::new(declared, &actual, prune))
}

/// `tidewire export`.
pub(crate) fn export(config: &Config, words: &Export) -> ExitCode {
    match target(config, &words.door) {
        Ok(target) => block_on(write::export(Client::new(target), words)),
        Err(why) => Stop::NotBegun(why).told(),
    }
}

/// Makes a starting server have what is declared, through its own front door but without a socket: nobody else is let in
/// before.
pub(crate) async fn apply_at_start(
    gateway: &Gateway,
    address: SocketAddr,
    config: &Config,
    declared: &Declared,
) -> Result<(), String> {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let served = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.serve_connection(theirs, Origin::INSIDE).await }
    });
    let endpoint = Endpoint::parse(&address.to_string())?;
    let (credentials, region) = (Credentials::of_account(config.account.as_str()), config.region.to_string());
    let target = Target { endpoint, credentials, region, trusted: Vec::new() };
    let applied = async {
        let mut client = Client::over(target, ours).await?;
        let plan = difference(&mut client, declared, false).await?;
        apply::carry_out(&mut client, &plan).await?;
        Ok::<_, Failure>(plan)
    };
    let plan = applied.await.map_err(|failure| format!("the declared resources cannot be applied: {failure}"))?;
    let streams = declared.streams.as_ref().map_or(0, BTreeMap::len);
    let topics = declared.topics.as_ref().map_or(0, BTreeMap::len);
    tracing::info!(declared = declared.queues.len() + streams + topics, changed = plan.len(), "resources applied");
    served.abort();
    Ok(())
}
