//! XML as AWS's answers have it: elements and text. What it may not be is refused: declarations of types, deep nesting.
//!
//! Attributes are passed over, since no answer says anything in one. Source: XML 1.0, the parts that answers use.

/// Elements that may stand within each other: far more than any answer has, and far less than the stack.
const DEPTH_MAX: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name, without a prefix.
    pub(super) name: String,
    /// Its text; of one with children what stands between them.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document; nothing if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut open = vec![Self::default()];
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            open.last_mut()?.text.push_str(&unescaped(&rest[..at])?);
            rest = &rest[at + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            let end = end_of_tag(rest)?;
            let tag = &rest[..end];
            rest = &rest[end + 1..];
            match tag.as_bytes().first()? {
                b'?' => {}
                b'!' => return None,
                b'/' => close(&mut open, tag[1..].trim())?,
                _ => {
                    let name = tag.trim_end_matches('/').split(char::is_whitespace).next()?;
                    open.push(Self { name: local(name).to_owned(), ..Self::default() });
                    if tag.ends_with('/') {
                        close(&mut open, name)?;
                    } else if open.len() > DEPTH_MAX {
                        return None;
                    }
                }
            }
        }
        let whole = open.pop().filter(|_| open.is_empty() && rest.trim().is_empty())?;
        let whole = Some(whole).filter(|whole| whole.text.trim().is_empty())?;
        let mut roots = whole.children.into_iter();
        roots.next().filter(|_| roots.next().is_none())
    }

    /// The child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element of this name, itself or within.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }
}

/// Where a tag ends: at the first `>` that stands in no quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn close(open: &mut Vec<Element>, name: &str) -> Option<()> {
    let closed = open.pop().filter(|element| element.name == local(name))?;
    open.last_mut()?.children.push(closed);
    Some(())
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn unescaped(text: &str) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        whole.push_str(&rest[..at]);
        let (name, behind) = rest[at + 1..].split_once(';')?;
        whole.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let code = match number.strip_prefix("#x") {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.strip_prefix('#')?.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = behind;
    }
    whole.push_str(rest);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_text_are_read_and_what_is_no_document_is_not() {
        let read =
            Element::read("<?xml version='1.0'?><a x='>'><!-- > --><n:b/>1 &lt; 2<b c=\"\">x</b></a>\n").unwrap();
        assert_eq!((read.name.as_str(), read.text.as_str(), read.children.len()), ("a", "1 < 2", 2));
        assert_eq!(read.find("b").map(|b| b.text.as_str()), Some(""));
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        for wrong in ["", "x", "<a>", "<a></b>", "<a/><b/>", "</a>", "<a>&nope;</a>", "<!DOCTYPE a><a/>", "<", &deep] {
            assert_eq!(Element::read(wrong), None, "{wrong}");
        }
    }
}
