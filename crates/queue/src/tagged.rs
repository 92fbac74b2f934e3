//! Sections of a layout that most queues do not have.
//!
//! ```text
//! count v, then each section: tag 1 │ length v │ bytes          tags rise; a tag has one meaning for ever
//! ```
//! Whoever writes leaves out what is as it is by default, so that a plain queue pays one byte for all of them. Whoever reads
//! refuses a tag that it does not know: a newer version wrote it, and to pass over it would lose what it says.

use engine::varint::{Reader, put};

/// Tag and bytes of a section, as they are written.
pub(crate) type Section = (u8, Vec<u8>);

/// Bytes that a section takes at the least.
const SECTION_BYTES_MIN: u64 = 2;

/// Appends sections, whose tags rise.
pub(crate) fn put_sections(out: &mut Vec<u8>, sections: &[Section]) {
    assert!(sections.is_sorted_by_key(|(tag, _)| *tag), "tags of sections rise");
    put(out, sections.len() as u64);
    for (tag, bytes) in sections {
        out.push(*tag);
        put(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

/// Reads what [`put_sections`] wrote and hands each section to `take`, which says what is wrong with it.
pub(crate) fn read_sections(
    reader: &mut Reader<'_>,
    mut take: impl FnMut(u8, &mut Reader<'_>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let count = reader.varint()?;
    if count > reader.remaining() as u64 / SECTION_BYTES_MIN {
        return Err("a list of sections is longer than what holds it");
    }
    let mut before = None;
    for _ in 0..count {
        let [tag] = reader.array()?;
        if before.is_some_and(|before| before >= tag) {
            return Err("tags of sections do not rise");
        }
        let length = reader.varint()?;
        let mut section = Reader::new(reader.bytes(length)?);
        take(tag, &mut section)?;
        section.end()?;
        before = Some(tag);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn read(bytes: &[u8]) -> Result<Vec<Section>, &'static str> {
        let mut reader = Reader::new(bytes);
        let mut sections = Vec::new();
        read_sections(&mut reader, |tag, section| {
            sections.push((tag, section.bytes(section.remaining() as u64)?.to_vec()));
            Ok(())
        })?;
        reader.end().map(|()| sections)
    }

    #[test]
    fn what_is_no_list_of_sections_is_named() {
        assert_eq!(read(&[0]), Ok(vec![]));
        assert_eq!(read(&[1, 7, 0]), Ok(vec![(7, vec![])]));
        assert_eq!(read(&[2, 7, 0, 7, 0]), Err("tags of sections do not rise"));
        assert_eq!(read(&[1, 7, 2, 1]), Err("it ends inside a field"));
        assert_eq!(read(&[200, 1, 7]), Err("a list of sections is longer than what holds it"));
    }

    #[test]
    fn a_section_must_be_read_to_its_end() {
        let nothing = |_: u8, _: &mut Reader<'_>| Ok(());
        assert_eq!(read_sections(&mut Reader::new(&[1, 7, 1, 9]), nothing), Err("bytes follow its end"));
    }

    proptest! {
        #[test]
        fn sections_read_back_as_written(sections in prop::collection::btree_map(any::<u8>(), prop::collection::vec(any::<u8>(), 0..200), 0..9)) {
            let sections: Vec<Section> = sections.into_iter().collect();
            let mut out = Vec::new();
            put_sections(&mut out, &sections);
            assert_eq!(read(&out), Ok(sections));
        }
    }
}
