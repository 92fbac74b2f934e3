//! `export` and `import`: a queue's messages as lines of JSON, in the shape that ReceiveMessage has them.
//!
//! An export consumes nothing: it holds what was in the queue when it was written, messages in flight and delayed ones
//! included. Binary attributes are base64, groups and deduplication ids stand among the system attributes. Importing into a
//! FIFO queue keeps order and ids, so what that queue has seen within five minutes is not added twice.

use super::look::Search;
use super::message;
use super::send::Batch;
use super::words::{Export, Filter, Import};
use super::{Session, Stop, confirm, number};
use crate::progress::Progress;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Messages asked for at once.
const STEP: usize = 100;

impl Session {
    pub(super) async fn export(&mut self, words: &Export) -> Result<(), Stop> {
        let Some(path) = &words.to else {
            self.write_all(&words.queue, &mut BufWriter::new(io::stdout())).await?;
            return Ok(());
        };
        if path.exists() {
            confirm(&format!("replace the file {}", path.display()), self.yes)?;
        }
        // Beside its place until it is whole: half an export must not look like one.
        let partial = beside(path);
        let failed = |error: io::Error| Stop::Failed(format!("{}: {error}", path.display()));
        let mut file = BufWriter::new(
            File::create(&partial)
                .map_err(|error| Stop::NotBegun(format!("{} cannot be written: {error}", partial.display())))?,
        );
        let exported = self.write_all(&words.queue, &mut file).await;
        let exported =
            exported.and_then(|exported| put_in_place(file, &partial, path).map(|()| exported).map_err(failed));
        let exported = exported.inspect_err(|_| drop(fs::remove_file(&partial)))?;
        self.print_object(&json!({ "exported": exported }))
    }

    async fn write_all(&mut self, queue: &str, out: &mut dyn Write) -> Result<u64, Stop> {
        let mut progress = Progress::of_messages("exporting");
        let all = self.load(queue).await?;
        let (mut search, mut exported) = (Search::from_start(queue, &Filter::default()), 0);
        loop {
            let found = self.look(&mut search, STEP).await?;
            for message in &found.messages {
                writeln!(out, "{message}")?;
                exported += 1;
            }
            progress.show(exported, all.max(exported));
            if found.is_end {
                break;
            }
        }
        progress.clear();
        out.flush()?;
        Ok(exported)
    }

    /// How many messages a queue holds.
    async fn load(&mut self, queue: &str) -> Result<u64, Stop> {
        const NAMES: [&str; 3] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let counts = self.attributes(queue, &NAMES).await?;
        Ok(NAMES.iter().filter_map(|name| number(&counts[*name]).as_u64()).sum())
    }

    pub(super) async fn import(&mut self, words: &Import) -> Result<(), Stop> {
        let (mut lines, all) = open(words.from.as_deref())?;
        let mut progress = Progress::new("importing");
        let (mut batch, mut done, mut nth) = (Batch::to_queue(&words.queue), 0, 0);
        let mut line = String::new();
        loop {
            line.clear();
            nth += 1;
            let read = lines.read_line(&mut line).map_err(|error| Stop::Failed(format!("line {nth}: {error}")))?;
            if read == 0 {
                break;
            }
            done += read as u64;
            if line.trim().is_empty() {
                continue;
            }
            let request = serde_json::from_str::<Value>(&line).map_err(|error| error.to_string());
            let request = request.and_then(|message| message::resend(&message));
            match request {
                Ok(request) => {
                    let bytes = message::size(&request);
                    batch.add(&mut self.client, nth, request, bytes).await?;
                }
                Err(why) => {
                    batch.flush(&mut self.client).await?;
                    progress.clear();
                    let sent = batch.sent;
                    return Err(Stop::Failed(format!(
                        "line {nth} is no exported message: {why}; {sent} messages were sent"
                    )));
                }
            }
            progress.show(done, all.max(done));
        }
        batch.flush(&mut self.client).await?;
        progress.clear();
        self.print_object(&json!({ "imported": batch.sent }))
    }
}

/// What is read, and how many bytes that is if it can be known.
pub(crate) fn open(path: Option<&Path>) -> Result<(Box<dyn BufRead>, u64), Stop> {
    let Some(path) = path else { return Ok((Box::new(BufReader::new(io::stdin())), u64::MAX)) };
    let failed = |error: io::Error| Stop::NotBegun(format!("{} cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    Ok((Box::new(BufReader::new(file)), bytes))
}

/// Gives a file its name when all of it is on the disk.
fn put_in_place(file: BufWriter<File>, partial: &Path, path: &Path) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(partial, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}
