//! `tidewire fsck`: looks at every byte of a data folder, says what is wrong and what is lost, repairs only when told.
//!
//! The folder is locked and only read. A repair says beforehand what it loses and keeps the files as they were beside.

use super::moment;
use super::services::Replay;
use super::{Output, WRONG, keyring, lock, not_begun, refused};
use crate::clock::SystemClock;
use crate::progress::Progress;
use crate::recoveries::Recoveries;
use crate::root_key::RootKeySource;
use engine::{Clock, Keyring, Store, StoreOptions, open_record, open_snapshot};
use journal::inspect::{Cure, Cured, Finding, Inspector, Report, inspect};
use journal::{Io, LockGuard, OpenError, Options, Place, ReadOnlyDisk, RealDisk, Record, ReplayError, Snapshot};
use names::Instant;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Repairs after which the folder is still not clean are given up: each mends all it knows of.
const ROUNDS_MAX: usize = 4;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Fsck {
    pub(crate) folder: PathBuf,
    pub(crate) repair: bool,
    pub(crate) yes: bool,
    pub(crate) root_key: RootKeySource,
    pub(crate) output: Output,
}

struct Watch {
    replay: Replay,
    /// Why there are none, if the folder has some.
    keyring: Result<Option<Keyring>, String>,
    /// Records and snapshots that stayed closed.
    closed: u64,
    plain: Vec<u8>,
    progress: Progress,
}

impl Inspector for Watch {
    fn snapshot(&mut self, snapshot: &Snapshot<'_>) -> Result<(), ReplayError> {
        let Ok(keyring) = &self.keyring else {
            self.closed += u64::from(snapshot.sealed);
            return Ok(());
        };
        let opened = open_snapshot(keyring.as_ref(), snapshot).map_err(|sealed| sealed.to_string())?;
        self.replay.snapshot(&opened)
    }

    fn record(&mut self, record: &Record<'_>, _place: Place) -> Result<(), ReplayError> {
        // Without the keys nothing is replayed: what is plain may count on what is not.
        let Ok(keyring) = &self.keyring else {
            self.closed += u64::from(record.key_id != 0);
            return Ok(());
        };
        let opened = open_record(keyring.as_ref(), record, &mut self.plain).map_err(|sealed| sealed.to_string())?;
        self.replay.record(&opened)
    }

    fn progress(&mut self, done: u64, all: u64) {
        self.progress.show(done, all);
    }
}

/// Checks, and repairs if told so.
pub(crate) fn run(fsck: &Fsck) -> ExitCode {
    let io: Arc<dyn Io> = match ReadOnlyDisk::open(&fsck.folder) {
        Ok(disk) => Arc::new(disk),
        Err(error) => return not_begun(format!("{} cannot be opened: {error}", fsck.folder.display())),
    };
    for _ in 0..ROUNDS_MAX {
        let guard = match lock(&fsck.folder, &*io) {
            Ok(guard) => guard,
            Err(why) => return not_begun(why),
        };
        let (report, secs) = match check(fsck, &io) {
            Ok(checked) => checked,
            Err(error) => return refused(&error),
        };
        print(fsck, &report, secs);
        if report.findings.is_empty() {
            return ExitCode::SUCCESS;
        }
        if !fsck.repair {
            return ExitCode::from(WRONG);
        }
        match repair(fsck, &report, guard) {
            Ok(()) => {}
            Err(code) => return code,
        }
    }
    eprintln!("tidewire: the folder is still not clean; what is left is said above");
    ExitCode::from(WRONG)
}

fn check(fsck: &Fsck, io: &Arc<dyn Io>) -> Result<(Report, f64), OpenError> {
    let keyring = keyring(&fsck.folder, io, &fsck.root_key);
    let progress = Progress::new("checking");
    let mut watch = Watch { replay: Replay::new(), keyring, closed: 0, plain: Vec::new(), progress };
    let inspected = inspect(io, &mut watch);
    watch.progress.clear();
    let mut report = inspected?;
    if let Err(why) = &watch.keyring {
        let closed = watch.closed;
        report.notes.push(format!(
            "{closed} records and snapshots are sealed: their checksums were checked, what is in them was not: {why}"
        ));
    }
    Ok((report, watch.progress.secs()))
}

fn print(fsck: &Fsck, report: &Report, secs: f64) {
    match fsck.output {
        Output::Text => print_text(fsck, report, secs),
        Output::Json => println!("{}", as_json(report, secs)),
    }
}

fn print_text(fsck: &Fsck, report: &Report, secs: f64) {
    let checked = &report.checked;
    println!("{}: log {:016x}, last position {}", fsck.folder.display(), report.log_id, report.last);
    println!(
        "checked {} files, {} blocks, {} records, {} snapshots, {} stored records, {} pieces, {} bytes in {secs:.2} s",
        checked.files,
        checked.blocks,
        checked.records,
        checked.snapshots,
        checked.stored_records,
        checked.pieces,
        checked.bytes
    );
    for note in &report.notes {
        println!("note: {note}");
    }
    for Finding { damage, lost, cure } in &report.findings {
        println!("damage: {damage}\n  lost: {lost}\n  repair: {}", cure.describe());
    }
    match report.findings.len() {
        0 => println!("clean"),
        1 => println!("1 finding"),
        findings => println!("{findings} findings"),
    }
}

