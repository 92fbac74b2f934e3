//! A folder of which one file has a newer format: the start and fsck say so by name, and leave it as it is for the version that
//! can read it.
//!
//! The version stands at byte 4 of each, and a CRC32C over the 60 bytes before it at byte 60 (docs/formats).

use crate::banner::Folder;
use crate::server::output;
use crate::tools::{files, named, with_a_segment};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// CRC32C, Castagnoli's polynomial bit by bit: a test needs few bytes of it.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82F6_3B78 } else { sum >> 1 })
    })
}

/// Changes the version of the page at `offset` by so much; the version that stands there now. The time of the file stays, so
/// that it tells whether anybody else wrote to it.
fn raise(folder: &Folder, name: &str, offset: u64, by: i16) -> u16 {
    let file = OpenOptions::new().read(true).write(true).open(Path::new(folder.path()).join(name)).unwrap();
    let mut head = [0; 64];
    file.read_exact_at(&mut head, offset).unwrap();
    assert_eq!(crc32c(&head[..60]).to_le_bytes(), head[60..], "{name}: this is where the checksum is");
    let version = u16::from_le_bytes([head[4], head[5]]).checked_add_signed(by).unwrap();
    head[4..6].copy_from_slice(&version.to_le_bytes());
    let crc = crc32c(&head[..60]);
    head[60..].copy_from_slice(&crc.to_le_bytes());
    file.write_all_at(&head, offset).unwrap();
    version
}

#[test]
fn a_newer_format_is_refused_by_name_and_its_folder_is_left_alone() {
    let data = Folder::new("newer");
    with_a_segment(&data);
    let newest = |prefix: &str| named(&data, prefix).pop().unwrap_or_else(|| panic!("no {prefix}"));
    let parts = ["manifest".to_owned(), newest("log-"), newest("checkpoint-"), newest("segment-"), "keys".to_owned()];
    for name in &parts {
        // Of the keys there are two copies, a page each.
        let offsets: &[u64] = if name == "keys" { &[0, 4096] } else { &[0] };
        let newer = offsets.iter().map(|offset| raise(&data, name, *offset, 1)).max().unwrap();
        let before = files(&data);
        let sentence = format!(
            "{name} has format {newer}, and this version reads formats up to {}; start it with the version that wrote it, \
             or a newer one",
            newer - 1
        );
        let (code, said) = output(&["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path()]);
        assert!(code == Some(1) && said.contains(&sentence), "{name}: {code:?} {said}");
        for words in [&["fsck", data.path()][..], &["fsck", data.path(), "--repair", "--yes"]] {
            let (code, said) = output(words);
            assert!(code == Some(2) && said.contains(&sentence), "{words:?} {name}: {code:?} {said}");
        }
        assert_eq!(files(&data), before, "{name}");
        for offset in offsets {
            raise(&data, name, *offset, -1);
        }
    }
    let (code, said) = output(&["fsck", data.path()]);
    assert_eq!(code, Some(0), "{said}");
}
