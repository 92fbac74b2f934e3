//! `bench temporary`: reply queues by the hundred thousand, each made, used once and gone: time, CPU and memory.
//!
//! Three ways of having one, on a server each: a queue that the client deletes, a queue with an idle lifetime that goes by itself,
//! and a virtual queue on one host. Used once is a message sent, received and deleted. Memory is read before, when the last was
//! used, and some seconds after all are gone.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::child::Server;
use crate::machine::{self, Machine};
use crate::request;
use crate::scratch::Scratch;
use crate::subject;
use crate::table::{Table, figure};
use crate::usage::{CpuSample, resident_mib};

/// Connections that use the queues.
const CONNECTIONS: u64 = 64;

/// How long a start or a stop may take, and how long it may take until idle queues are gone.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rest before memory is read.
const REST: Duration = Duration::from_secs(3);

/// Of the queues that go by themselves: longer than one is used, shorter than all are.
const LIFETIME_SECS: u64 = 4;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Queues that are made, used once and gone
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    queues: u64,
}

/// A way of having a queue for one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Deleted,
    Idle,
    Virtual,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted by the client",
            Self::Idle => "going by itself",
            Self::Virtual => "virtual, on one host",
        })
    }
}

/// Measures and prints; a message that does not come back, or a queue that stays, is an error.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let binary = subject::product_binary()?;
    let columns = ["queues", "all used in", "queues/s", "server CPU each", "gone after", "RSS before", "used", "gone"];
    let mut table = Table::new(&columns, 1);
    for way in [Way::Deleted, Way::Idle, Way::Virtual] {
        let scratch = Scratch::new("temporary").map_err(|error| error.to_string())?;
        table.row(measure(options.queues, way, &binary, scratch.path())?);
    }
    println!("\n{} queues, {CONNECTIONS} connections\n{}", options.queues, table.render());
    println!("load at the end {}", machine::load());
    Ok(())
}

fn measure(queues: u64, way: Way, binary: &Path, data: &Path) -> Result<Vec<String>, String> {
    let server = subject::start_product(binary, data)?;
    let runtime = subject::client_runtime()?;
    std::thread::sleep(REST);
    let (before, cpu, begun) = (memory(&server), CpuSample::of(server.pid()), Instant::now());
    runtime.block_on(use_all(queues, way, server.address)).map_err(|why| format!("{way}: {why}"))?;
    let used_in = begun.elapsed();
    let spent = CpuSample::of(server.pid()).since(&cpu);
    let used = memory(&server);
    let begun = Instant::now();
    let left = u64::from(way == Way::Virtual);
    runtime.block_on(until_gone(left, server.address))?;
    let gone_after = begun.elapsed();
    std::thread::sleep(REST);
    let row = vec![
        way.to_string(),
        format!("{:.1} s", used_in.as_secs_f64()),
        figure(queues as f64 / used_in.as_secs_f64()),
        format!("{:.0} µs", spent.as_secs_f64() * 1e6 / queues as f64),
        format!("{:.1} s", gone_after.as_secs_f64()),
        before,
        used,
        memory(&server),
    ];
    server.stop(PATIENCE)?;
    Ok(row)
}

fn memory(server: &Server) -> String {
    resident_mib(server.pid()).map_or_else(|| "n/a".into(), |mib| format!("{mib:.1} MiB"))
}

async fn use_all(queues: u64, way: Way, address: SocketAddr) -> Result<(), String> {
    let host = match way {
        Way::Virtual => Caller::new(address).create_queue("host").await.map_err(|error| error.to_string())?,
        _ => String::new(),
    };
    let mut users = JoinSet::new();
    for user in 0..CONNECTIONS {
        let host = host.clone();
        users.spawn(async move {
            let mut caller = Caller::new(address);
            for queue in (user..queues).step_by(CONNECTIONS as usize) {
                use_once(&mut caller, way, &host, queue).await?;
            }
            Ok::<_, io::Error>(())
        });
    }
    while let Some(user) = users.join_next().await {
        user.expect("a user does not panic").map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn use_once(caller: &mut Caller, way: Way, host: &str, queue: u64) -> io::Result<()> {
    let name = format!("reply-{queue:07}");
    let url = match way {
        Way::Virtual => format!("{host}#{name}"),
        Way::Deleted => caller.create_queue(&name).await?,
        Way::Idle => {
            let attributes = format!(r#"{{"TidewireIdleLifetimeSeconds":"{LIFETIME_SECS}"}}"#);
            let input = format!(r#"{{"QueueName":"{name}","Attributes":{attributes}}}"#);
            let answer = caller.call("CreateQueue", &input).await?;
            one(answer, "QueueUrl")?
        }
    };
    caller.call("SendMessage", &request::send_message(&url)).await?;
    let handle = one(caller.call("ReceiveMessage", &request::receive_message(&url, 0)).await?, "ReceiptHandle")?;
    caller.call("DeleteMessage", &request::delete_message(&url, &handle)).await?;
    if way == Way::Deleted {
        caller.call("DeleteQueue", &request::of_queue(&url)).await?;
    }
    Ok(())
}

fn one(answer: &[u8], name: &str) -> io::Result<String> {
    let found = request::members(answer, name).first().map(ToString::to_string);
    found.ok_or_else(|| io::Error::other(format!("an answer has no {name}")))
}

/// Waits until no more than `left` queues are there.
async fn until_gone(left: u64, address: SocketAddr) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match subject::metric(address, "tidewire_sqs_queues").await {
            None => return Err("the server does not say how many queues there are".into()),
            Some(queues) if queues <= left => return Ok(()),
            Some(queues) if begun.elapsed() > PATIENCE => return Err(format!("{queues} queues are still there")),
            Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
