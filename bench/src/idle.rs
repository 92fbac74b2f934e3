//! `bench idle`: very many queues that nobody uses: what each costs in memory, and how long a start takes with them.
//!
//! The queues are made, left alone until the server has put all of them away, and brought back by a start.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::machine::{self, Machine};
use crate::scratch::Scratch;
use crate::subject;
use crate::usage::{CpuSample, resident_mib};

/// Connections that make the queues.
const CONNECTIONS: u64 = 64;

/// How long a start, a stop, or the putting away may take.
const PATIENCE: Duration = Duration::from_secs(400);

/// Between two looks at what is still active, and the span over which CPU at rest is read.
const LOOK: Duration = Duration::from_secs(5);

/// DESIGN, section 3: an idle queue.
const BYTES_MAX: f64 = 300.0;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Queues that are made
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    queues: u64,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let scratch = Scratch::new("idle").map_err(|error| error.to_string())?;
    let server = subject::start_product(&binary, scratch.path())?;
    std::thread::sleep(LOOK);
    let resident = |pid| resident_mib(pid).unwrap_or(0.0);
    let empty = resident(server.pid());
    println!("RSS empty: {empty:.1} MiB");
    let runtime = subject::client_runtime()?;
    let begun = Instant::now();
    runtime.block_on(make(options.queues, server.address))?;
    println!("{} queues made in {:.1} s", options.queues, begun.elapsed().as_secs_f64());
    println!("RSS when they are made: {:.1} MiB", resident(server.pid()));
    let begun = Instant::now();
    runtime.block_on(put_away(server.address))?;
    println!("all put away after {:.0} s", begun.elapsed().as_secs_f64());
    print_cost(options, "at rest", resident(server.pid()), empty);
    let before = CpuSample::of(server.pid());
    std::thread::sleep(LOOK);
    let spent = CpuSample::of(server.pid()).since(&before).as_secs_f64() / LOOK.as_secs_f64();
    println!("CPU at rest: {:.2} % of one core", spent * 100.0);
    println!("stop in order: {:.2} s", server.stop(PATIENCE)?.as_secs_f64());
    for after in ["a stop in order", "kill -9"] {
        let server = subject::start_product_within(&binary, scratch.path(), PATIENCE)?;
        println!("Ready. after {after}: {:.2} s", server.started_in.as_secs_f64());
        std::thread::sleep(LOOK);
        print_cost(options, &format!("after {after}"), resident(server.pid()), empty);
        server.kill().map_err(|error| error.to_string())?;
    }
    println!("load at the end {}", machine::load());
    Ok(())
}

fn print_cost(options: &Options, when: &str, resident: f64, empty: f64) {
    let each = (resident - empty) * f64::from(1 << 20) / options.queues as f64;
    println!("RSS {when}: {resident:.1} MiB, {each:.0} bytes for each queue (promised: {BYTES_MAX})");
}

async fn make(queues: u64, address: SocketAddr) -> Result<(), String> {
    let mut makers = JoinSet::new();
    for maker in 0..CONNECTIONS {
        makers.spawn(async move {
            let mut caller = Caller::new(address);
            for queue in (maker..queues).step_by(CONNECTIONS as usize) {
                caller.create_queue(&format!("queue-{queue:07}")).await?;
            }
            Ok::<_, std::io::Error>(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made.expect("a maker does not panic").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Waits until no queue is active any more.
async fn put_away(address: SocketAddr) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let active = subject::metric(address, "tidewire_store_partitions_active").await;
        match active {
            None => return Err("the server does not say how many queues are active".into()),
            Some(0) => return Ok(()),
            Some(left) if begun.elapsed() > PATIENCE => return Err(format!("{left} queues are still active")),
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
