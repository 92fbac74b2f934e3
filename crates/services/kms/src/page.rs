//! Listings in pieces: Limit, Marker, NextMarker, Truncated.
//!
//! A marker names the last thing that was given, in base64; things are given in the order of their names, so that what is
//! made or deleted between two pieces neither repeats nor skips another.

use crate::refusal::Refusal;

/// A piece of a listing.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_marker: Option<String>,
}

impl<T> Page<T> {
    /// Whether there is more.
    pub(crate) fn truncated(&self) -> Option<bool> {
        Some(self.next_marker.is_some())
    }
}

/// The name behind which a listing goes on.
pub(crate) fn after(marker: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(marker) = marker else { return Ok(None) };
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(marker).map_err(|_| Refusal::marker())?;
    String::from_utf8(bytes).map(Some).map_err(|_| Refusal::marker())
}

/// The marker that says that a listing goes on behind this name.
pub(crate) fn marker(name: &str) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(name)
}

/// How many things a piece has.
pub(crate) fn size(limit: Option<i32>, usual: usize) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0).unwrap_or(usual)
}

/// A piece of things that are in the order of their names.
pub(crate) fn page<T>(
    things: Vec<T>,
    name: impl Fn(&T) -> String,
    limit: Option<i32>,
    usual: usize,
    marker_given: Option<&str>,
) -> Result<Page<T>, Refusal> {
    let after = after(marker_given)?;
    let size = size(limit, usual);
    let behind = things.into_iter().filter(|thing| after.as_ref().is_none_or(|after| name(thing) > *after));
    let mut items: Vec<T> = behind.take(size + 1).collect();
    let more = items.len() > size;
    items.truncate(size);
    let next_marker = items.last().filter(|_| more).map(|last| marker(&name(last)));
    Ok(Page { items, next_marker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_comes_in_pieces_without_gaps() {
        let all: Vec<String> = ('a'..='g').map(String::from).collect();
        let (mut seen, mut marker) = (Vec::new(), None::<String>);
        loop {
            let page = page(all.clone(), Clone::clone, Some(3), 50, marker.as_deref()).unwrap();
            seen.extend(page.items);
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(page(all, Clone::clone, None, 50, Some("!")).is_err());
    }
}
