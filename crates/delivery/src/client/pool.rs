//! Connections that wait for the next request to the same receiver: few, and not for long.

use super::connection::Connection;
use crate::endpoint::Endpoint;
use crate::limits::{IDLE_OF_ONE_MAX, IDLE_SECS_MAX};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// By what a connection leads to.
type Key = (bool, Box<str>, u16);

/// Kept connections.
pub(super) struct Pool {
    kept: Mutex<Kept>,
    most: usize,
}

#[derive(Default)]
struct Kept {
    connections: HashMap<Key, Vec<(Instant, Connection)>>,
    count: usize,
}

impl Pool {
    pub(super) fn of_at_most(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    /// The connection to a receiver that was used last.
    pub(super) fn take(&self, endpoint: &Endpoint) -> Option<Connection> {
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let all = kept.connections.get_mut(&key(endpoint))?;
        let before = all.len();
        all.retain(|(since, connection)| is_fresh(*since, now) && connection.is_open());
        let taken = all.pop().map(|(_, connection)| connection);
        let gone = before - all.len();
        kept.count -= gone;
        kept.connections.retain(|_, all| !all.is_empty());
        taken
    }

    /// Keeps a connection, if it can be used again and there is room.
    pub(super) fn put(&self, endpoint: &Endpoint, connection: Connection) {
        if !connection.is_open() {
            return;
        }
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.count >= self.most {
            kept.drop_stale(now);
        }
        if kept.count >= self.most {
            return;
        }
        let all = kept.connections.entry(key(endpoint)).or_default();
        if all.len() < IDLE_OF_ONE_MAX {
            all.push((now, connection));
            kept.count += 1;
        }
    }
}

impl Kept {
    fn drop_stale(&mut self, now: Instant) {
        for all in self.connections.values_mut() {
            all.retain(|(since, connection)| is_fresh(*since, now) && connection.is_open());
        }
        self.connections.retain(|_, all| !all.is_empty());
        self.count = self.connections.values().map(Vec::len).sum();
    }
}

fn is_fresh(since: Instant, now: Instant) -> bool {
    now.duration_since(since) < Duration::from_secs(IDLE_SECS_MAX)
}

fn key(endpoint: &Endpoint) -> Key {
    (endpoint.is_secure(), endpoint.host().into(), endpoint.port())
}
