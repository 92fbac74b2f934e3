//! fsck, dump, backup and restore as an operator runs them: beside a serving server, without one, and on damaged folders.

use crate::banner::Folder;
use crate::server::{Server, output, tidewire};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

fn serve(folder: &Folder) -> Server {
    Server::start(&["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()])
}

pub(crate) fn ask(address: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.{target}");
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn send(address: &str, body: &str) {
    let request = format!(r#"{{"QueueUrl": "http://{address}/000000000000/q", "MessageBody": "{body}"}}"#);
    let answer = ask(address, "SendMessage", &request);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// Bodies of all messages of `q`, each received once.
pub(crate) fn bodies(address: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    loop {
        let request = format!(
            r#"{{"QueueUrl": "http://{address}/000000000000/q", "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}}"#
        );
        let answer = ask(address, "ReceiveMessage", &request);
        let before = all.len();
        all.extend(answer.split(r#""Body":""#).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        if all.len() == before {
            return all;
        }
    }
}

/// A backup holds no root key: whoever restores it brings the key.
pub(crate) fn bring_key(from: &Folder, to: &Folder) {
    fs::copy(Path::new(from.path()).join("root.key"), Path::new(to.path()).join("root.key")).unwrap();
}

fn flip(folder: &Folder, name: &str, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(Path::new(folder.path()).join(name)).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 4], offset).unwrap();
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_backup_under_load_restored_elsewhere_is_clean_and_holds_what_was_acknowledged_before_it() {
    let (data, kept, made) = (Folder::new("backup-data"), Folder::new("backup-kept"), Folder::new("backup-made"));
    let server = serve(&data);
    server.create_queue();
    let mode = fs::metadata(Path::new(data.path()).join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the socket is its owner's");
    let before: BTreeSet<String> = (0..50).map(|n| format!("before-{n}")).collect();
    for body in &before {
        send(&server.address, body);
    }
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = before.clone();
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                send(&server.address, &format!("during-{n}"));
                sent.insert(format!("during-{n}"));
            }
            sent
        });
        let backups = [(); 2].map(|()| output(&["backup", data.path(), "--to", kept.path()]));
        // Before anything is found wrong with them: the sender ends only when told.
        stop.store(true, Ordering::Relaxed);
        let sent = sender.join().unwrap();
        for (number, (code, said)) in (1..).zip(backups) {
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains(&format!("backup {number} in ")), "{said}");
        }
        sent
    });
    let (code, said) = output(&["restore", kept.path(), "--data-dir", made.path()]);
    assert_eq!(code, Some(0), "{said}");
    bring_key(&data, &made);
    let (code, said) = output(&["fsck", made.path()]);
    assert_eq!(code, Some(0), "{said}");
    let elsewhere = serve(&made);
    let found = bodies(&elsewhere.address);
    assert!(found.is_superset(&before), "what was acknowledged before the backup is in it");
    assert!(found.is_subset(&sent), "and nothing that was never sent");
    elsewhere.stop();

    // With nothing going on, the sets are equal, of a serving server and of a stopped one.
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    server.stop();
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    let again = Folder::new("backup-again");
    assert_eq!(output(&["restore", kept.path(), "--data-dir", again.path()]).0, Some(0));
    bring_key(&data, &again);
    let elsewhere = serve(&again);
    assert_eq!(bodies(&elsewhere.address), sent);
    elsewhere.stop();
    assert_eq!(output(&["fsck", again.path()]).0, Some(0));
}

