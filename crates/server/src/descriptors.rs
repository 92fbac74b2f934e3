//! The system's bound on open files, which connections share with the log.
//!
//! A log that cannot open its next file stops the server, so connections must never take the last descriptor: as many as
//! the log and the runtime need are kept back, whatever the system allows. Source: getrlimit(2), RLIMIT_NOFILE.

use gateway::limits::CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for everything but connections: files of the log, its spares, folder and lock, the listener, signals,
/// the runtime's own, standard streams. About twenty are in use; the rest is for files that the log opens for a moment.
const DESCRIPTORS_KEPT: u64 = 64;

/// What of the descriptors connections have, by who opens them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Those of clients.
    pub(crate) clients: usize,
    /// Deliveries that are attempted at one time.
    pub(crate) deliveries: usize,
    /// Connections to receivers that are kept for the next delivery.
    pub(crate) kept: usize,
}

/// Raises the bound as far as the system lets a process do it by itself, and says how many connections may be open at
/// once. Many systems begin at 1024 for the sake of old programs and let it be raised to far more.
pub(crate) fn connections_max() -> Result<usize, String> {
    let (shares, allowed) = shares()?;
    if shares.clients < CONNECTIONS_MAX {
        tracing::warn!(
            open_files = allowed,
            connections = shares.clients,
            "the system's bound on open files lowers that on connections"
        );
    }
    Ok(shares.clients)
}

/// The same for all connections, and how many files the system allows.
pub(crate) fn shares() -> Result<(Shares, u64), String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the bound on open files stays as it is");
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Ok((shares_of(allowed)?, allowed))
}

fn shares_of(allowed: u64) -> Result<Shares, String> {
    let left = usize::try_from(allowed.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX);
    match left {
        0 => {
            Err(format!("the system allows {allowed} open files (ulimit -n); more than {DESCRIPTORS_KEPT} are needed"))
        }
        left => {
            let deliveries = (left / 8).min(sns::ATTEMPTS_MAX);
            let kept = (left / 16).min(delivery::IDLE_MAX);
            Ok(Shares { clients: (left - deliveries - kept).min(CONNECTIONS_MAX), deliveries, kept })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_log_its_descriptors() {
        assert_eq!(shares_of(1024), Ok(Shares { clients: 780, deliveries: 120, kept: 60 }));
        assert_eq!(shares_of(65), Ok(Shares { clients: 1, deliveries: 0, kept: 0 }));
        let all = Shares { clients: CONNECTIONS_MAX, deliveries: sns::ATTEMPTS_MAX, kept: delivery::IDLE_MAX };
        assert_eq!((shares_of(u64::MAX), shares_of(1 << 20)), (Ok(all), Ok(all)));
        for allowed in 65..20_000 {
            let Shares { clients, deliveries, kept } = shares_of(allowed).unwrap();
            assert!((clients + deliveries + kept) as u64 + DESCRIPTORS_KEPT <= allowed);
        }
        assert!(shares_of(64).unwrap_err().contains("ulimit -n"));
    }
}
