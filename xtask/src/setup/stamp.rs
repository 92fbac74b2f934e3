//! A stamp says what an installed folder was made from, so that the next run can see that nothing is to do.
//!
//! It holds the whole text of the requirements instead of a digest of it: they are short, and equal text is equal text.
//! It is removed before an installation begins and written when it has succeeded, so one cut short is never trusted.

use std::path::PathBuf;

/// One installation: the file that remembers it, and the text it has to be made from.
pub(super) struct Stamp {
    path: PathBuf,
    wanted: String,
}

impl Stamp {
    pub(super) fn new(path: PathBuf, wanted: String) -> Self {
        Self { path, wanted }
    }

    /// Runs `install` unless the stamp says that it has already been done from the same text.
    pub(super) fn ensure(&self, install: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        if std::fs::read_to_string(&self.path).is_ok_and(|found| found == self.wanted) {
            return Ok(());
        }
        // The first time there is none to remove; any other trouble shows itself when it is written.
        let _ = std::fs::remove_file(&self.path);
        install()?;
        std::fs::write(&self.path, &self.wanted).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A folder of its own below cargo's place for the files of tests, empty at the start.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidewire-stamp-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn an_installation_runs_once_and_again_only_when_its_text_changes() {
        let folder = folder("once");
        let runs = Cell::new(0);
        let ensure = |wanted: &str| {
            Stamp::new(folder.join("stamp"), wanted.into()).ensure(|| {
                runs.set(runs.get() + 1);
                Ok(())
            })
        };
        for wanted in ["boto3==1", "boto3==1", "boto3==2", "boto3==2"] {
            ensure(wanted).unwrap();
        }
        assert_eq!(runs.get(), 2);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_failed_installation_leaves_no_stamp() {
        let folder = folder("failed");
        let stamp = |wanted: &str| Stamp::new(folder.join("stamp"), wanted.into());
        stamp("boto3==1").ensure(|| Ok(())).unwrap();
        stamp("boto3==2").ensure(|| Err("no network".into())).unwrap_err();
        assert!(!folder.join("stamp").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