fn as_json(report: &Report, secs: f64) -> serde_json::Value {
    let finding = |finding: &Finding| {
        json!({
            "file": finding.damage.file,
            "offset": finding.damage.offset,
            "why": finding.damage.why,
            "lost": finding.lost,
            "repair": finding.cure.describe(),
        })
    };
    let checked = &report.checked;
    json!({
        "log": format!("{:016x}", report.log_id),
        "last_position": report.last.get(),
        "checked": {
            "files": checked.files,
            "blocks": checked.blocks,
            "records": checked.records,
            "snapshots": checked.snapshots,
            "stored_records": checked.stored_records,
            "pieces": checked.pieces,
            "bytes": checked.bytes,
            "seconds": secs,
        },
        "notes": report.notes,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "clean": report.findings.is_empty(),
    })
}

/// Does what can be done. An error is the code to end with; nothing was changed then, or the last lines say what was.
fn repair(fsck: &Fsck, report: &Report, guard: LockGuard) -> Result<(), ExitCode> {
    let cures = chosen(report);
    if cures.iter().any(|cure| matches!(cure, Cure::Refused(_))) {
        eprintln!("tidewire: nothing was changed: some of this cannot be repaired, see above");
        return Err(ExitCode::from(WRONG));
    }
    if !is_agreed(fsck) {
        eprintln!("tidewire: nothing was changed; say --yes to have it done");
        return Err(ExitCode::from(WRONG));
    }
    let mended = mend(fsck, &cures).and_then(|()| {
        // A store locks its folder itself.
        drop(guard);
        salvage(fsck, &cures)
    });
    mended.map_err(|why| {
        eprintln!("tidewire: the repair failed: {why}");
        ExitCode::from(WRONG)
    })
}

/// A cut takes away all damage behind it, so only the earliest is made.
fn chosen(report: &Report) -> Vec<Cure> {
    let cut = report.findings.iter().filter_map(|finding| match finding.cure {
        Cure::CutLog { position, .. } => Some((position, finding.cure.clone())),
        _ => None,
    });
    let cut = cut.min_by_key(|(position, _)| *position).map(|(_, cure)| cure);
    let others =
        report.findings.iter().map(|finding| &finding.cure).filter(|cure| !matches!(cure, Cure::CutLog { .. }));
    others.cloned().chain(cut).collect()
}

fn is_agreed(fsck: &Fsck) -> bool {
    if fsck.yes {
        return true;
    }
    if !std::io::stdin().is_terminal() {
        return false;
    }
    eprint!("Repair as said above? What is lost is lost. [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("y")
}

fn mend(fsck: &Fsck, cures: &[Cure]) -> Result<(), String> {
    let cures: Vec<_> = cures.iter().filter(|cure| !matches!(cure, Cure::Salvage { .. })).collect();
    if cures.is_empty() {
        return Ok(());
    }
    let disk = RealDisk::open(&fsck.folder).map_err(|error| error.to_string())?;
    let mut files = BTreeSet::new();
    for cure in &cures {
        files.extend(cure.files(&disk).map_err(|error| error.to_string())?);
    }
    let aside =
        put_aside(&fsck.folder, &files).map_err(|error| format!("the files could not be put aside: {error}"))?;
    eprintln!("tidewire: {} files as they were are in {}", files.len(), aside.display());
    for cure in cures {
        let cured = cure.apply(&disk).map_err(|error| error.to_string())?;
        assert_eq!(cured, Cured::Done, "only what the journal can do was chosen");
        eprintln!("tidewire: done: {}", cure.describe());
    }
    Ok(())
}

/// Opens the store as a server does, and writes anew what is sound of damaged segments.
fn salvage(fsck: &Fsck, cures: &[Cure]) -> Result<(), String> {
    let segment = |cure: &Cure| if let Cure::Salvage { segment, .. } = cure { Some(*segment) } else { None };
    let segments: BTreeSet<u64> = cures.iter().filter_map(segment).collect();
    if segments.is_empty() {
        return Ok(());
    }
    let disk = RealDisk::open(&fsck.folder).map_err(|error| error.to_string())?;
    let clock = Arc::new(SystemClock::start());
    let shown: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
    let mut recoveries = Recoveries::new();
    let disk: Arc<dyn Io> = Arc::new(disk);
    let keyring = keyring(&fsck.folder, &disk, &fsck.root_key)?.map(Arc::new);
    let options = Options { without_lost_segments: true, ..Options::default() };
    let options = StoreOptions { keyring, ..options.into() };
    let store = Store::open(disk, options, shown, &mut recoveries.parts());
    let store = store.map_err(|error| error.to_string())?;
    clock.raise(recoveries.latest());
    recoveries.finish(&store);
    let salvaged = store.salvage(&segments.iter().copied().collect::<Vec<_>>());
    store.journal().close();
    salvaged.map_err(|error| error.to_string())?;
    for segment in segments {
        eprintln!("tidewire: done: what is sound of segment {segment} was written anew, the file is set aside");
    }
    Ok(())
}

/// Copies files into a folder of their own, durably.
fn put_aside(folder: &Path, files: &BTreeSet<String>) -> std::io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let aside = folder.join(format!("damaged-{}", moment::show(now).replace(':', "")));
    std::fs::create_dir(&aside)?;
    for name in files.iter().filter(|name| folder.join(name).exists()) {
        let copy = aside.join(name);
        std::fs::copy(folder.join(name), &copy)?;
        std::fs::File::open(&copy)?.sync_all()?;
    }
    std::fs::File::open(&aside)?.sync_all()?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(aside)
}
