//! SIGHUP, which asks to read certificates again, ends no server: not one whose certificate comes from elsewhere, and not one
//! that has none.

use crate::banner::Folder;
use crate::server::Server;
use std::process::Command;

/// Serves, is sent SIGHUP, serves on, and stops as it is told to.
#[track_caller]
fn check(words: &[&str]) {
    let server = Server::start(&[&["dev", "--listen", "127.0.0.1:0"], words].concat());
    let pid = server.id().to_string();
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        let answer = server.get("/healthz");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{words:?}: {answer}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{words:?}: {log}");
}

#[test]
fn a_hangup_ends_no_server_that_has_no_certificate() {
    check(&["--ephemeral"]);
    check(&["--ephemeral", "--tls-mode", "off"]);
}

#[test]
fn a_hangup_ends_no_server_whose_certificate_is_made_or_ordered() {
    let (made, ordered) = (Folder::new("hangup-made"), Folder::new("hangup-ordered"));
    check(&["--data-dir", made.path()]);
    // Nobody answers at that port, so there is never a certificate.
    let authority = ["--acme-domains", "q.example.test", "--acme-directory", "https://127.0.0.1:9/dir"];
    check(&[&["--data-dir", ordered.path()][..], &authority].concat());
}
