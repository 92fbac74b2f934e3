//! `tidewire dump`: shows the records of a data folder to people, or to programs as a line of JSON each.
//!
//! Nothing is locked and nothing is changed, so it also reads what a server is writing: its last block may be shown as
//! torn. Message bodies are shown only when asked for; they are somebody's.

use super::{Output, WRONG, keyring, moment, not_begun, services};
use crate::root_key::RootKeySource;
use engine::{Keyring, Sealed, open_record, open_snapshot};
use journal::inspect::{Item, contents, files};
use journal::{Io, Place, ReadOnlyDisk, Record, Snapshot};
use names::PartitionId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Dump {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) partition: Option<PartitionId>,
    pub(crate) from: Option<u64>,
    pub(crate) bodies: bool,
    pub(crate) root_key: RootKeySource,
    pub(crate) output: Output,
}

/// Reads a partition as it is shown: family and ordinal.
pub(crate) fn partition(text: &str) -> Result<PartitionId, String> {
    let parts = text.split_once('.').and_then(|(family, ordinal)| Some((family.parse().ok()?, ordinal.parse().ok()?)));
    let (family, ordinal): (u8, u64) = parts.ok_or("a partition is a family and an ordinal, like 1.42")?;
    if ordinal >> 56 != 0 {
        return Err("the ordinal is too large".into());
    }
    Ok(PartitionId::of_family(family, ordinal))
}

/// Shows everything that was asked for.
pub(crate) fn run(dump: &Dump) -> ExitCode {
    let out = BufWriter::new(io::stdout().lock());
    let mut printer = Printer { dump, out, queues: BTreeMap::new(), keyring: Ok(None), damaged: false, failed: None };
    for path in &dump.paths {
        if let Err(why) = printer.path(path) {
            let _ = printer.out.flush();
            return not_begun(format!("{}: {why}", path.display()));
        }
    }
    let flushed = printer.out.flush();
    match printer.failed.or(flushed.err()) {
        // Whoever reads has enough.
        Some(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Some(error) => not_begun(error),
        None if printer.damaged => ExitCode::from(WRONG),
        None => ExitCode::SUCCESS,
    }
}

struct Printer<'a, W: Write> {
    dump: &'a Dump,
    out: W,
    /// Names of queues, as far as snapshots and records have said them.
    queues: BTreeMap<PartitionId, String>,
    /// Of the folder that is shown, or why there are none.
    keyring: Result<Option<Keyring>, String>,
    damaged: bool,
    failed: Option<io::Error>,
}

