//! The system's bound on open files, which connections share with the log.
//!
//! A log that cannot open its next file stops the server, so connections must never take the last descriptor: as many as
//! the log and the runtime need are kept back, whatever the system allows. Source: getrlimit(2), RLIMIT_NOFILE.

use gateway::limits::CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for everything but connections: files of the log, its spares, folder and lock, the listener, signals,
/// the runtime's own, standard streams. About twenty are in use; the rest is for files that the log opens for a moment.
const DESCRIPTORS_KEPT: u64 = 64;

/// Raises the bound as far as the system lets a process do it by itself, and says how many connections may be open at
/// once. Many systems begin at 1024 for the sake of old programs and let it be raised to far more.
pub(crate) fn connections_max() -> Result<usize, String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the bound on open files stays as it is");
    }
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = connections_of(allowed)?;
    if connections < CONNECTIONS_MAX {
        tracing::warn!(
            open_files = allowed,
            connections,
            "the system's bound on open files lowers that on connections"
        );
    }
    Ok(connections)
}

fn connections_of(allowed: u64) -> Result<usize, String> {
    let left = usize::try_from(allowed.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX);
    match left {
        0 => {
            Err(format!("the system allows {allowed} open files (ulimit -n); more than {DESCRIPTORS_KEPT} are needed"))
        }
        left => Ok(left.min(CONNECTIONS_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_log_its_descriptors() {
        assert_eq!(connections_of(1024), Ok(960));
        assert_eq!(connections_of(65), Ok(1));
        assert_eq!(connections_of(u64::MAX), Ok(CONNECTIONS_MAX));
        assert_eq!(connections_of(1 << 20), Ok(CONNECTIONS_MAX));
        assert!(connections_of(64).unwrap_err().contains("ulimit -n"));
    }
}
