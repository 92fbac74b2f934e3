//! Encryption at rest as an operator meets it: nothing of a customer's is readable in the folder or in a backup, the start
//! refuses a wrong root key and changes nothing, keys are rotated and wrapped anew, tools say what they could not look into.

use crate::banner::Folder;
use crate::server::{Server, output, tidewire};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Only what a customer wrote has this in it.
const MARKER: &str = "tidewireMarkerQ7zXk2";

fn words(folder: &Folder) -> [&str; 5] {
    ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()]
}

fn serve(folder: &Folder) -> Server {
    Server::start(&words(folder))
}

fn ask(server: &Server, target: &str, body: &Value) -> Value {
    let address = &server.address;
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Amz-Target: AmazonSQS.{target}");
    let body = body.to_string();
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn send(server: &Server, body: &str) {
    ask(server, "SendMessage", &json!({"QueueUrl": "q", "MessageBody": body}));
}

fn received(server: &Server) -> String {
    let ask = ask(server, "ReceiveMessage", &json!({"QueueUrl": "q", "VisibilityTimeout": 0}));
    ask["Messages"][0]["Body"].as_str().unwrap_or("nothing").to_owned()
}

/// The text as it may stand in a file: plain, in base64 wherever it begins, in UTF-16.
fn disguises(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let base64 = |before: usize| {
        let all = base64_simd::STANDARD.encode_to_string([&b"xxx"[..before], text.as_bytes()].concat());
        // The ends depend on what stands around it.
        all.as_bytes()[4 * before.div_ceil(3)..all.len() - 8].to_vec()
    };
    let wide: Vec<u16> = text.encode_utf16().collect();
    vec![
        ("plain", text.as_bytes().to_vec()),
        ("base64", base64(0)),
        ("base64, one later", base64(1)),
        ("base64, two later", base64(2)),
        ("UTF-16, little-endian", wide.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
        ("UTF-16, big-endian", wide.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
    ]
}

/// Where the marker stands in the files of a folder.
fn found_in(folder: &Path) -> Vec<String> {
    let needles = disguises(MARKER);
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            found.extend(found_in(&file));
            continue;
        }
        // A socket cannot be read.
        let Ok(bytes) = fs::read(&file) else { continue };
        let hits = needles.iter().filter(|(_, needle)| memchr::memmem::find(&bytes, needle).is_some());
        found.extend(hits.map(|(how, _)| format!("{} in {}", how, file.display())));
    }
    found
}

fn has(folder: &Folder, prefix: &str) -> bool {
    fs::read_dir(folder.path()).unwrap().any(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.starts_with(prefix) && name.ends_with(".tw")
    })
}

fn fill_with_marked(server: &Server) {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": MARKER, "Effect": "Allow", "Principal": "*",
        "Action": "sqs:SendMessage", "Resource": "*"}]});
    let create = json!({"QueueName": MARKER, "Attributes": {"Policy": policy.to_string()}, "tags": {MARKER: MARKER}});
    ask(server, "CreateQueue", &create);
    let attributes = json!({MARKER: {"DataType": "String", "StringValue": MARKER},
        "binary": {"DataType": "Binary", "BinaryValue": base64_simd::STANDARD.encode_to_string(MARKER)}});
    for body in [MARKER.to_owned(), base64_simd::STANDARD.encode_to_string(MARKER)] {
        let message =
            json!({"QueueUrl": MARKER, "MessageBody": body, "MessageAttributes": attributes, "MessageGroupId": MARKER});
        ask(server, "SendMessage", &message);
    }
    let fifo = format!("{MARKER}.fifo");
    ask(server, "CreateQueue", &json!({"QueueName": fifo, "Attributes": {"FifoQueue": "true"}}));
    for number in 0..3 {
        let id = format!("{MARKER}{number}");
        let message = json!({"QueueUrl": fifo, "MessageBody": id, "MessageGroupId": id, "MessageDeduplicationId": id});
        ask(server, "SendMessage", &message);
    }
    ask(server, "ReceiveMessage", &json!({"QueueUrl": fifo, "ReceiveRequestAttemptId": MARKER}));
}

