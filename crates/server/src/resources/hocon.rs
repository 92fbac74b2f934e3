//! HOCON as ElasticMQ's configuration uses it, and JSON, which is a part of it; both with the places of their keys.
//!
//! Read are: objects with or without the outermost braces; `=`, `:` or nothing before a `{`; commas or ends of line between
//! members; keys with dots, quoted keys; quoted, triple-quoted and unquoted texts; comments after `#` and `//`; objects of one
//! key that are joined, single values of one key of which the last counts. `include classpath(...)`, with which such files
//! begin to bring in ElasticMQ's own defaults, is passed over. Other includes, substitutions (`${…}`), `+=`, lists, and texts
//! put together from several are refused with their line. Source: the HOCON specification in lightbend/config.

use super::node::{Entry, Node, Value, Wrong};
use std::str::Chars;

/// Objects within objects; ElasticMQ's need four.
const DEPTH_MAX: usize = 16;

/// Reads a document of HOCON.
pub(crate) fn read(text: &str) -> Result<Node, Wrong> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}').chars(), line: 1 };
    reader.skip(true);
    let braced = reader.take('{');
    let entries = reader.members(braced, 0)?;
    reader.skip(true);
    match reader.peek() {
        None => Ok(Node::table(1, entries)),
        Some(_) => Err(reader.wrong("there is something after the end")),
    }
}

/// Reads a document of JSON.
pub(crate) fn read_json(text: &str) -> Result<Node, Wrong> {
    // HOCON takes what JSON does not, so that JSON itself is checked first.
    let checked = serde_json::from_str::<serde_json::Value>(text);
    checked.map_err(|error| Wrong::new(error.line(), error.to_string()))?;
    read(text)
}

struct Reader<'a> {
    rest: Chars<'a>,
    line: usize,
}

impl Reader<'_> {
    fn wrong(&self, why: impl Into<String>) -> Wrong {
        Wrong::new(self.line, why)
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn begins(&self, text: &str) -> bool {
        let mut rest = self.rest.clone();
        text.chars().all(|wanted| rest.next() == Some(wanted))
    }

    /// Passes over blanks and comments, and over ends of line if `lines`.
    fn skip(&mut self, lines: bool) {
        loop {
            if self.begins("//") || self.peek() == Some('#') {
                while self.peek().is_some_and(|next| next != '\n') {
                    self.next();
                }
            }
            match self.peek() {
                Some('\n') if !lines => return,
                Some(blank) if blank.is_whitespace() => self.next(),
                _ => return,
            };
        }
    }

    fn members(&mut self, braced: bool, depth: usize) -> Result<Vec<Entry>, Wrong> {
        let mut entries = Vec::new();
        loop {
            self.skip(true);
            match self.peek() {
                None if braced => return Err(self.wrong("the file ends before a } does")),
                None => return Ok(entries),
                Some('}') if braced => {
                    self.next();
                    return Ok(entries);
                }
                Some(',') => {
                    self.next();
                }
                Some(_) if self.include()? => {}
                Some(_) => self.member(&mut entries, depth)?,
            }
        }
    }

    /// Passes over the include of ElasticMQ's own defaults, and refuses others.
    fn include(&mut self) -> Result<bool, Wrong> {
        if !self.begins("include ") && !self.begins("include\"") {
            return Ok(false);
        }
        let mut line = String::new();
        while self.peek().is_some_and(|next| next != '\n') {
            line.extend(self.next());
        }
        match line.trim_start_matches("include").trim_start().starts_with("classpath(") {
            true => Ok(true),
            false => Err(self.wrong(format!("{line:?} is not read; put the queues into this file"))),
        }
    }

    fn member(&mut self, entries: &mut Vec<Entry>, depth: usize) -> Result<(), Wrong> {
        if depth == DEPTH_MAX {
            return Err(self.wrong("the objects are nested too deep"));
        }
        let line = self.line;
        let path = self.key()?;
        self.skip(false);
        if self.begins("+=") {
            return Err(self.wrong("+= is not read"));
        }
        if !self.take('=') && !self.take(':') && self.peek() != Some('{') {
            return Err(self.wrong(format!("expected = or : or {{ after {}", path.join("."))));
        }
        self.skip(true);
        let value_line = self.line;
        let mut node = match self.peek() {
            Some('{') => {
                self.next();
                Node::table(value_line, self.members(true, depth + 1)?)
            }
            Some('[') => return Err(self.wrong("a list has no place in this file")),
            _ => Node::text(value_line, self.text()?),
        };
        let mut path = path.into_iter();
        let first = path.next().ok_or_else(|| Wrong::new(line, "there is no key"))?;
        for key in path.rev() {
            node = Node::table(value_line, vec![Entry { key, line, node }]);
        }
        join(entries, Entry { key: first, line, node });
        Ok(())
    }

    /// A key, split at its dots.
    fn key(&mut self) -> Result<Vec<String>, Wrong> {
        let (mut path, mut part, mut quoted) = (Vec::new(), String::new(), false);
        loop {
            match self.peek() {
                Some('"') => {
                    part.push_str(&self.quoted()?);
                    quoted = true;
                }
                Some('.') => {
                    self.next();
                    path.push(std::mem::take(&mut part));
                    quoted = false;
                }
                Some(next) if next.is_whitespace() || "=:{}[],+#/$".contains(next) => break,
                Some(_) => part.extend(self.next()),
                None => break,
            }
        }
        path.push(part);
        let has_empty = path.iter().any(String::is_empty);
        if has_empty && !quoted { Err(self.wrong("expected a key")) } else { Ok(path) }
    }

    /// A single value, up to the end of its line or what ends it there.
    fn text(&mut self) -> Result<String, Wrong> {
        let text = if self.peek() == Some('"') {
            self.quoted()?
        } else {
            let mut text = String::new();
            while let Some(next) = self.peek() {
                if "\n,}#".contains(next) || self.begins("//") {
                    break;
                }
                if "\"{[$".contains(next) {
                    let what = if next == '$' { "substitutions are" } else { "a value put together from several is" };
                    return Err(self.wrong(format!("{what} not read; write the value out")));
                }
                text.extend(self.next());
            }
            let text = text.trim().to_owned();
            if text.is_empty() {
                return Err(self.wrong("there is no value"));
            }
            text
        };
        self.skip(false);
        match self.peek() {
            None | Some('\n' | ',' | '}') => Ok(text),
            Some(_) => Err(self.wrong("a value put together from several is not read; write it as one")),
        }
    }

    fn quoted(&mut self) -> Result<String, Wrong> {
        let triple = self.begins("\"\"\"");
        for _ in 0..if triple { 3 } else { 1 } {
            self.next();
        }
        let mut raw = String::new();
        loop {
            if triple && self.begins("\"\"\"") {
                for _ in 0..3 {
                    self.next();
                }
                // Of more than three quotes at the end, the last three end it.
                while self.take('"') {
                    raw.push('"');
                }
                return Ok(raw);
            }
            match self.next() {
                Some('"') if !triple => break,
                Some('\\') if !triple => {
                    raw.push('\\');
                    raw.extend(self.next());
                }
                Some('\n') if !triple => {
                    return Err(Wrong::new(self.line - 1, "a text ends with its line; expected \""));
                }
                Some(next) => raw.push(next),
                None => return Err(self.wrong("the file ends before a text does")),
            }
        }
        serde_json::from_str(&format!("\"{raw}\"")).map_err(|error| self.wrong(format!("{raw:?} is no text: {error}")))
    }
}