#[test]
fn a_folder_is_restored_as_of_a_position_and_as_of_a_time() {
    let (data, kept) = (Folder::new("point-data"), Folder::new("point-kept"));
    let server = serve(&data);
    server.create_queue();
    for body in ["one", "two", "three"] {
        send(&server.address, body);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // No message says when this was.
    ask(&server.address, "CreateQueue", r#"{"QueueName": "later"}"#);
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    server.stop();
    let (_, said) = output(&["dump", data.path(), "--output", "ndjson"]);
    let records: Vec<_> = said.lines().map(json).filter(|line| line["what"] == "sent").collect();
    let time = |nth: usize| records[nth]["time"].as_str().unwrap().to_owned();
    let key = format!("file:{}/root.key", data.path());
    for (name, to, sent) in
        [("position", records[1]["position"].to_string(), 2), ("time", time(1), 2), ("late", time(2), 3)]
    {
        let expected: BTreeSet<String> = ["one", "two", "three"].into_iter().take(sent).map(str::to_owned).collect();
        let made = Folder::new(&format!("point-made-{name}"));
        let words = ["restore", kept.path(), "--data-dir", made.path(), "--to", &to];
        if name != "position" {
            let (code, said) = output(&words);
            assert!(code == Some(2) && said.contains("they are sealed") && said.contains("root key"), "{said}");
            let left = fs::read_dir(made.path()).unwrap().map(|entry| entry.unwrap().file_name());
            assert_eq!(left.filter(|name| name != "lock").count(), 0, "nothing was begun");
        }
        let (code, said) = output(&[&words[..], &["--root-key", &key]].concat());
        assert_eq!(code, Some(0), "{said}");
        bring_key(&data, &made);
        assert_eq!(output(&["fsck", made.path()]).0, Some(0));
        let elsewhere = serve(&made);
        assert_eq!(bodies(&elsewhere.address), expected, "{name}");
        let later = ask(&elsewhere.address, "GetQueueUrl", r#"{"QueueName": "later"}"#);
        assert!(later.starts_with("HTTP/1.1 400 ") && later.contains("NonExistentQueue"), "{name}: {later}");
        elsewhere.stop();
    }
    let made = Folder::new("point-made-never");
    for to in ["999", "1999-01-01T00:00:00Z"] {
        let words = ["restore", kept.path(), "--data-dir", made.path(), "--to", to, "--root-key", &key];
        let (code, said) = output(&words);
        assert_eq!(code, Some(2), "{said}");
    }
    let (code, said) = output(&["restore", kept.path(), "--data-dir", made.path(), "--to", "yesterday"]);
    assert!(code == Some(2) && said.contains("neither a position"), "{said}");
    let (code, said) = output(&["restore", kept.path(), "--data-dir", data.path()]);
    assert!(code == Some(2) && said.contains("must be empty"), "{said}");
    let (code, said) = output(&["restore", data.path(), "--data-dir", made.path()]);
    assert!(code == Some(2) && said.contains("no backup"), "{said}");
}

#[test]
fn fsck_says_who_holds_the_folder_and_what_is_no_folder() {
    let data = Folder::new("fsck-held");
    let server = serve(&data);
    let (code, said) = output(&["fsck", data.path()]);
    assert!(code == Some(2) && said.contains("is in use by process"), "{said}");
    server.stop();
    let (code, said) = output(&["fsck", "/nonexistent/tidewire"]);
    assert!(code == Some(2) && said.contains("cannot be opened"), "{said}");
    let empty = Folder::new("fsck-empty");
    fs::create_dir_all(empty.path()).unwrap();
    let (code, said) = output(&["fsck", empty.path()]);
    assert!(code != Some(0) && said.contains("there is no log"), "{said}");
}

#[test]
fn a_damaged_log_is_reported_cut_when_told_and_served_again() {
    let data = Folder::new("fsck-cut");
    let server = serve(&data);
    server.create_queue();
    for body in ["one", "two", "three"] {
        send(&server.address, body);
    }
    server.stop();
    let (_, said) = output(&["dump", data.path(), "--output", "ndjson"]);
    let third = said.lines().map(json).filter(|line| line["what"] == "sent").nth(2).unwrap();
    let (file, offset) = (third["file"].as_str().unwrap().to_owned(), third["offset"].as_u64().unwrap());
    flip(&data, &file, offset + 40);

    let (code, said) = output(&["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path()]);
    let repair = format!("`tidewire fsck {} --repair`", data.path());
    assert!(code == Some(1) && said.contains(&file) && said.contains("at byte") && said.contains(&repair), "{said}");

    let (code, said) = output(&["fsck", data.path(), "--output", "json"]);
    assert_eq!(code, Some(1), "{said}");
    let report = json(&said);
    let finding = &report["findings"][0];
    assert!(report["clean"] == false && finding["file"] == file, "{said}");
    assert!((offset - 4096..=offset + 40).contains(&finding["offset"].as_u64().unwrap()), "{said}");
    let (code, said) = output(&["fsck", data.path(), "--repair"]);
    assert!(code == Some(1) && said.contains("nothing was changed"), "{said}");
    let (code, said) = output(&["dump", data.path()]);
    assert!(code == Some(1) && said.contains("damage="), "{said}");

    let (code, said) = output(&["fsck", data.path(), "--repair", "--yes"]);
    assert!(code == Some(0) && said.contains("are lost") && said.contains("clean"), "{said}");
    let aside = fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside = aside.into_iter().find(|path| path.to_str().unwrap().contains("damaged-")).unwrap();
    assert!(aside.join(&file).exists(), "the file as it was is kept");
    let server = serve(&data);
    assert_eq!(bodies(&server.address), BTreeSet::from(["one".to_owned(), "two".to_owned()]));
    server.stop();
}

#[test]
fn what_cannot_be_repaired_is_refused_with_the_reason() {
    let data = Folder::new("fsck-refused");
    let server = serve(&data);
    server.create_queue();
    server.stop();
    flip(&data, "manifest", 20);
    let (code, said) = output(&["fsck", data.path(), "--repair", "--yes"]);
    assert!(
        code == Some(1) && said.contains("damage: manifest: offset 0") && said.contains("cannot be repaired"),
        "{said}"
    );
    assert!(said.contains("nothing was changed"), "{said}");
}

#[test]
fn a_dump_keeps_bodies_to_itself_until_asked_and_filters() {
    let data = Folder::new("dump");
    let server = serve(&data);
    server.create_queue();
    send(&server.address, "secret");
    let (code, said) = output(&["dump", data.path()]);
    assert!(code == Some(0) && said.contains("what=sent") && said.contains("queue=q"), "beside a server: {said}");
    assert!(!said.contains("secret"), "{said}");
    server.stop();
    let (_, said) = output(&["dump", data.path(), "--bodies", "--from", "3"]);
    assert!(said.contains("body=secret") && !said.contains("what=created"), "{said}");
    let (_, said) = output(&["dump", data.path(), "--partition", "1.99"]);
    assert!(!said.contains("what="), "{said}");
    let (code, said) = output(&["dump", "/nonexistent/log-0000000000000001.tw"]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn a_backup_is_refused_into_the_data_folder_and_of_a_missing_one() {
    let data = Folder::new("backup-inside");
    let server = serve(&data);
    let inside = format!("{}/kept", data.path());
    for to in [data.path(), &inside] {
        let (code, said) = output(&["backup", data.path(), "--to", to]);
        assert!(code == Some(2) && said.contains("cannot lie inside"), "{said}");
    }
    let (code, said) = output(&["backup", "/nonexistent/tidewire", "--to", &inside]);
    assert_eq!(code, Some(2), "{said}");
    server.stop();
    assert!(!Path::new(data.path()).join("control.sock").exists(), "the socket goes with its server");
}

/// The files in a folder whose names begin so.
pub(crate) fn named(folder: &Folder, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

#[test]
fn fsck_repairs_a_damaged_segment_by_what_is_sound_of_it() {
    let data = Folder::new("salvage");
    let (sent, segment) = with_a_segment(&data);
    flip(&data, &segment, 1_000_000);
    let (code, said) = output(&["fsck", data.path()]);
    assert!(code == Some(1) && said.contains(&segment) && said.contains("1 of "), "{said}");
    let (code, said) = output(&["fsck", data.path(), "--repair", "--yes"]);
    assert!(code == Some(0) && said.contains("set aside") && said.contains("clean"), "{said}");
    assert_eq!(named(&data, "damaged-segment"), [format!("damaged-{segment}"), format!("damaged-{segment}.txt")]);
    let (code, said) = output(&["fsck", data.path()]);
    assert!(code == Some(0) && said.contains("is lost") | said.contains("are lost"), "{said}");
    let server = serve(&data);
    let found = bodies(&server.address);
    assert_eq!((found.len(), found.is_subset(&sent)), (269, true));
    assert!(server.get("/metrics").contains("tidewire_store_damaged_files 1"));
    server.stop();
}

/// A folder whose first segment holds most of 270 large messages, which are returned with the segment's name.
pub(crate) fn with_a_segment(data: &Folder) -> (BTreeSet<String>, String) {
    let server = serve(data);
    server.create_queue();
    // More than two files of the log, so that the first becomes a segment.
    let filler = "x".repeat(800_000);
    let sent: BTreeSet<String> = (0..270).map(|n| format!("{n}-{filler}")).collect();
    for body in &sent {
        send(&server.address, body);
    }
    wait_for(data, "segment-", 1);
    server.stop();
    (sent, named(data, "segment-").remove(0))
}

/// Waits until there are at least so many files whose names begin so.
fn wait_for(data: &Folder, prefix: &str, count: usize) {
    let begun = std::time::Instant::now();
    while named(data, prefix).len() < count {
        assert!(begun.elapsed().as_secs() < 240, "no {prefix}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_server_starts_with_a_segment_whose_header_is_damaged_and_sets_it_aside() {
    let data = Folder::new("hurt-header");
    let (sent, segment) = with_a_segment(&data);
    flip(&data, &segment, 20);
    let (code, said) = output(&["fsck", data.path()]);
    let told = format!("damage: {segment}: offset 0: the header is damaged\n  lost: nothing");
    assert!(code == Some(1) && said.contains(&told) && said.contains("1 finding"), "{said}");
    let server = serve(&data);
    assert_eq!(bodies(&server.address), sent);
    wait_for(&data, &format!("damaged-{segment}"), 2);
    server.stop();
    let (code, said) = output(&["fsck", data.path()]);
    assert!(code == Some(0) && said.contains("set aside") && said.contains("clean"), "{said}");
}

/// What lies in a folder: each file's name, length and time; but for the lock, which whoever opens it writes to, and for what tries
/// out how the disk can be written to, which comes and goes.
pub(crate) fn files(folder: &Folder) -> BTreeSet<(OsString, u64, SystemTime)> {
    let files = fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .filter(|file| !["lock", "probe.tmp"].iter().any(|name| file.file_name() == *name));
    // One may be renamed between the look at the folder and the look at the file.
    let known = files.filter_map(|file| Some((file.file_name(), file.metadata().ok()?)));
    known.map(|(name, of)| (name, of.len(), of.modified().unwrap())).collect()
}

#[test]
fn a_server_killed_in_the_middle_of_a_backup_loses_nothing_and_the_backup_can_be_made_again() {
    let (data, kept, made) = (Folder::new("midway-data"), Folder::new("midway-kept"), Folder::new("midway-made"));
    let mut server = serve(&data);
    server.create_queue();
    let filler = "x".repeat(200_000);
    let mut sent: BTreeSet<String> = (0..400).map(|n| format!("{n}-{filler}")).collect();
    sent.iter().for_each(|body| send(&server.address, body));
    for round in 0..3 {
        let before = files(&kept);
        let mut backup = tidewire(&["backup", data.path(), "--to", kept.path()]).spawn().unwrap();
        // Each round's backup has begun before the kill: it has written something, or is done already.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(240);
        while files(&kept) == before && backup.try_wait().unwrap().is_none() {
            assert!(std::time::Instant::now() < deadline, "round {round}: the backup does not begin");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(round * 7));
        server.kill();
        assert_ne!(files(&kept), before, "round {round}: nothing was begun");
        // It may have been done before; an unfinished one says so, and leaves no index of its own.
        let code = backup.wait().unwrap().code();
        server = serve(&data);
        let more = format!("after-{round}");
        send(&server.address, &more);
        sent.insert(more);
        assert!(code.is_some(), "the tool ended by itself");
    }
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bodies(&server.address), sent);
    server.stop();
    assert_eq!(output(&["fsck", data.path()]).0, Some(0));
    let (code, said) = output(&["restore", kept.path(), "--data-dir", made.path()]);
    assert_eq!(code, Some(0), "{said}");
    bring_key(&data, &made);
    let elsewhere = serve(&made);
    assert_eq!(bodies(&elsewhere.address), sent);
    elsewhere.stop();
}
