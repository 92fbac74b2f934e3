//! A file that grows by lines and is set aside when it is full: `audit.jsonl`, then `audit.jsonl.1` and so on, the oldest
//! removed. A line is in one file, whole.
//!
//! A file that is renamed or removed by somebody else (logrotate) is begun anew at the next flush. A disk that takes nothing
//! is told of once, and again when it has recovered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read what people did: the owner, and a group that the owner lets into the folder.
const MODE: u32 = 0o640;

/// Bytes that wait for one write.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// A file and its predecessors.
pub(crate) struct RotatedFile {
    /// What it is to people.
    what: &'static str,
    path: PathBuf,
    bytes_max: u64,
    files_max: usize,
    file: File,
    inode: u64,
    /// In the file; what waits comes on top.
    bytes: u64,
    pending: Vec<u8>,
    lines_pending: u64,
    /// Why the file could not be set aside the last time. Lines are written all the same, so that alone says nothing of it.
    stuck: Option<io::Error>,
    /// Whether it was told that something fails.
    failing: bool,
}

impl RotatedFile {
    /// Goes on with the file at `path`, or begins it.
    pub(crate) fn open(what: &'static str, path: PathBuf, bytes_max: u64, files_max: usize) -> Result<Self, String> {
        let opened = open(&path).map_err(|error| format!("cannot write the {what} {}: {error}", path.display()))?;
        let (file, inode, bytes) = opened;
        let (pending, lines_pending, stuck, failing) = (Vec::new(), 0, None, false);
        Ok(Self { what, path, bytes_max, files_max, file, inode, bytes, pending, lines_pending, stuck, failing })
    }

    /// Adds a line, which waits for the next flush; says how many lines were lost meanwhile.
    pub(crate) fn append(&mut self, line: &[u8]) -> u64 {
        let mut lost = 0;
        let held = self.bytes + self.pending.len() as u64;
        if held > 0 && held + line.len() as u64 + 1 > self.bytes_max {
            let (unwritten, written) = self.write();
            lost += unwritten;
            self.stuck = self.set_aside().err();
            self.tell(&written);
        } else if self.pending.len() >= PENDING_BYTES_MAX {
            lost += self.flush();
        }
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
        self.lines_pending += 1;
        lost
    }

    /// Gives what waits to the system; says how many lines were lost.
    pub(crate) fn flush(&mut self) -> u64 {
        let (lost, written) = self.write();
        self.tell(&written);
        lost
    }

    fn write(&mut self) -> (u64, io::Result<()>) {
        let written = self.follow().and_then(|()| self.file.write_all(&self.pending));
        let lost = match &written {
            Ok(()) => {
                self.bytes += self.pending.len() as u64;
                0
            }
            Err(_) => {
                // Half a line must not become the beginning of the next one.
                let _ = self.file.set_len(self.bytes);
                self.lines_pending
            }
        };
        self.pending.clear();
        self.lines_pending = 0;
        (lost, written)
    }

