//! Where the statements of a policy document stand, for simulations that show what decided.

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The beginning and the end of each statement, in the order of the document. The document is JSON that was read before.
pub(crate) fn statements(document: &str) -> Vec<(Place, Place)> {
    let mut scan = Scan { depth: 0, is_text: false, is_escaped: false, text: String::new(), last: String::new() };
    let (mut found, mut begun, mut within) = (Vec::new(), None, None);
    let mut place = Place { line: 1, column: 0 };
    for letter in document.chars() {
        place = match letter {
            '\n' => Place { line: place.line + 1, column: 0 },
            _ => Place { column: place.column + 1, ..place },
        };
        let before = scan.depth;
        scan.take(letter);
        let is_statements = within.is_none() && before == 1 && scan.last == "Statement";
        match letter {
            _ if scan.is_text => {}
            '{' | '[' if is_statements => {
                within = Some(scan.depth);
                begun = (letter == '{').then_some(place);
            }
            '{' if within == Some(before) && begun.is_none() => begun = Some(place),
            '}' | ']' => {
                let is_end = within.is_some_and(|depth| scan.depth == depth || scan.depth + 1 == depth);
                if let Some(start) = begun.filter(|_| is_end && letter == '}') {
                    found.push((start, Place { column: place.column + 1, ..place }));
                    begun = None;
                }
                within = within.filter(|depth| scan.depth >= *depth);
            }
            _ => {}
        }
    }
    found
}

/// How deep the letters stand, and the last text before them.
struct Scan {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    text: String,
    last: String,
}

impl Scan {
    fn take(&mut self, letter: char) {
        match letter {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' if self.is_text => self.is_escaped = true,
            '"' if self.is_text => {
                self.is_text = false;
                self.last = std::mem::take(&mut self.text);
            }
            '"' => self.is_text = true,
            letter if self.is_text => self.text.push(letter),
            '{' | '[' => self.depth += 1,
            '}' | ']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(document: &str) -> Vec<(usize, usize, usize, usize)> {
        let places = statements(document).into_iter();
        places.map(|(start, end)| (start.line, start.column, end.line, end.column)).collect()
    }

    #[test]
    fn statements_are_found_where_they_stand() {
        let document =
            "{\"Version\":\"x\",\n \"Statement\":[{\"Sid\":\"}\"},\n  {\"Condition\":{\"a\":[{}]}}],\"Id\":{}}";
        assert_eq!(shown(document), [(2, 15, 2, 26), (3, 3, 3, 27)]);
        assert_eq!(shown("{\"Statement\":{\"Sid\":\"a\"}}"), [(1, 14, 1, 25)]);
        assert_eq!(shown("{\"Id\":\"Statement\",\"Statement\":[]}"), []);
    }
}
