//! `tidewire restore`: makes a data folder from a backup, as of its end, of a position or of a time.

use super::{failed, keyring, lock, moment, not_begun, services};
use crate::progress::Progress;
use crate::root_key::RootKeySource;
use engine::Keyring;
use journal::backup::{BackupError, Goal, restore};
use journal::{Io, ReadOnlyDisk, RealDisk, Record};
use names::Position;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Restore {
    pub(crate) from: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) goal: Goal,
    pub(crate) root_key: RootKeySource,
}

/// Reads what follows `--to`: a position, or a moment in UTC.
pub(crate) fn goal(text: &str) -> Result<Goal, String> {
    if let Ok(position) = text.parse() {
        return Ok(Goal::Position(Position::new(position)));
    }
    let moment = moment::parse(text).map(Goal::Time);
    moment.ok_or_else(|| "neither a position (42) nor a moment in UTC (2026-11-22T10:30:00Z)".into())
}

/// A backup holds no root key, so whoever restores has to have it.
fn say_what_opens_it(words: &Restore, target: &dyn Io) {
    match Keyring::look(target) {
        Ok(None) => {}
        Ok(Some(_)) => {
            if let Err(why) = words.root_key.look(&words.folder, target) {
                println!("it cannot be opened yet: {why}");
            }
        }
        Err(error) => println!("its keys cannot be read: {error}"),
    }
}

/// What opens the backups, where records have to be read: only they know when they were written.
fn keys(words: &Restore, from: &Arc<dyn Io>) -> Result<Option<Keyring>, String> {
    match words.goal {
        Goal::Everything | Goal::Position(_) => Ok(None),
        // The root key lies where it will be needed, since no backup contains it.
        Goal::Time(_) => keyring(&words.folder, from, &words.root_key)
            .map_err(|why| format!("what a moment ends at is found by reading records, and they are sealed: {why}")),
    }
}

/// Restores.
pub(crate) fn run(words: &Restore) -> ExitCode {
    let from: Arc<dyn Io> = match ReadOnlyDisk::open(&words.from) {
        Ok(disk) => Arc::new(disk),
        Err(error) => return not_begun(format!("{} cannot be opened: {error}", words.from.display())),
    };
    let target = match RealDisk::open(&words.folder) {
        Ok(disk) => disk,
        Err(error) => return not_begun(format!("{} cannot be opened: {error}", words.folder.display())),
    };
    let _guard = match lock(&words.folder, &target) {
        Ok(guard) => guard,
        Err(why) => return not_begun(why),
    };
    let keys = match keys(words, &from) {
        Ok(keys) => keys,
        Err(why) => return not_begun(why),
    };
    let mut progress = Progress::new("restoring");
    let mut time_of = |record: &Record<'_>| services::time_of(keys.as_ref(), record);
    let restored = restore(&from, &target, words.goal, &mut time_of, &mut |done, all| progress.show(done, all));
    progress.clear();
    match restored {
        Ok(restored) => {
            println!(
                "restored backup {} into {}: up to position {}, {} snapshots, {} segments, {} records of the log; it is log \
                 {:016x} now",
                restored.backup,
                words.folder.display(),
                restored.last,
                restored.snapshots,
                restored.segments,
                restored.records,
                restored.log_id
            );
            say_what_opens_it(words, &target);
            ExitCode::SUCCESS
        }
        Err(error @ BackupError::Refused(_)) => not_begun(error),
        Err(error) => failed(format!("{error}; what was begun in {} is no log, remove it", words.folder.display())),
    }
}
