//! `bench replay`: how fast a log is read back.
//!
//! Two figures: the journal alone (read, verify, hand every record to a callback that only counts), and, where the
//! release binary exists, the whole server: messages sent over HTTP, the process killed, and started again until it is
//! ready, which also rebuilds the queues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Entry, Journal, Options, RealDisk, Urgency};

use crate::child::Server;
use crate::commit::{RECORD_BYTES, entry, fresh_partition};
use crate::load::{self, Plan, Work};
use crate::machine::{self, Machine};
use crate::request::{self, BATCH, Requests};
use crate::scratch::Scratch;
use crate::table::{Table, figure};
use crate::{subject, usage};

/// Records in one append while the log is written; like a batch, they stand in one block.
const APPEND_RECORDS: u64 = 100;

/// Connections that send the server's messages, and how long they may take.
const SENDERS: usize = 16;
const SEND_PATIENCE: Duration = Duration::from_secs(120);

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayOptions {
    /// Records of 1 KB in the log
    #[arg(long, default_value_t = 500_000)]
    records: u64,
}

/// Measures and prints.
pub(crate) fn run(options: &ReplayOptions) -> Result<(), String> {
    Machine::read().print();
    let mut table = Table::new(&["what", "records", "seconds", "records/s", "payload GB/s"], 1);
    table.row(journal_alone(options.records)?);
    let whole = subject::product_binary().and_then(|binary| whole_server(&binary, options.records));
    let note = whole.map(|cells| table.row(cells)).err();
    println!("\n{}", table.render());
    if let Some(reason) = note {
        println!("SKIPPED whole server: {reason}");
    }
    println!("load at the end {}", machine::load());
    Ok(())
}

fn cells(what: &str, records: u64, took: Duration) -> Vec<String> {
    let rate = records as f64 / took.as_secs_f64().max(1e-9);
    let gigabytes = rate * RECORD_BYTES as f64 / 1e9;
    vec![what.into(), records.to_string(), figure(took.as_secs_f64()), figure(rate), figure(gigabytes)]
}

fn journal_alone(records: u64) -> Result<Vec<String>, String> {
    let scratch = Scratch::new("replay").map_err(|error| error.to_string())?;
    write_log(&scratch, records)?;
    let (begun, mut found, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    let journal = open(&scratch, &mut |payload| {
        found += 1;
        bytes += payload.len() as u64;
    })?;
    let took = begun.elapsed();
    drop(journal);
    if (found, bytes) != (records, records * RECORD_BYTES as u64) {
        return Err(format!("{records} records were written and {found} with {bytes} bytes came back"));
    }
    Ok(cells("journal alone, open to last record", records, took))
}

fn open(scratch: &Scratch, seen: &mut dyn FnMut(&[u8])) -> Result<Journal, String> {
    let disk = RealDisk::open(scratch.path()).map_err(|error| error.to_string())?;
    let mut replay = |record: &journal::Record<'_>| {
        seen(record.payload);
        Ok(())
    };
    Journal::open(Arc::new(disk), Options::default(), &mut |_| Ok(()), &mut replay).map_err(|error| error.to_string())
}

/// Appends the records, at most one append ahead of the disk, so that what waits stays far below the journal's bound.
fn write_log(scratch: &Scratch, records: u64) -> Result<(), String> {
    let journal = open(scratch, &mut |_| {})?;
    let (partition, payload) = (fresh_partition(), request::text().into_bytes());
    let mut before = journal.durable();
    let mut sequence = 0;
    while sequence < records {
        let count = APPEND_RECORDS.min(records - sequence);
        let entries: Vec<Entry<'_>> = (1..=count).map(|at| entry(partition, sequence + at, &payload)).collect();
        let position = journal.append(&entries, Urgency::Now).map_err(|error| error.to_string())?;
        journal.when_durable(before).wait().map_err(|stopped| stopped.to_string())?;
        (before, sequence) = (position, sequence + count);
    }
    journal.close();
    Ok(())
}

fn whole_server(binary: &std::path::Path, records: u64) -> Result<Vec<String>, String> {
    let scratch = Scratch::new("replay-server").map_err(|error| error.to_string())?;
    let sent = {
        let server = subject::start_product(binary, scratch.path())?;
        let sent = send(&server, records)?;
        server.kill().map_err(|error| error.to_string())?;
        sent
    };
    let server = subject::start_product(binary, scratch.path())?;
    let resident = usage::resident_mib(server.pid()).unwrap_or(0.0);
    let what = format!("whole server after kill -9, start to Ready. ({resident:.0} MiB RSS then)");
    Ok(cells(&what, sent, server.started_in))
}

/// Sends at least `records` messages in batches; returns how many were acknowledged inside the window.
fn send(server: &Server, records: u64) -> Result<u64, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let address = server.address;
        let queue_url = subject::create_queue(address).await.map_err(|error| error.to_string())?;
        let request =
            Requests::to(address).build("SendMessageBatch", request::send_message_batch(&queue_url).as_bytes());
        let work = Work::Repeat { request, messages: BATCH, confirmed: Some("\"MessageId\"") };
        let plan = Plan {
            address,
            pid: server.pid(),
            connections: SENDERS,
            window: SEND_PATIENCE,
            messages_max: records,
            counts_syncs: false,
            work,
        };
        let counts = load::run(&plan).await;
        counts.failure.map_or(Ok(counts.messages), Err)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_was_written_comes_back_whole() {
        let row = journal_alone(250).unwrap();
        assert_eq!(row[1], "250");
    }
}