    /// Moves every file one place on; the last falls off.
    fn set_aside(&mut self) -> io::Result<()> {
        let place = |nth: usize| numbered(&self.path, nth);
        for nth in (0..self.files_max.saturating_sub(1)).rev() {
            match fs::rename(place(nth), place(nth + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.files_max == 1 {
            fs::remove_file(&self.path)?;
        }
        self.begin()
    }

    /// Begins the file anew if it is no longer where it was.
    fn follow(&mut self) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(found) if found.ino() == self.inode => Ok(()),
            _ => self.begin(),
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        (self.file, self.inode, self.bytes) = open(&self.path)?;
        Ok(())
    }

    /// Says when something begins to fail, and when nothing does any longer.
    fn tell(&mut self, written: &io::Result<()>) {
        let file = self.path.display();
        let error = written.as_ref().err().or(self.stuck.as_ref());
        match error {
            None if self.failing => tracing::info!(%file, "the {} is written again", self.what),
            Some(error) if !self.failing => tracing::error!(%file, %error, "the {} cannot be written", self.what),
            _ => {}
        }
        self.failing = error.is_some();
    }
}

fn open(path: &Path) -> io::Result<(File, u64, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let found = file.metadata()?;
    Ok((file, found.ino(), found.len()))
}

/// The file that was set aside `nth` times ago.
fn numbered(path: &Path, nth: usize) -> PathBuf {
    match nth {
        0 => path.to_path_buf(),
        nth => {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{nth}"));
            name.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidewire-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_removed() {
        let folder = folder("rotated");
        let path = folder.join("audit.jsonl");
        let mut file = RotatedFile::open("audit log", path.clone(), 10, 3).unwrap();
        for line in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"] {
            assert_eq!(file.append(line.as_bytes()), 0);
        }
        file.flush();
        assert_eq!(lines(&path), ["gggg"]);
        assert_eq!(lines(&numbered(&path, 1)), ["eeee", "ffff"]);
        assert_eq!(lines(&numbered(&path, 2)), ["cccc", "dddd"]);
        assert!(!numbered(&path, 3).exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_line_longer_than_a_file_is_kept_whole_in_one_of_its_own() {
        let folder = folder("long");
        let path = folder.join("audit.jsonl");
        let mut file = RotatedFile::open("audit log", path.clone(), 4, 2).unwrap();
        assert_eq!(file.append(b"aaaaaaaaaa") + file.append(b"b"), 0);
        file.flush();
        assert_eq!((lines(&path), lines(&numbered(&path, 1))), (vec!["b".into()], vec!["aaaaaaaaaa".into()]));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_goes_on_after_a_start_and_begins_anew_where_somebody_moved_it() {
        let folder = folder("moved");
        let path = folder.join("audit.jsonl");
        for line in ["a", "b"] {
            let mut file = RotatedFile::open("audit log", path.clone(), 100, 2).unwrap();
            file.append(line.as_bytes());
            file.flush();
        }
        assert_eq!(lines(&path), ["a", "b"]);
        let mut file = RotatedFile::open("audit log", path.clone(), 100, 2).unwrap();
        fs::rename(&path, folder.join("moved")).unwrap();
        file.flush();
        file.append(b"c");
        file.flush();
        assert_eq!(lines(&path), ["c"]);
        fs::remove_dir_all(folder).unwrap();
    }

    /// What the log says meanwhile.
    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_that_cannot_be_set_aside_is_told_of_once_and_again_when_it_can() {
        let folder = folder("stuck");
        let path = folder.join("audit.jsonl");
        // A folder where the file should go, and something in it.
        fs::create_dir_all(numbered(&path, 1).join("in-the-way")).unwrap();
        let said = Said::default();
        let log = said.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || log.clone()).finish();
        // With one subscriber alone, a line that another thread comes by first would count as wanted by nobody.
        let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        tracing::subscriber::with_default(subscriber, || {
            let mut file = RotatedFile::open("audit log", path.clone(), 10, 2).unwrap();
            for line in ["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"] {
                // On a quiet server each event is flushed.
                assert_eq!(file.append(line.as_bytes()) + file.flush(), 0, "nothing is lost by it");
            }
            let text = || String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text().matches("cannot be written").count(), 1, "{}", text());
            assert!(!text().contains("written again"), "{}", text());
            fs::remove_dir_all(numbered(&path, 1)).unwrap();
            file.append(b"eeeeeeee");
            assert_eq!(text().matches("written again").count(), 1, "{}", text());
            file.flush();
        });
        assert_eq!(lines(&path), ["eeeeeeee"]);
        assert_eq!(lines(&numbered(&path, 1)), ["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn lines_that_the_disk_does_not_take_are_counted_and_leave_no_half_behind() {
        let mut file = RotatedFile::open("audit log", "/dev/full".into(), 1 << 20, 2).unwrap();
        assert_eq!(file.append(b"a") + file.append(b"b"), 0, "they wait");
        assert_eq!(file.flush(), 2);
        assert_eq!(file.flush(), 0);
        let line = vec![b'x'; PENDING_BYTES_MAX];
        assert_eq!(file.append(&line), 0);
        assert_eq!(file.append(&line), 1);
    }
}
