//! A failing history, made smaller: fewer steps and fewer clients while it still fails.
//!
//! `steps` only cuts a history off, so it is halved towards the shortest beginning that fails; another number of clients is
//! another history, which may fail too.

use crate::plan::Plan;
use crate::report::Failure;
use crate::run;

/// The smallest failure found by halving.
pub fn shrink(failure: Failure) -> Failure {
    let mut smallest = failure;
    loop {
        let Plan { clients, steps, .. } = smallest.plan;
        let step = smallest.step;
        let candidates = [(clients, steps / 2), (clients, step), (clients, steps - steps / 8), (clients / 2, steps)];
        let smaller = candidates.into_iter().find_map(|(clients, steps)| {
            let plan = Plan { clients, steps, ..smallest.plan.clone() };
            let is_smaller = clients > 0 && (clients, steps) < (smallest.plan.clients, smallest.plan.steps);
            if is_smaller { run(smallest.seed, &plan).err() } else { None }
        });
        match smaller {
            Some(failure) => smallest = failure,
            None => return smallest,
        }
    }
}
