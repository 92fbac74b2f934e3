//! `bench kill`: kill -9 of the real server under mixed load, round after round on one data folder.
//!
//! Each round: load on several queues, SIGKILL at a random moment, `tidewire fsck` where the binary has it, sometimes a
//! start that is killed before it is ready, then a start, and every message of every queue against what the clients were
//! told. Most messages are deleted then and some stay for good, so that log files fill, roll and retire with a few live
//! messages in them. The first broken promise ends the run and keeps the folder.

mod ledger;
mod load;
mod survey;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::caller::Caller;
use crate::child::Server;
use crate::folder;
use crate::kill::ledger::{Broken, Ledger};
use crate::kill::load::Load;
use crate::machine::Machine;
use crate::scratch::Scratch;
use crate::subject;

/// Queues under load; the last of them are purged now and then.
const QUEUES: usize = 6;

/// How long a round's load runs before the kill, at the least and at the most.
const LOAD_MILLIS: (u64, u64) = (50, 1_500);

/// In one round of this many, a start is killed before it is ready, at the latest after so many milliseconds.
const IMPATIENT_ONE_IN: u64 = 4;
const IMPATIENT_MILLIS_MAX: u64 = 150;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rounds between two lines of progress.
const ROUNDS_PER_LINE: u32 = 10;

/// What to do, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds, each with a kill
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Repeats the random choices of an earlier run (not its timing)
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the rounds and prints what was lost or came back; either is an error, and so is a refusal under load.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("kill").map_err(|error| error.to_string())?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}; fsck after each kill");
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut run = Run { binary, data: scratch.path().to_owned(), chance: Rng::with_seed(seed), ledger };
    let outcome = run.rounds(options.rounds);
    let (lost, resurrected) = outcome.as_ref().err().map_or((0, 0), |failure| (failure.lost, failure.resurrected));
    let totals = run.ledger.lock().expect("no client panics").totals();
    println!(
        "{lost} lost, {resurrected} resurrected; {} kills; {totals}; seed {seed}",
        run.rounds_done(&outcome, options)
    );
    outcome.map(drop).map_err(|failure| format!("{}\nkept: {}", failure.why, scratch.keep().display()))
}

/// Why the rounds ended early.
struct Failure {
    why: String,
    round: u32,
    lost: usize,
    resurrected: usize,
}

struct Run {
    binary: PathBuf,
    data: PathBuf,
    chance: Rng,
    ledger: Arc<Mutex<Ledger>>,
}

impl Run {
    fn rounds(&mut self, rounds: u32) -> Result<(), Failure> {
        let begun = Instant::now();
        let failure = |round, why| Failure { why: format!("round {round}: {why}"), round, lost: 0, resurrected: 0 };
        let runtime = subject::client_runtime().map_err(|why| failure(0, why))?;
        let mut server = self.start().map_err(|why| failure(0, why))?;
        let urls = runtime.block_on(make_queues(&server)).map_err(|error| failure(0, error.to_string()))?;
        for round in 1..=rounds {
            server = self.kill_under_load(&runtime, server, &urls).map_err(|why| failure(round, why))?;
            let ledger = Arc::clone(&self.ledger);
            let checked = runtime.block_on(survey::check(server.address, &urls, &ledger, &mut self.chance));
            let broken = checked.map_err(|why| failure(round, format!("{why}; {}", server.last_lines())))?;
            if let Some(broken) = broken {
                let Broken { lost, resurrected, .. } = broken;
                return Err(Failure { lost, resurrected, ..failure(round, broken.to_string()) });
            }
            if round.is_multiple_of(ROUNDS_PER_LINE) || round == rounds {
                self.say(round, begun.elapsed());
            }
        }
        Ok(())
    }

    fn say(&self, round: u32, elapsed: Duration) {
        let totals = self.ledger.lock().expect("no client panics").totals();
        let (first, last) = folder::numbers(&self.data, "log-").unwrap_or_default();
        println!("round {round}, {:.0} s: {totals}; log files {first} to {last}", elapsed.as_secs_f64());
    }

    fn rounds_done(&self, outcome: &Result<(), Failure>, options: &Options) -> u32 {
        outcome.as_ref().err().map_or(options.rounds, |failure| failure.round)
    }

    fn start(&self) -> Result<Server, String> {
        subject::start_product_within(&self.binary, &self.data, PATIENCE)
    }

    /// Load, the kill, the look at what it left, and the next server.
    fn kill_under_load(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        server: Server,
        urls: &[String],
    ) -> Result<Server, String> {
        let until_kill = Duration::from_millis(self.chance.u64(LOAD_MILLIS.0..LOAD_MILLIS.1));
        let load = runtime.block_on(async {
            let load = Load::start(server.address, urls, &self.ledger, &mut self.chance);
            tokio::time::sleep(until_kill).await;
            load
        });
        server.kill().map_err(|error| error.to_string())?;
        runtime.block_on(load.ended())?;
        self.ledger.lock().expect("no client panics").server_is_gone();
        self.fsck()?;
        if self.chance.u64(..IMPATIENT_ONE_IN) == 0 {
            self.kill_while_starting()?;
            self.fsck()?;
        }
        self.start()
    }

    fn kill_while_starting(&mut self) -> Result<(), String> {
        let mut command = subject::product_command(&self.binary, &self.data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(self.chance.u64(1..IMPATIENT_MILLIS_MAX)));
        child.kill().and_then(|()| child.wait()).map(drop).map_err(|error| error.to_string())
    }

    fn fsck(&self) -> Result<(), String> {
        let output = Command::new(&self.binary).arg("fsck").arg(&self.data).output();
        let output = output.map_err(|error| format!("fsck does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("fsck ended with {}:\n{}", output.status, String::from_utf8_lossy(&said)))
    }
}

async fn make_queues(server: &Server) -> std::io::Result<Vec<String>> {
    let mut caller = Caller::new(server.address);
    let mut urls = Vec::new();
    for queue in 0..QUEUES {
        urls.push(caller.create_queue(&format!("under-load-{queue}")).await?);
    }
    Ok(urls)
}
