//! Lists page by page: Marker, MaxItems, IsTruncated.
//!
//! What is listed is in the order of a key; a marker is the last key that was shown, so that what comes and goes between two
//! pages neither repeats nor hides anything else.

use crate::limits::PAGE_DEFAULT;
use crate::refusal::Refusal;
use base64_simd::URL_SAFE_NO_PAD;

/// Which part of a list is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) marker: Option<&'a str>,
    pub(crate) max_items: Option<i32>,
}

/// A part of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) marker: Option<String>,
}

impl<T> Page<T> {
    /// The member of that name in replies.
    pub(crate) fn is_truncated(&self) -> Option<bool> {
        Some(self.marker.is_some())
    }

    /// The same part, each item shown.
    pub(crate) fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(show).collect(), marker: self.marker }
    }
}

impl Wanted<'_> {
    fn most(&self) -> usize {
        self.max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_DEFAULT)
    }
}

/// The part of a list whose items are known by their numbers, `most` at the most; the marker is the number that comes next, so a
/// part costs no more than it has. Of the items each `together` are shown as one, which is what is counted, and is not parted unless
/// one alone is more than `most`.
pub(crate) fn numbered(
    count: usize,
    together: usize,
    most: usize,
    wanted: &Wanted<'_>,
) -> Result<Page<usize>, Refusal> {
    let first = match wanted.marker.map(decode).transpose()? {
        Some(text) => text.parse().map_err(|_| invalid_marker())?,
        None => 0,
    };
    let asked = (first / together).saturating_add(wanted.most()).saturating_mul(together);
    let end = count.min(asked).min(usize::saturating_add(first, most));
    let whole = end - end % together;
    let end = if end < count && whole > first { whole } else { end };
    let marker = (end < count).then(|| URL_SAFE_NO_PAD.encode_to_string(end.to_string()));
    Ok(Page { items: (first..end).collect(), marker })
}

/// The part of `items`, which are in the order of their keys.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
    wanted: &Wanted<'_>,
) -> Result<Page<T>, Refusal> {
    let after = wanted.marker.map(decode).transpose()?;
    let most = wanted.most();
    let rest = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
    let mut items: Vec<T> = rest.take(most + 1).collect();
    let more = items.len() > most;
    items.truncate(most);
    let marker = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode_to_string(key(last)));
    Ok(Page { items, marker })
}

fn decode(marker: &str) -> Result<String, Refusal> {
    let key = URL_SAFE_NO_PAD.decode_to_vec(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(invalid_marker)
}

fn invalid_marker() -> Refusal {
    Refusal::invalid("Invalid Marker.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let all = ["a", "b", "c", "d", "e"];
        let (mut marker, mut seen) = (None, Vec::new());
        loop {
            let wanted = Wanted { marker: marker.as_deref(), max_items: Some(2) };
            let page = page(all, |item| (*item).to_owned(), &wanted).unwrap_or_else(|_| panic!("it is a good marker"));
            seen.extend(page.items);
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(page(all, |item| (*item).to_owned(), &Wanted { marker: Some("!"), max_items: None }).is_err());
    }

    #[test]
    fn a_part_of_numbers_is_as_large_as_both_bounds_allow_wherever_it_begins() {
        let part = |marker: Option<&str>, most, max_items| {
            let part = numbered(usize::MAX, 1, most, &Wanted { marker, max_items });
            part.map(|part| (part.items, part.marker)).map_err(|refusal| refusal.message.into_owned())
        };
        let (items, marker) = part(None, 2, Some(1000)).unwrap();
        assert_eq!(items, [0, 1]);
        assert_eq!(part(marker.as_deref(), 1000, Some(3)).unwrap().0, [2, 3, 4]);
        let last = URL_SAFE_NO_PAD.encode_to_string((usize::MAX - 1).to_string());
        assert_eq!(part(Some(&last), 1000, None).unwrap(), (vec![usize::MAX - 1], None));
        let words = URL_SAFE_NO_PAD.encode_to_string("two");
        assert_eq!(part(Some(&words), 2, None).unwrap_err(), "Invalid Marker.");
    }

    #[test]
    fn what_is_shown_as_one_is_parted_only_where_it_must() {
        let parts = |most, max_items| {
            let (mut marker, mut ends) = (None, Vec::new());
            loop {
                let wanted = Wanted { marker: marker.as_deref(), max_items: Some(max_items) };
                let part = numbered(10, 4, most, &wanted).unwrap_or_else(|_| panic!("it is a good marker"));
                ends.push(part.items.last().map_or(0, |last| last + 1));
                marker = part.marker;
                if marker.is_none() {
                    return ends;
                }
            }
        };
        assert_eq!(parts(100, 1), [4, 8, 10]);
        assert_eq!(parts(100, 2), [8, 10]);
        assert_eq!(parts(100, 3), [10]);
        assert_eq!(parts(5, 3), [4, 8, 10]);
        assert_eq!(parts(3, 3), [3, 4, 7, 10]);
    }
}
