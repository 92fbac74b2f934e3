//! A folder that was served to whoever came is told of at the first start that verifies.

use crate::banner::Folder;
use crate::server::Server;

/// What a server with these words says of it from start to stop.
fn said(folder: &Folder, words: &[&str]) -> usize {
    let words = [words, &["--listen", "127.0.0.1:0", "--data-dir", folder.path()]].concat();
    let (code, log) = Server::start(&words).stop();
    assert_eq!(code, Some(0), "{log}");
    log.matches("was served without verification before").count()
}

#[test]
fn a_folder_of_dev_is_warned_of_by_the_first_start_that_verifies_and_by_no_other() {
    let folder = Folder::new("unverified");
    let unverified: [&[&str]; 3] = [&["dev"], &["dev"], &["serve", "--auth", "off"]];
    for words in unverified {
        assert_eq!(said(&folder, words), 0, "{words:?}");
    }
    assert_eq!((said(&folder, &["serve"]), said(&folder, &["serve"])), (1, 0));
    assert_eq!((said(&folder, &["dev"]), said(&folder, &["dev", "--auth", "verify"])), (0, 1), "and again");
    let quiet = |level| said(&folder, &["serve", "--log-level", level]);
    assert_eq!(said(&folder, &["dev"]), 0);
    assert_eq!((quiet("off"), quiet("error"), quiet("info")), (0, 1, 0), "by the first whose log has it");
    let fresh = Folder::new("verified");
    assert_eq!((said(&fresh, &["serve"]), said(&fresh, &["serve"])), (0, 0), "which this one never was");
}
