//! The law of powers: a crate touches of the machine only what its row in the storey table grants.
//!
//! The compiler's lints enforce it, through a `clippy.toml` in the crate's folder that bans every path of every power not
//! granted. Such a file replaces the one at the root instead of adding to it, and a missing one is silent: so the files
//! are derived here from the table and the root's settings, and `tidy` fails when one differs.

use crate::house::{Power, Room};
use crate::workspace;

const FILE: &str = "clippy.toml";

/// What gives a crate one power, and what to use instead.
struct Ban {
    power: Power,
    instead: &'static str,
    methods: &'static [&'static str],
    types: &'static [&'static str],
}

const BANS: [Ban; 6] = [
    Ban {
        power: Power::Clock,
        instead: "time arrives inside the command, or from the clock that `server` hands down",
        methods: &["std::time::SystemTime::now", "std::time::SystemTime::elapsed"],
        types: &[],
    },
    Ban {
        power: Power::Timers,
        instead: "say until when; waiting is done above, by who owns the clock",
        methods: &[
            "std::thread::sleep",
            "std::thread::park_timeout",
            "std::time::Instant::elapsed",
            "std::time::Instant::now",
            "std::sync::Condvar::wait_timeout",
            "std::sync::Condvar::wait_timeout_while",
            "tokio::time::Instant::elapsed",
            "tokio::time::Instant::now",
            "tokio::time::interval",
            "tokio::time::interval_at",
            "tokio::time::sleep",
            "tokio::time::sleep_until",
            "tokio::time::timeout",
            "tokio::time::timeout_at",
        ],
        types: &[],
    },
    Ban {
        power: Power::Chance,
        instead: "ids and chance arrive inside the command, or from a seeded `fastrand::Rng` handed down",
        methods: &[
            "fastrand::Rng::new",
            "fastrand::alphanumeric",
            "fastrand::bool",
            "fastrand::char",
            "fastrand::choice",
            "fastrand::f32",
            "fastrand::f64",
            "fastrand::fill",
            "fastrand::i32",
            "fastrand::i64",
            "fastrand::shuffle",
            "fastrand::u8",
            "fastrand::u16",
            "fastrand::u32",
            "fastrand::u64",
            "fastrand::u128",
            "fastrand::usize",
            "getrandom::fill",
            "getrandom::fill_uninit",
            "getrandom::u32",
            "getrandom::u64",
        ],
        types: &[],
    },
    Ban {
        power: Power::Threads,
        instead: "`server` starts threads and tasks; be a function or a future that it runs",
        methods: &[
            "std::thread::Builder::spawn",
            "std::thread::Builder::spawn_scoped",
            "std::thread::scope",
            "std::thread::spawn",
            "tokio::runtime::Handle::spawn",
            "tokio::runtime::Handle::spawn_blocking",
            "tokio::runtime::Runtime::spawn",
            "tokio::runtime::Runtime::spawn_blocking",
            "tokio::spawn",
            "tokio::task::spawn_blocking",
            "tokio::task::spawn_local",
        ],
        types: &["tokio::task::JoinSet"],
    },
    Ban {
        power: Power::Sockets,
        instead: "take a stream that `server` has accepted, as any `AsyncRead + AsyncWrite`",
        methods: &["tokio::net::lookup_host"],
        types: &[
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::os::unix::net::UnixDatagram",
            "std::os::unix::net::UnixListener",
            "std::os::unix::net::UnixStream",
            "tokio::net::TcpListener",
            "tokio::net::TcpSocket",
            "tokio::net::TcpStream",
            "tokio::net::UdpSocket",
            "tokio::net::UnixListener",
            "tokio::net::UnixStream",
        ],
    },
    Ban {
        power: Power::Files,
        instead: "only `journal` touches the disk; ask it",
        methods: &[
            "std::fs::canonicalize",
            "std::fs::copy",
            "std::fs::create_dir",
            "std::fs::create_dir_all",
            "std::fs::exists",
            "std::fs::hard_link",
            "std::fs::metadata",
            "std::fs::read",
            "std::fs::read_dir",
            "std::fs::read_link",
            "std::fs::read_to_string",
            "std::fs::remove_dir",
            "std::fs::remove_dir_all",
            "std::fs::remove_file",
            "std::fs::rename",
            "std::fs::set_permissions",
            "std::fs::symlink_metadata",
            "std::fs::write",
            "std::path::Path::exists",
            "std::path::Path::is_dir",
            "std::path::Path::is_file",
            "std::path::Path::metadata",
            "std::path::Path::read_dir",
            "std::path::Path::try_exists",
            "rustix::fs::open",
            "rustix::fs::openat",
        ],
        types: &["std::fs::DirBuilder", "std::fs::File", "std::fs::OpenOptions"],
    },
];