impl<W: Write> Printer<'_, W> {
    fn path(&mut self, path: &Path) -> Result<(), String> {
        let (folder, names) = if path.is_dir() { (path, None) } else { parts(path)? };
        let disk = ReadOnlyDisk::open(folder).map_err(|error| error.to_string())?;
        let io: Arc<dyn Io> = Arc::new(disk);
        self.keyring = keyring(folder, &io, &self.dump.root_key);
        let names = match names {
            Some(name) => vec![name],
            None => files(&*io).map_err(|error| error.to_string())?,
        };
        for name in names {
            let shown = contents(&io, &name, &mut |item| self.item(&name, item));
            shown.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn item(&mut self, file: &str, item: Item<'_>) {
        match item {
            Item::Manifest(line) if self.dump.partition.is_none() && self.dump.from.is_none() => {
                self.print(&[("file", json!(file)), ("manifest", json!(line))]);
            }
            Item::Manifest(_) => {}
            Item::Record(record, place) => self.record(record, place, true),
            Item::Stored(record, place) => self.record(record, place, false),
            Item::Piece(partition, piece) if self.wants(partition) && self.dump.from.is_none() => self.print(&[
                ("file", json!(file)),
                ("offset", json!(piece.offset)),
                ("piece", json!(partition.to_string())),
                ("records", json!(piece.records)),
                ("first-key", json!(piece.first_key)),
                ("last-key", json!(piece.last_key)),
                ("bytes", json!(piece.bytes)),
            ]),
            Item::Piece(..) => {}
            Item::Snapshot(snapshot, offset) => self.snapshot(file, snapshot, offset),
            Item::Damage(damage) => {
                self.damaged = true;
                self.print(&[
                    ("file", json!(damage.file)),
                    ("offset", json!(damage.offset)),
                    ("damage", json!(damage.why)),
                ]);
            }
        }
    }

    fn keys(&self) -> Option<&Keyring> {
        self.keyring.as_ref().ok().and_then(Option::as_ref)
    }

    /// Why something stays closed; a missing root key says more than the missing key.
    fn why_closed(&self, sealed: Sealed) -> String {
        match (&self.keyring, sealed) {
            (Err(why), Sealed::NoKeys) => format!("it is sealed: {why}"),
            _ => sealed.to_string(),
        }
    }

    fn wants(&self, partition: PartitionId) -> bool {
        self.dump.partition.is_none_or(|wanted| wanted == partition)
    }

    fn snapshot(&mut self, file: &str, snapshot: &Snapshot<'_>, offset: u64) {
        let opened = open_snapshot(self.keys(), snapshot).map_err(|sealed| self.why_closed(sealed));
        if let Some(queue) = opened.as_ref().ok().and_then(|opened| services::queue_of(opened)) {
            self.queues.insert(snapshot.partition, queue);
        }
        if !self.wants(snapshot.partition) || self.dump.from.is_some() {
            return;
        }
        let mut fields = vec![
            ("file", json!(file)),
            ("offset", json!(offset)),
            ("snapshot", json!(snapshot.partition.to_string())),
            ("position", json!(snapshot.position.get())),
            ("sequence", json!(snapshot.sequence)),
            ("pieces", json!(snapshot.pieces.len())),
            ("state-bytes", json!(snapshot.state.len())),
        ];
        fields.extend(opened.err().map(|why| ("sealed", json!(why))));
        if snapshot.over {
            fields.push(("over", json!(true)));
        }
        if let Some(queue) = self.queues.get(&snapshot.partition) {
            fields.push(("queue", json!(queue)));
        }
        self.print(&fields);
    }

    fn record(&mut self, record: &Record<'_>, place: Place, in_log: bool) {
        let mut plain = Vec::new();
        let opened = open_record(self.keys(), record, &mut plain).map_err(|sealed| self.why_closed(sealed));
        let described = opened.and_then(|opened| services::describe(&opened));
        if let Some(queue) = described.as_ref().ok().and_then(|described| described.queue.as_ref()) {
            self.queues.insert(record.partition, queue.clone());
        }
        let early = self.dump.from.is_some_and(|from| !in_log || record.position.get() < from);
        if early || !self.wants(record.partition) {
            return;
        }
        let mut fields = vec![("file", json!(place.source.file())), ("offset", json!(place.offset))];
        if in_log {
            fields.push(("position", json!(record.position.get())));
        }
        fields.push(("partition", json!(record.partition.to_string())));
        fields.push(("sequence", json!(record.sequence)));
        if let Some(queue) = self.queues.get(&record.partition) {
            fields.push(("queue", json!(queue)));
        }
        match described {
            Ok(described) => {
                fields.push(("what", json!(described.what)));
                fields.extend(described.time.map(|time| ("time", json!(moment::show(time)))));
                fields.extend(described.message.map(|message| ("message", json!(message))));
                fields.extend(described.details.into_iter().map(|(name, value)| (name, json!(value))));
                let body = described.body.filter(|_| self.dump.bodies);
                fields.extend(body.map(|body| ("body", json!(String::from_utf8_lossy(&body)))));
            }
            Err(why) => {
                fields.push(("kind", json!(record.kind)));
                fields.push(("payload-bytes", json!(record.payload.len())));
                fields.push(("unreadable", json!(why)));
            }
        }
        self.print(&fields);
    }

    fn print(&mut self, fields: &[(&str, Value)]) {
        if self.failed.is_some() {
            return;
        }
        let line = match self.dump.output {
            Output::Text => text_of(fields),
            Output::Json => {
                let object: Map<_, _> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                Value::Object(object).to_string()
            }
        };
        self.failed = writeln!(self.out, "{line}").err();
    }
}

/// `file offset` first, then `name=value`; texts that would blur the line stand in quotes.
fn text_of(fields: &[(&str, Value)]) -> String {
    let mut line = String::new();
    for (name, value) in fields {
        let text = match value {
            Value::String(text)
                if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') =>
            {
                text.clone()
            }
            other => other.to_string(),
        };
        if !line.is_empty() {
            line.push(' ');
        }
        match *name {
            "file" => line.push_str(&text),
            _ => line.push_str(&format!("{name}={text}")),
        }
    }
    line
}

/// The folder of a file, and its name.
fn parts(path: &Path) -> Result<(&Path, Option<String>), String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("it is no file of a log")?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder, Some(name.to_owned())))
}
