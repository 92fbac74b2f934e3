//! Files of keys and certificates: written whole or not at all, keys for their owner's eyes only; and whether they changed.

use crate::whole_file;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes what only the owner may read.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), String> {
    put(path, text, 0o600)
}

/// Writes what everybody may read.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    put(path, text, 0o644)
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let written = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        whole_file::replace(path, text.as_bytes(), mode)
    };
    written().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

/// What tells one state of some files from another: their inodes, lengths and times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

impl Stamp {
    /// The state of these files now; one that cannot be looked at is a state too.
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let look = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
        };
        Self(files.iter().map(look).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_and_a_change_is_seen() {
        let folder = std::env::temp_dir().join(format!("tidewire-tls-files-{}", std::process::id()));
        let path = folder.join("tls").join("key.pem");
        write_secret(&path, "one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let files = [path.clone(), folder.join("absent")];
        let before = Stamp::of(&files);
        assert_eq!(before, Stamp::of(&files));
        write_secret(&path, "two").unwrap();
        assert_ne!(before, Stamp::of(&files));
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        fs::remove_dir_all(folder).unwrap();
    }
}
