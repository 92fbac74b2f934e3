//! What stands on standard output when a server is ready, line by line, in each way it is started.
//!
//! Programs read the line with the address and the last one; people read the rest, and it must not claim what is not so.

use crate::server::Server;
use expect_test::{Expect, expect};
use std::path::PathBuf;

/// A data folder that is gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidewire-banner-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Compares the banner of a server started with `words`, once what differs from run to run is replaced by its name.
fn check(words: &[&str], folder: Option<&Folder>, expected: &Expect) {
    let server = Server::start(words);
    let mut shown = server.banner.replace(&server.address, "ADDRESS").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    if let Some(folder) = folder {
        shown = shown.replace(folder.path(), "FOLDER");
    }
    expected.assert_eq(&shown.lines().map(masked).collect::<String>());
    // One that verifies takes nothing from who signs nothing.
    if words[0] == "dev" {
        server.create_queue();
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}

/// A line without the figures of this run. What stands in their place must be figures.
fn masked(line: &str) -> String {
    if let Some(key) = line.strip_prefix("  root key     ") {
        let (id, secret) = key.split_once(" / ").expect("an id and a secret");
        assert!(id.starts_with("AKIA") && id.len() == 20 && secret.len() == 40, "{line}");
        return "  root key     ID / SECRET\n".to_owned();
    }
    let shown = match line.split_once("started in   ") {
        Some((before, time)) => {
            let millis = time.strip_suffix(" ms").expect("a time in milliseconds");
            assert!(millis.parse::<f64>().is_ok_and(|millis| millis > 0.0), "{line}");
            format!("{before}started in   TIME ms")
        }
        None => match line.split_once(" records, ") {
            // How many bytes a record takes is the log's affair, and not what this is about.
            Some((before, bytes)) if bytes != "0 bytes" => {
                let bytes = bytes.strip_suffix(" bytes").expect("a number of bytes");
                assert!(bytes.parse::<u64>().is_ok(), "{line}");
                format!("{before} records, BYTES bytes")
            }
            _ => line.to_string(),
        },
    };
    shown + "\n"
}

#[test]
fn dev_says_where_it_is_what_it_keeps_where_how_safely_and_for_whom() {
    let folder = Folder::new("dev");
    let words = ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()];
    check(
        &words,
        Some(&folder),
        &expect![[r#"
        tidewire VERSION · dev
        tidewire: listening on http://ADDRESS
          TLS          on the same port, a development certificate; clients trust FOLDER/tls/development-ca.pem
          data         FOLDER
          durability   an answer leaves after its record is synced to disk (group commit, fdatasync)
          replayed     0 records, 0 bytes
          access       any credentials are taken, nothing is forbidden (auth = parse-only)
          account      000000000000 in us-east-1, or the 12-digit access key
          point here   eval "$(tidewire env --listen ADDRESS)"
          started in   TIME ms
        Ready.
    "#]],
    );
    // The second start replays what the first one wrote.
    check(
        &words,
        Some(&folder),
        &expect![[r#"
            tidewire VERSION · dev
            tidewire: listening on http://ADDRESS
              TLS          on the same port, a development certificate; clients trust FOLDER/tls/development-ca.pem
              data         FOLDER
              durability   an answer leaves after its record is synced to disk (group commit, fdatasync)
              replayed     2 records, BYTES bytes
              access       any credentials are taken, nothing is forbidden (auth = parse-only)
              account      000000000000 in us-east-1, or the 12-digit access key
              point here   eval "$(tidewire env --listen ADDRESS)"
              started in   TIME ms
            Ready.
        "#]],
    );
}

#[test]
fn serve_says_the_same_and_what_queue_urls_begin_with() {
    let folder = Folder::new("serve");
    let words = ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.path()];
    let set = ["--account", "123456789012", "--region", "eu-west-1", "--public-url", "https://q.example.org/"];
    check(
        &[words.as_slice(), &set].concat(),
        Some(&folder),
        &expect![[r#"
        tidewire VERSION · serve
        tidewire: listening on http://ADDRESS
          TLS          on the same port, a development certificate; clients trust FOLDER/tls/development-ca.pem
          queue URLs   https://q.example.org/<account>/<queue>
          data         FOLDER
          durability   an answer leaves after its record is synced to disk (group commit, fdatasync)
          replayed     0 records, 0 bytes
          access       every request must be signed, and allowed by a policy
          account      123456789012 in eu-west-1
          root key     ID / SECRET
                       made now and shown this once; it is also in root-key.json in the data folder
          point here   eval "$(tidewire env --listen ADDRESS)"
          started in   TIME ms
        Ready.
    "#]],
    );
}

#[test]
fn an_ephemeral_server_promises_nothing() {
    check(
        &["dev", "--listen", "127.0.0.1:0", "--ephemeral"],
        None,
        &expect![[r#"
        tidewire VERSION · dev
        tidewire: listening on http://ADDRESS
          data         in memory only: everything is lost at the end
          access       any credentials are taken, nothing is forbidden (auth = parse-only)
          account      000000000000 in us-east-1, or the 12-digit access key
          point here   eval "$(tidewire env --listen ADDRESS)"
          started in   TIME ms
        Ready.
    "#]],
    );
}