#[test]
fn nothing_of_a_customer_is_readable_in_log_segments_checkpoints_and_backups() {
    let (data, kept, planted) = (Folder::new("grep-data"), Folder::new("grep-kept"), Folder::new("grep-planted"));
    for (number, (_, bytes)) in disguises(MARKER).into_iter().enumerate() {
        let path = Path::new(planted.path()).join(format!("{number}"));
        fs::write(&path, [&[9; 5000][..], &bytes].concat()).unwrap();
    }
    assert!(found_in(Path::new(planted.path())).len() >= 6, "the search finds every disguise");

    let server = serve(&data);
    fill_with_marked(&server);
    // Two log files and more, so that the first is retired: what is held of it goes into segments.
    let large = format!("{MARKER}{}", "x".repeat(1 << 20)).split_off(MARKER.len());
    let large = format!("{MARKER}{}", &large[..(1 << 20) - MARKER.len()]);
    let mut sent = 0;
    let begun = Instant::now();
    while !(has(&data, "segment-") && has(&data, "checkpoint-")) {
        assert!(begun.elapsed() < Duration::from_secs(240), "a log file is retired in time");
        match sent {
            0..140 => ask(&server, "SendMessage", &json!({"QueueUrl": MARKER, "MessageBody": large})),
            _ => Value::Null,
        };
        sent += 1;
        if sent > 140 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(has(&kept, "segment-") && has(&kept, "checkpoint-") && has(&kept, "log-"));
    server.stop();
    assert_eq!(found_in(Path::new(data.path())), Vec::<String>::new());
    assert_eq!(found_in(Path::new(kept.path())), Vec::<String>::new());
    let key = fs::read(Path::new(data.path()).join("root.key")).unwrap();
    for file in fs::read_dir(kept.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(memchr::memmem::find(&bytes, key.trim_ascii()).is_none(), "{} holds the root key", file.display());
    }
    assert_eq!(output(&["fsck", data.path()]).0, Some(0));
}

/// Every file with its bytes, but for what a start that is refused may leave behind.
fn all_of(folder: &Folder) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let counts = files.filter(|path| path.is_file() && !path.ends_with("lock"));
    counts.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn refused_start(words: &[&str], variables: &[(&str, &str)]) -> String {
    let out = tidewire(words).envs(variables.iter().copied()).output().unwrap();
    assert!(!out.status.success());
    String::from_utf8([out.stdout, out.stderr].concat()).unwrap()
}

#[test]
fn a_wrong_or_missing_root_key_stops_the_start_and_changes_nothing() {
    let data = Folder::new("wrong-key");
    let key = Path::new(data.path()).join("root.key");
    let server = serve(&data);
    server.create_queue();
    send(&server, "kept");
    server.stop();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let aside = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let before = all_of(&data);
    let said = refused_start(&words(&data), &[]);
    assert!(said.contains("is sealed, and its root key ") && said.contains("root.key is missing"), "{said}");
    assert_eq!(all_of(&data), before, "and made no new one");

    let other = base64_simd::STANDARD.encode_to_string([5; 32]);
    let named = [&words(&data)[..], &["--root-key", "env:OTHER_KEY"]].concat();
    let said = refused_start(&named, &[("OTHER_KEY", &other)]);
    assert!(said.contains("is not the root key of this folder") && !said.contains(&other), "{said}");
    let said = refused_start(&named, &[("OTHER_KEY", "hunter2")]);
    assert!(said.contains("no base64") && !said.contains("hunter2"), "{said}");
    assert!(refused_start(&named, &[]).contains("OTHER_KEY, which is not set"));
    assert_eq!(all_of(&data), before);

    let (code, said) = output(&["fsck", data.path()]);
    assert!(
        code == Some(0) && said.contains(" are sealed: their checksums were checked, what is in them was not"),
        "{said}"
    );
    let (code, said) = output(&["dump", data.path(), "--bodies"]);
    assert!(code == Some(0) && said.contains("it is sealed") && !said.contains("kept"), "{said}");
    fs::write(&key, aside).unwrap();
    let (code, said) = output(&["dump", data.path(), "--bodies"]);
    assert!(code == Some(0) && said.contains("body=kept"), "{said}");
    let server = serve(&data);
    assert_eq!(received(&server), "kept");
    server.stop();
}

#[test]
fn a_root_key_is_in_the_environment_or_in_a_file_elsewhere_and_never_in_the_folder() {
    let key = base64_simd::STANDARD.encode_to_string([5; 32]);
    let elsewhere = Folder::new("root-key-elsewhere");
    fs::create_dir_all(elsewhere.path()).unwrap();
    let file = Path::new(elsewhere.path()).join("key");
    let of_file = format!("file:{}", file.display());
    for (name, source) in [("root-key-env", "env:ROOT_OF_TEST"), ("root-key-file", &of_file)] {
        let data = Folder::new(name);
        let named = [&words(&data)[..], &["--root-key", source]].concat();
        let start = || {
            let mut command = tidewire(&named);
            command.env("ROOT_OF_TEST", &key);
            Server::start_as(command)
        };
        let server = start();
        server.create_queue();
        send(&server, "kept");
        server.stop();
        assert!(!Path::new(data.path()).join("root.key").exists(), "{source}");
        let said = refused_start(&words(&data), &[]);
        assert!(said.contains("is sealed, and its root key "), "{source}: {said}");
        let server = start();
        assert_eq!(received(&server), "kept", "{source}");
        server.stop();
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it was made for its owner alone");
}

#[test]
fn keys_are_rotated_and_wrapped_anew_and_what_was_sent_before_stays_readable() {
    let (data, kept, made) = (Folder::new("rotate"), Folder::new("rotate-kept"), Folder::new("rotate-made"));
    let server = serve(&data);
    server.create_queue();
    send(&server, "first");
    let (code, said) = output(&["keys", "rotate", data.path()]);
    assert!(code == Some(0) && said.contains("seals from now on"), "{said}");
    server.stop();
    let (code, said) = output(&["keys", "rotate", data.path()]);
    assert_eq!(code, Some(0), "without a server: {said}");
    let shown = output(&["keys", "show", data.path()]).1;
    assert_eq!(shown.lines().filter(|line| line.starts_with("data key ")).count(), 3, "{shown}");

    // To a passphrase: only the file `keys` differs.
    let before = all_of(&data);
    let rewrap = ["keys", "rewrap", data.path(), "--to", "passphrase-env:WORDS"];
    let out = tidewire(&rewrap).env("WORDS", "correct horse").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let after = all_of(&data);
    let changed = before.iter().filter(|(path, bytes)| after[*path] != **bytes).map(|(path, _)| path.clone());
    assert_eq!(changed.collect::<Vec<_>>(), [Path::new(data.path()).join("keys")]);
    let said = refused_start(&words(&data), &[]);
    assert!(said.contains("is not the root key of this folder"), "{said}");
    let named = [&words(&data)[..], &["--root-key", "passphrase-env:WORDS"]].concat();
    assert!(refused_start(&named, &[("WORDS", "correct hose")]).contains("is not the root key of this folder"));
    let mut command = tidewire(&named);
    command.env("WORDS", "correct horse");
    let server = Server::start_as(command);
    assert_eq!(received(&server), "first");
    let (code, said) = output(&["backup", data.path(), "--to", kept.path()]);
    assert_eq!(code, Some(0), "{said}");
    server.stop();
    let (code, said) = output(&["restore", kept.path(), "--data-dir", made.path()]);
    assert!(code == Some(0) && said.contains("it cannot be opened yet"), "{said}");
}

#[test]
fn a_root_users_key_that_cannot_be_shown_is_none() {
    let folder = Folder::new("shown");
    let words = ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder.path()];
    let in_the_way = Path::new(folder.path()).join("root-key.json");
    fs::create_dir_all(in_the_way.join("something")).unwrap();
    let (code, said) = output(&words);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("root-key.json"), "{said}");
    fs::remove_dir_all(&in_the_way).unwrap();
    let server = Server::start(&words);
    assert!(server.banner.contains("root key     AKIA"), "{}", server.banner);
    let kept: Value = serde_json::from_slice(&fs::read(&in_the_way).unwrap()).unwrap();
    assert!(server.banner.contains(kept["access_key_id"].as_str().unwrap()), "{}", server.banner);
    assert_eq!(fs::metadata(&in_the_way).unwrap().permissions().mode() & 0o777, 0o600);
}
