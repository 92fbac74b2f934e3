//! The whole server, from the gateway to the disk, repeatable from one seed.
//!
//! The product's own gateway, service, engine and journal run on one thread over a simulated disk, clock and network. The
//! seed decides what clients ask, how their bytes travel, when background work is done, and when what breaks. An oracle
//! that sees only requests and answers says whether a promise was broken. [`run`] is one history.

mod ask;
mod client;
mod clock;
mod dialect;
mod disk;
mod ending;
mod http1;
mod http2;
mod jobs;
mod lifetime;
mod link;
mod oracle;
mod plan;
mod quiet;
mod report;
mod rot;
mod sabotage;
mod server;
mod shrink;
mod streams;
mod topics;
mod trace;
mod weather;
mod world;

pub use plan::{Misfortunes, Plan, Sabotage, Subject};
pub use report::{Failure, Report};
pub use shrink::shrink;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// Tasks polled before the runtime looks at the clock: more than are ever ready, so that one yield runs all of them.
const POLLS_BETWEEN_LOOKS: u32 = 1 << 20;

/// Lives one history. The same seed and plan give the same trace.
pub fn run(seed: u64, plan: &Plan) -> Result<Report, Failure> {
    let mut world = World::new(seed, plan.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .event_interval(POLLS_BETWEEN_LOOKS)
        .build()
        .expect("a runtime without sockets needs nothing of the machine");
    let lived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(world.live())));
    let outcome = lived.unwrap_or_else(|panic| Err(format!("a panic: {}", said(panic.as_ref()))));
    drop(runtime);
    match outcome {
        Ok(()) => Ok(world.report()),
        Err(what) => {
            let (step, trace) = world.end();
            Err(Failure { seed, plan: plan.clone(), what, step, trace })
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
