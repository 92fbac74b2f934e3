//! Small files that are there whole or not at all, whatever fails on the way: keys, certificates, what is told once.
//!
//! The bytes are synced under another name before the file gets its own, and its folder is synced after that, so a crash
//! or a full disk leaves what was there before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes a file with these permissions, over the one that is there.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = write_beside(path, bytes, mode)?;
    fs::rename(new, path)?;
    sync_folder(path)
}

/// Writes a file with these permissions where none is; [`io::ErrorKind::AlreadyExists`] if one is, which stays as it is.
pub(crate) fn make(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = write_beside(path, bytes, mode)?;
    let named = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    named?;
    sync_folder(path)
}

fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let new = path.with_extension("new");
    // A leftover of a crash may have other permissions.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&new)))?;
    Ok(new)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_made_once_and_replaced_as_often_as_one_likes() {
        let folder = std::env::temp_dir().join(format!("tidewire-whole-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("some.key");
        // As a crash would leave it: half written, and readable for everybody.
        fs::write(folder.join("some.new"), "ha").unwrap();
        make(&path, b"one", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(make(&path, b"two", 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
        fs::remove_dir_all(folder).unwrap();
    }
}
