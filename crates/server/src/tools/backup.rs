//! `tidewire backup`: asks the server of a data folder for a backup, or makes one itself where no server runs.

use super::{failed, lock, not_begun};
use crate::progress::Progress;
use engine::Keyring;
use journal::ReadOnlyDisk;
use journal::RealDisk;
use journal::backup::{BackupError, Copied, Terms, copy_folder};
use names::Instant;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// The socket at which a server takes requests of its own operator, inside the data folder.
pub(crate) const CONTROL: &str = "control.sock";

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) folder: PathBuf,
    pub(crate) to: PathBuf,
}

/// Backs up.
pub(crate) fn run(backup: &Backup) -> ExitCode {
    let to = match std::path::absolute(&backup.to) {
        Ok(to) => to,
        Err(error) => return not_begun(format!("{}: {error}", backup.to.display())),
    };
    if !backup.folder.is_dir() {
        return not_begun(format!("{} is no folder", backup.folder.display()));
    }
    match UnixStream::connect(backup.folder.join(CONTROL)) {
        Ok(stream) => ask(stream, &to),
        Err(_) => by_ourselves(&backup.folder, &to),
    }
}

fn ask(mut stream: UnixStream, to: &Path) -> ExitCode {
    let Some(to) = to.to_str() else { return not_begun("the folder's name is no text") };
    let request = json!({ "backup": { "to": to } });
    if let Err(error) = writeln!(stream, "{request}") {
        return failed(format!("the server takes no request: {error}"));
    }
    let mut progress = Progress::new("copying");
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| error.to_string());
        let answer = line.and_then(|line| serde_json::from_str::<Value>(&line).map_err(|error| error.to_string()));
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return failed(format!("the server's answer cannot be read: {why}")),
        };
        if let Some(why) = answer["error"].as_str() {
            progress.clear();
            return if answer["refused"] == true { not_begun(why) } else { failed(why) };
        }
        if let Some(done) = answer["done"].as_str() {
            progress.clear();
            println!("{done}");
            return ExitCode::SUCCESS;
        }
        progress.show(answer["bytes"].as_u64().unwrap_or(0), answer["all"].as_u64().unwrap_or(0));
    }
    failed("the server ended before the backup was done; what was copied counts for nothing")
}

/// No server runs: the folder is locked and only read.
fn by_ourselves(folder: &Path, to: &Path) -> ExitCode {
    let disk = match ReadOnlyDisk::open(folder) {
        Ok(disk) => disk,
        Err(error) => return not_begun(format!("{} cannot be opened: {error}", folder.display())),
    };
    let _guard = match lock(folder, &disk) {
        Ok(guard) => guard,
        Err(why) => return not_begun(why),
    };
    let mut progress = Progress::new("copying");
    let copied =
        into(folder, to, &mut |done, all| progress.show(done, all), |target, terms| copy_folder(&disk, target, terms));
    progress.clear();
    match copied {
        Ok(copied) => {
            println!("{}", sentence(to, &copied));
            ExitCode::SUCCESS
        }
        Err(error @ BackupError::Refused(_)) => not_begun(error),
        Err(error) => failed(error),
    }
}

/// Opens the folder that backups go to, and has `copy` fill it. Immutable files are linked where that works.
pub(crate) fn into(
    folder: &Path,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
    copy: impl FnOnce(&RealDisk, Terms<'_>) -> Result<Copied, BackupError>,
) -> Result<Copied, BackupError> {
    let refuse = |why: String| BackupError::Refused(format!("{}: {why}", to.display()));
    let same =
        folder.canonicalize().ok().zip(to.canonicalize().ok()).is_some_and(|(folder, to)| to.starts_with(folder));
    if same || to.starts_with(folder) {
        return Err(refuse("a backup cannot lie inside the data folder".into()));
    }
    let target = RealDisk::open(to).map_err(|error| refuse(error.to_string()))?;
    let _guard = lock(to, &target).map_err(BackupError::Refused)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made_at = Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let mut link = |name: &str, stored: &str| std::fs::hard_link(folder.join(name), to.join(stored)).is_ok();
    copy(&target, Terms { made_at, link: &mut link, has_all_keys: &Keyring::has_all_of, progress })
}

/// What a backup came to, for a person.
pub(crate) fn sentence(to: &Path, copied: &Copied) -> String {
    let Copied { number, last, files, known, linked, bytes } = copied;
    format!(
        "backup {number} in {}: up to position {last}, {files} files ({known} known from before, {linked} linked), {bytes} \
         bytes written",
        to.display()
    )
}
