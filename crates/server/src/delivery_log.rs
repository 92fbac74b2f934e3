//! The delivery status log: what became of notifications, for topics whose owners ask for it with the attributes of feedback.
//!
//! AWS writes it to CloudWatch Logs; here it is `sns/deliveries.jsonl` in the data folder, a line of JSON each, set aside when it is
//! full. Lines wait in a queue with bounds, and one thread writes them; what finds the queue full is left out and counted, since a log
//! never holds a delivery up. A server without a data folder writes none unless `sns.delivery_log` names a file.

use crate::audit::RotatedFile;
use crate::config::Config;
use prometheus_client::metrics::counter::Counter;
use sns::Lines;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Lines that wait to be written, of a kilobyte or two each.
const LINES_WAITING_MAX: usize = 4096;

/// Bytes after which a new file is begun, and files that are kept.
const FILE_BYTES_MAX: u64 = 64 << 20;
const FILES_MAX: usize = 4;

/// Where lines go, if they are written, and how many found no room.
pub(crate) fn start(config: &Config) -> Result<(Option<Lines>, Counter), String> {
    let left_out = Counter::default();
    let Some(path) = path(config) else { return Ok((None, left_out)) };
    let (queue, lines) = sync_channel(LINES_WAITING_MAX);
    let lost = left_out.clone();
    let writer = thread::Builder::new().name("delivery-log".into()).spawn(move || write_down(&lines, path, &lost));
    writer.map_err(|error| format!("the delivery log's thread did not start: {error}"))?;
    let counted = left_out.clone();
    Ok((Some(Arc::new(move |line| put(&queue, line, &counted))), left_out))
}

fn path(config: &Config) -> Option<PathBuf> {
    let in_folder = || (!config.ephemeral).then(|| config.data_dir.join("sns").join("deliveries.jsonl"));
    config.delivery_log.clone().or_else(in_folder)
}

fn put(queue: &SyncSender<String>, line: String, left_out: &Counter) {
    if queue.try_send(line).is_err() {
        left_out.inc();
    }
}

/// Opens the file for the first line: most servers have none. What waits is written before the file is flushed.
fn write_down(lines: &Receiver<String>, path: PathBuf, lost: &Counter) {
    let Ok(first) = lines.recv() else { return };
    let mut file = match RotatedFile::open("delivery log", path, FILE_BYTES_MAX, FILES_MAX) {
        Ok(file) => file,
        Err(error) => {
            tracing::error!(%error, "there is no delivery log until the next start");
            return;
        }
    };
    let mut next = Some(first);
    while let Some(line) = next {
        lost.inc_by(file.append(line.as_bytes()));
        next = lines.try_recv().ok().or_else(|| {
            lost.inc_by(file.flush());
            lines.recv().ok()
        });
    }
}
