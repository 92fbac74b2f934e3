//! A server that may open few files: connections must not take those that the log needs.

use crate::banner::Folder;
use crate::server::{Server, tidewire};
use std::net::TcpStream;
use std::process::Command;

/// The program, under a shell that lets it open `files` and no more.
fn limited(files: u32, words: &[&str]) -> Command {
    let program = tidewire(words);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(program.get_program());
    command.args(program.get_args());
    for (name, _) in program.get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name);
    }
    command
}

#[test]
fn connections_beyond_the_open_files_wait_and_do_not_stop_the_log() {
    let folder = Folder::new("descriptors");
    let server = Server::start_as(limited(100, &["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()]));
    let idle: Vec<_> = (0..120).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    // The log makes its spare files meanwhile, and would stop for good if it could not.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    drop(idle);
    server.create_queue();
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    // 64 are the log's and the runtime's, four are kept for deliveries and two for receivers that wait for the next one.
    assert!(log.contains("lowers that on connections") && log.contains("connections=30"), "{log}");
    assert!(!log.contains("Too many open files"), "{log}");
}

#[test]
fn a_system_that_allows_too_few_open_files_is_told_so_at_the_start() {
    let output = limited(60, &["dev", "--listen", "127.0.0.1:0", "--ephemeral"]).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the system allows 60 open files"), "{said}");
}