/// Puts a member into its object: objects of one key are joined, of single values the last counts.
fn join(entries: &mut Vec<Entry>, entry: Entry) {
    let Some(known) = entries.iter_mut().find(|known| known.key == entry.key) else {
        entries.push(entry);
        return;
    };
    match (&mut known.node.value, entry.node.value) {
        (Value::Table(members), Value::Table(more)) => more.into_iter().for_each(|entry| join(members, entry)),
        (place, value) => *place = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Table(entries) => {
                let members =
                    entries.iter().map(|entry| format!("{}@{}={}", entry.key, entry.line, shown(&entry.node)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(&read(text).unwrap_or_else(|wrong| panic!("{wrong:?}: {text}"))), expected, "{text}");
    }

    fn refused(text: &str) -> (usize, String) {
        let Wrong { line, why } = read(text).expect_err(text);
        (line, why)
    }

    #[test]
    fn the_forms_of_a_member_are_read() {
        check("a = 1\nb : two words # no\nc { d = \"x\\ty\" }", r#"{a@1="1" b@2="two words" c@3={d@3="x\ty"}}"#);
        check("{a=1,b=2 ,\n c=\"\"\"q\"q\"\"\" }", r#"{a@1="1" b@1="2" c@2="q\"q"}"#);
        check("a.b.c = 1 // no\n\"x.y\" = 2", r#"{a@1={b@1={c@1="1"}} x.y@2="2"}"#);
        check("a { }\n\n// all\n", "{a@1={}}");
        check("include classpath(\"application.conf\")\na = 1", r#"{a@2="1"}"#);
    }

    #[test]
    fn objects_of_one_key_are_joined_and_the_last_single_value_counts() {
        check("a { x = 1 }\na.y = 2\na { x = 3 }", r#"{a@1={x@1="3" y@2="2"}}"#);
    }

    #[test]
    fn what_is_not_read_is_refused_with_its_line() {
        for (text, line, why) in [
            ("a = 1\nb = ${HOST}", 2, "substitutions"),
            ("a = [1]", 1, "list"),
            ("a += 1", 1, "+="),
            ("\ninclude \"other.conf\"", 2, "not read"),
            ("a = \"x\" y", 1, "several"),
            ("a {\n b = 1\n", 3, "ends before"),
            ("a = \"x\n\"", 1, "ends with its line"),
            ("a }", 1, "expected ="),
            ("{ a = 1 } b = 2", 1, "after the end"),
            ("a =\n\n}", 3, "no value"),
        ] {
            let (at, said) = refused(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
        let deep = "a{".repeat(100_000);
        assert!(refused(&deep).1.contains("too deep"));
    }

    #[test]
    fn json_is_read_with_its_lines_and_nothing_that_only_hocon_has() {
        let node = read_json("{\n \"a\": {\n \"b\": \"\\ud83d\\ude00\", \"n\": 1.5, \"t\": true}}").unwrap();
        assert_eq!(shown(&node), "{a@2={b@3=\"\u{1f600}\" n@3=\"1.5\" t@3=\"true\"}}");
        assert_eq!(read_json("{\n\"a\" = 1}").unwrap_err().line, 2);
    }
}
