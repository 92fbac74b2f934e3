//! The two threads of `Drive::Thread`. They only call what a caller of `Drive::Manual` calls, and wait in between.

use std::{
    io,
    sync::Arc,
    thread::{self, Builder, JoinHandle},
    time::Duration,
};

use crate::{
    lane::{Lane, Work},
    limits::{COMMIT_NICE, TEND_MILLIS, ZERO_PAUSE_MICROS},
};

/// Starts the commit thread and the keeper thread.
pub(crate) fn start(lane: &Arc<Lane>) -> io::Result<Vec<JoinHandle<()>>> {
    let commit = Arc::clone(lane);
    let keeper = Arc::clone(lane);
    Ok(vec![
        Builder::new().name("journal-commit".into()).spawn(move || commit_loop(&commit))?,
        Builder::new().name("journal-keeper".into()).spawn(move || keeper_loop(&keeper))?,
    ])
}

/// A panic in one of the threads is a bug; whoever waits for the disk must still get an answer.
struct StopOnPanic<'a>(&'a Lane);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop_after_panic();
        }
    }
}

fn commit_loop(lane: &Lane) {
    let _stop = StopOnPanic(lane);
    // Linux counts nice values per thread. Without the right to raise it the journal only is slower on a busy machine.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), COMMIT_NICE);
    let mut written = None;
    loop {
        let done = match lane.next_work(written.take()) {
            Work::Write(mut body) => lane.write(&mut body).map(|()| written = Some(body)),
            Work::Seal => lane.seal(false),
            Work::Finish => {
                // A fault here has been logged, and everything appended is durable already.
                let _ = lane.seal(true);
                return;
            }
            Work::Quit => return,
        };
        if done.is_err() {
            return;
        }
    }
}

fn keeper_loop(lane: &Lane) {
    let _stop = StopOnPanic(lane);
    let mut go_on = || {
        if lane.spares() > 0 {
            thread::sleep(Duration::from_micros(ZERO_PAUSE_MICROS));
        }
        !lane.is_ending()
    };
    while !lane.is_ending() {
        if lane.tend(&mut go_on).is_err() {
            return;
        }
        lane.await_poke(Duration::from_millis(TEND_MILLIS));
    }
}
