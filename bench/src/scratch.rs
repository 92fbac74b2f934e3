//! Temporary folders on the disk of the repository, removed when dropped.
//!
//! They stand under `target/` and not in `/tmp`, because `/tmp` may be memory, and a sync there costs nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The root of the workspace this program was built from.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate stands in a folder of the workspace").to_owned()
}

/// A folder `target/bench-…` that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = repository().join("target").join(format!("bench-{name}-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The folder's path, and nobody who removes it any more.
    pub(crate) fn keep(self) -> PathBuf {
        std::mem::ManuallyDrop::new(self).0.clone()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("bench: {} could not be removed: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_is_gone_with_its_value() {
        let scratch = Scratch::new("test").unwrap();
        let path = scratch.path().to_owned();
        std::fs::write(path.join("file"), b"x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_folder_stays() {
        let path = Scratch::new("test").unwrap().keep();
        assert!(path.exists());
        std::fs::remove_dir(path).unwrap();
    }
}
