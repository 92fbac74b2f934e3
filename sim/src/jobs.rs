//! What a server does beside answering requests, as a table: the seed chooses a row, now and then, in any order.
//!
//! In the real server threads and timers do these. Whatever the store learns to do in the background gets a row here, and
//! is then crashed in the middle of like everything else.

use crate::plan::Subject;
use crate::server::Server;

/// One piece of background work.
pub(crate) struct Job {
    /// For the trace.
    pub(crate) name: &'static str,
    /// How often it is chosen, relative to the others.
    weight: u32,
    /// Does it once. A fault of the disk shows as a stopped journal.
    pub(crate) work: fn(&Server),
}

/// All background work.
pub(crate) const JOBS: &[Job] = &[
    Job { name: "commit", weight: 16, work: |server| drop(server.journal().commit()) },
    Job { name: "seal", weight: 2, work: |server| drop(server.journal().seal()) },
    Job { name: "tend", weight: 2, work: |server| drop(server.journal().tend()) },
    Job { name: "retire", weight: 2, work: |server| drop(server.store.tend()) },
    Job { name: "checkpoint", weight: 1, work: |server| drop(server.store.checkpoint()) },
    Job { name: "new key", weight: 1, work: new_key },
    Job { name: "timers", weight: 3, work: |server| server.store.fire_timers() },
    Job { name: "deliver", weight: 6, work: |server| _ = server.store.deliver() },
    Job { name: "sweep", weight: 1, work: |server| server.sqs.sweep() },
    Job { name: "put away", weight: 2, work: put_away },
    Job { name: "remove idle", weight: 1, work: |server| _ = server.sqs.remove_idle() },
    Job { name: "nudge", weight: 1, work: |server| server.store.out_of_work() },
];

/// What is done for streams beside all that.
const JOBS_OF_STREAMS: &[Job] = &[Job { name: "tend streams", weight: 3, work: |server| server.kinesis.tend() }];

/// What is done for topics.
const JOBS_OF_TOPICS: &[Job] = &[Job { name: "tend topics", weight: 2, work: Server::tend_topics }];

/// A key that cannot be made now is made another time.
fn new_key(server: &Server) {
    if let Some(keyring) = server.store.keyring() {
        drop(keyring.rotate(server.now()));
    }
}

/// Whoever is used by nobody right now has been at rest for long enough: the first sweep forgets who was used lately.
fn put_away(server: &Server) {
    server.sqs.sweep();
    server.sqs.sweep();
    server.store.put_away();
    server.store.put_away();
}

/// A row by chance.
pub(crate) fn choose(chance: &mut fastrand::Rng, subject: Subject) -> &'static Job {
    let more = match subject {
        Subject::Queues => &[],
        Subject::Streams => JOBS_OF_STREAMS,
        Subject::Topics => JOBS_OF_TOPICS,
    };
    let jobs = || JOBS.iter().chain(more);
    let total: u32 = jobs().map(|job| job.weight).sum();
    let mut at = chance.u32(..total);
    for job in jobs() {
        if at < job.weight {
            return job;
        }
        at -= job.weight;
    }
    unreachable!("the number is below the sum of all weights")
}
