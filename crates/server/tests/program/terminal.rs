//! What a person at a terminal is shown and asked: bars of long work, and the question before what destroys.
//!
//! `script` gives a command a terminal of its own, passes on what is typed, and copies what is shown.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::Server;
use crate::tools::{bring_key, send};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs the program at a terminal, where a person types; its exit code and what was shown.
fn at_a_terminal(words: &str, typed: &str) -> (Option<i32>, String) {
    let command = format!("{} {words}", env!("CARGO_BIN_EXE_tidewire"));
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIDEWIRE_")) {
        script.env_remove(name);
    }
    let mut child = script.spawn().unwrap();
    // A command that asks nothing may be gone before it is typed to.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let said = child.wait_with_output().unwrap();
    (said.status.code(), String::from_utf8_lossy(&said.stdout).into_owned())
}

fn shown(words: &str) -> String {
    let (code, shown) = at_a_terminal(words, "");
    assert_eq!(code, Some(0), "{words}: {shown}");
    shown
}

#[test]
fn a_person_is_asked_before_messages_are_destroyed_and_only_a_yes_is_one() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.with_input(&["queue", "send", "q", "--lines"], "a\nb\nc\n");
    let purge = format!("queue purge q --endpoint http://{}", cli.0.address);
    for typed in ["no\n", "\n", "yes please\n", ""] {
        let (code, shown) = at_a_terminal(&purge, typed);
        assert_eq!(code, Some(2), "{typed:?}: {shown}");
        assert!(shown.contains("3 messages") && shown.contains("Go on? Type yes: "), "{typed:?}: {shown}");
        assert!(shown.contains("nothing was done"), "{typed:?}: {shown}");
        assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 3, "{typed:?}");
    }
    let (code, shown) = at_a_terminal(&purge, "yes\n");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 0);
}

#[test]
fn a_terminal_is_shown_how_far_exports_imports_and_replays_are() {
    let (cli, folder) = (Cli::start(), Folder::new("bars"));
    cli.done(&["queue", "create", "from", "-a", "TidewireKeepDeletedSeconds=3600"]);
    for queue in ["to", "again"] {
        cli.done(&["queue", "create", queue]);
    }
    let lines: String = (0..250).map(|number| format!("{number}\n")).collect();
    assert_eq!(cli.with_input(&["queue", "send", "from", "--lines"], &lines).code, Some(0));
    let (endpoint, file) = (format!("--endpoint http://{}", cli.0.address), format!("{}/all.ndjson", folder.path()));
    let exported = shown(&format!("queue export from --to {file} {endpoint}"));
    assert!(exported.contains("exporting [") && exported.contains("of 250 messages"), "{exported}");
    let imported = shown(&format!("queue import to --from {file} {endpoint}"));
    assert!(imported.contains("importing [") && imported.contains("100 %"), "{imported}");
    assert_eq!(cli.json(&["queue", "ls", "to"])[0]["visible"], 250);

    // However soon it is over, the last look says how much it was; then the line is taken away for what is printed.
    let replayed = shown(&format!("queue replay from --into again {endpoint}"));
    let (drawn, printed) = replayed.rsplit_once("\r\x1b[K").expect("the line is taken away");
    assert!(drawn.ends_with("\rreplaying: 250 messages") && printed.contains("Completed"), "{replayed}");
}

#[test]
fn a_terminal_is_shown_how_far_backups_restores_and_checks_are() {
    let (data, kept, made) = (Folder::new("bars-data"), Folder::new("bars-kept"), Folder::new("bars-made"));
    let server = Server::start(&["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path()]);
    server.create_queue();
    let filler = "x".repeat(900_000);
    for number in 0..10 {
        send(&server.address, &format!("{number}-{filler}"));
    }
    let backup = format!("backup {} --to {}", data.path(), kept.path());
    let served = shown(&backup);
    assert!(served.contains("copying [") && served.contains("backup 1 in "), "{served}");
    server.stop();
    let alone = shown(&backup);
    assert!(alone.contains("copying [") && alone.contains("backup 2 in "), "{alone}");
    let restored = shown(&format!("restore {} --data-dir {}", kept.path(), made.path()));
    assert!(restored.contains("restoring ["), "{restored}");
    bring_key(&data, &made);
    let checked = shown(&format!("fsck {}", made.path()));
    assert!(checked.contains("checking [") && checked.contains("clean"), "{checked}");
}