/// Each folder whose `clippy.toml` is missing or is not what the table says.
pub(super) fn check(rooms: &[&Room]) -> Result<Vec<String>, String> {
    let settings = root_settings()?;
    let mut findings = Vec::new();
    for room in rooms {
        let path = workspace::root().join(&room.folder).join(FILE);
        findings.extend(compare(room, &settings, std::fs::read_to_string(path).ok().as_deref()));
    }
    Ok(findings)
}

/// Writes each folder's `clippy.toml` as the table says.
pub(super) fn write(rooms: &[&Room]) -> Result<(), String> {
    let settings = root_settings()?;
    for room in rooms {
        let path = workspace::root().join(&room.folder).join(FILE);
        std::fs::write(&path, render(room, &settings)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn compare(room: &Room, settings: &str, found: Option<&str>) -> Option<String> {
    let why = match found {
        None => "is missing, so nothing is banned there",
        Some(text) if text != render(room, settings) => "is not what the storey table says",
        Some(_) => return None,
    };
    Some(format!("{}/{FILE}: {why}: `cargo xtask tidy --write`", room.folder))
}

fn root_settings() -> Result<String, String> {
    std::fs::read_to_string(workspace::root().join(FILE)).map_err(|error| format!("{FILE}: {error}"))
}

fn render(room: &Room, settings: &str) -> String {
    let banned = || BANS.iter().filter(|ban| !room.may.contains(&ban.power));
    let methods: String = banned().flat_map(|ban| ban.methods.iter().map(|path| entry(path, ban))).collect();
    let types: String = banned().flat_map(|ban| ban.types.iter().map(|path| entry(path, ban))).collect();
    let granted: Vec<String> = room.may.iter().map(ToString::to_string).collect();
    let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
    format!(
        "# Derived by `cargo xtask tidy --write` from the storey table in docs/ARCHITECTURE.md and the clippy.toml at the root.\n\
         # `{}` may touch of the machine: {granted}.\n\n{}\n\ndisallowed-methods = [\n{methods}]\n\ndisallowed-types = [\n{types}]\n",
        room.name,
        settings.trim_end(),
    )
}

/// `allow-invalid` because one list serves every crate, whether or not it depends on the library that a path is in.
fn entry(path: &str, ban: &Ban) -> String {
    format!("    {{ path = \"{path}\", allow-invalid = true, reason = \"{}: {}\" }},\n", ban.power, ban.instead)
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::house::Storey;

    const SETTINGS: &str = "allow-unwrap-in-tests = true\n";

    fn room(may: &[Power]) -> Room {
        Room { storey: Storey::Floor(1), name: "journal".into(), folder: "crates/journal".into(), may: may.to_vec() }
    }

    fn banned(room: &Room, list: &str) -> Vec<String> {
        let table: Table = render(room, SETTINGS).parse().unwrap();
        let entries = table[list].as_array().unwrap();
        entries.iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_granted_power_is_left_out_of_the_bans_and_the_root_settings_are_repeated() {
        let journal = room(&[Power::Files]);
        assert!(!banned(&journal, "disallowed-types").contains(&"std::fs::File".to_owned()));
        assert!(banned(&journal, "disallowed-methods").contains(&"std::thread::spawn".to_owned()));
        assert!(render(&journal, SETTINGS).contains("allow-unwrap-in-tests = true"));
    }

    #[test]
    fn without_any_power_everything_is_banned_and_with_all_nothing_is() {
        let total = |list: fn(&Ban) -> usize| BANS.iter().map(list).sum::<usize>();
        assert_eq!(banned(&room(&[]), "disallowed-methods").len(), total(|ban| ban.methods.len()));
        assert_eq!(banned(&room(&[]), "disallowed-types").len(), total(|ban| ban.types.len()));
        assert!(banned(&room(&Power::ALL), "disallowed-methods").is_empty());
    }

    #[test]
    fn a_missing_and_a_loosened_file_are_findings() {
        let room = room(&[]);
        let loosened = render(&room, SETTINGS).replace("std::thread::spawn", "std::thread::yield_now");
        assert!(compare(&room, SETTINGS, None).unwrap().contains("is missing"));
        assert!(compare(&room, SETTINGS, Some(&loosened)).unwrap().contains("not what the storey table says"));
        assert_eq!(compare(&room, SETTINGS, Some(&render(&room, SETTINGS))), None);
    }
}
