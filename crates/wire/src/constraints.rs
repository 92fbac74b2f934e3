//! What the model demands of a value, checked after it was read, and told in the words of AWS's older services.
//!
//! `2 validation errors detected: Value 'x y' at 'userName' failed to satisfy constraint: Member must satisfy regular
//! expression pattern: [\w+=,.@-]+; Value '1001' at 'maxItems' failed to satisfy constraint: …` is what IAM, STS, KMS and
//! Kinesis answer. A value is checked by writing it: every shape already knows how, and names the member before each
//! value, with its [`Rules`]. Values that the model calls sensitive are left out of the words.

use crate::contract::{Write, Writer};
use crate::invalid::{Invalid, Problem, Segment};
use crate::schema::{ListShape, MapShape, Member, Rules, Shape, StructShape};
use crate::timestamp::Timestamp;
use regex::Regex;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{OnceLock, PoisonError, RwLock};

/// All that the model does not allow of `value`, as one sentence; none if it allows it.
pub fn sentence(value: &dyn Write) -> Option<String> {
    let mut checker = Checker::default();
    value.write(&mut checker);
    if checker.found.is_empty() { None } else { Some(counted(&checker.found)) }
}

/// The same for an input that could not be read because the model demands a member that is not there.
pub fn missing(invalid: &Invalid) -> Option<String> {
    let Problem::Missing { .. } = invalid.problem() else { return None };
    let segments = invalid.path().segments().map(|segment| match segment {
        Segment::Member(member) => camel(member.name),
        Segment::Index(index) => format!("{}.member", index + 1),
        Segment::Key(key) => format!("{key}.member"),
    });
    let path = segments.collect::<Vec<_>>().join(".");
    Some(counted(&[format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")]))
}

fn counted(found: &[String]) -> String {
    let plural = if found.len() == 1 { "" } else { "s" };
    format!("{} validation error{plural} detected: {}", found.len(), found.join("; "))
}

/// A member's name as the words have it: its first letter small.
fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Looks at every value that is written.
struct Checker {
    /// Where the next value stands, and what is demanded of it.
    place: String,
    rules: Rules,
    shape: Shape,
    open: Vec<Frame>,
    found: Vec<String>,
}

/// An open structure, list or map.
struct Frame {
    path: String,
    /// What a list or map is made of.
    shape: Shape,
    items: usize,
    /// The items so far as the words show them, if the list's own length is wrong.
    shown: Option<Vec<String>>,
    broken: Vec<String>,
}

impl Default for Checker {
    fn default() -> Self {
        Self { place: String::new(), rules: Rules::NONE, shape: Shape::String, open: Vec::new(), found: Vec::new() }
    }
}

impl Checker {
    fn inside(&self, segment: &str) -> String {
        match self.open.last().map(|frame| frame.path.as_str()) {
            None | Some("") => segment.to_owned(),
            Some(path) => format!("{path}.{segment}"),
        }
    }

    fn say(&mut self, shown: &str, must: &str) {
        let value = if self.rules.sensitive { String::new() } else { format!(" '{shown}'") };
        self.say_of(&value, must);
    }

    /// `value` is what the words show, with the blank before it; nothing for what they do not show.
    fn say_of(&mut self, value: &str, must: &str) {
        self.found.push(format!("Value{value} at '{}' failed to satisfy constraint: {must}", self.place));
    }

    fn scalar(&mut self, shown: &str, problems: &[String]) {
        problems.iter().for_each(|must| self.say(shown, must));
        if let Some(shown_items) = self.open.last_mut().and_then(|frame| frame.shown.as_mut()) {
            shown_items.push(shown.to_owned());
        }
    }

    fn begin(&mut self, problems: Vec<String>) {
        let shown = (!problems.is_empty()).then(Vec::new);
        let path = std::mem::take(&mut self.place);
        self.open.push(Frame { path, shape: self.shape, items: 0, shown, broken: problems });
    }

    fn end(&mut self) {
        let frame = self.open.pop().expect("every container that is closed was opened");
        self.place = frame.path;
        self.rules = Rules::NONE;
        let items = frame.shown.unwrap_or_default();
        let value =
            if frame.items > 0 && items.is_empty() { String::new() } else { format!(" '[{}]'", items.join(", ")) };
        frame.broken.iter().for_each(|must| self.say_of(&value, must));
    }

    fn list(&self) -> Option<&'static ListShape> {
        if let Some(Frame { shape: Shape::List(shape), .. }) = self.open.last() { Some(shape) } else { None }
    }

    fn map(&self) -> Option<&'static MapShape> {
        if let Some(Frame { shape: Shape::Map(shape), .. }) = self.open.last() { Some(shape) } else { None }
    }
}

/// What of these bounds a length breaks.
fn of_length(rules: &Rules, length: usize) -> Vec<String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    bounds(rules, length, "length")
}

fn bounds(rules: &Rules, value: i64, what: &str) -> Vec<String> {
    let low = rules.min.filter(|min| value < *min);
    let low = low.map(|min| format!("Member must have {what} greater than or equal to {min}"));
    let high = rules.max.filter(|max| value > *max);
    low.into_iter().chain(high.map(|max| format!("Member must have {what} less than or equal to {max}"))).collect()
}

fn of_text(rules: &Rules, text: &str) -> Vec<String> {
    let mut problems = of_length(rules, text.chars().count());
    if let Some(pattern) = rules.pattern.filter(|pattern| !matches(pattern, text)) {
        problems.push(format!("Member must satisfy regular expression pattern: {pattern}"));
    }
    if !rules.values.is_empty() && !rules.values.contains(&text) {
        problems.push(format!("Member must satisfy enum value set: [{}]", rules.values.join(", ")));
    }
    problems
}

/// Whether the whole text matches. A pattern that means nothing here allows everything: the model's dialect has more than
/// ours.
fn matches(pattern: &'static str, text: &str) -> bool {
    static COMPILED: OnceLock<RwLock<HashMap<&'static str, Option<Regex>>>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(RwLock::default);
    if let Some(known) = compiled.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return known.as_ref().is_none_or(|regex| regex.is_match(text));
    }
    let regex = Regex::new(&format!(r"\A(?:{})\z", translated(pattern))).ok();
    let is_match = regex.as_ref().is_none_or(|regex| regex.is_match(text));
    compiled.write().unwrap_or_else(PoisonError::into_inner).insert(pattern, regex);
    is_match
}

/// A pattern of Java as one of ours: there `\w`, `\d` and `\s` are of ASCII alone.
fn translated(pattern: &str) -> String {
    let (mut out, mut in_class) = (String::with_capacity(pattern.len() + 16), false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next().unwrap_or('\\');
                let class = match escaped {
                    'w' => "0-9A-Za-z_",
                    'd' => "0-9",
                    's' => r" \t\n\x0B\f\r",
                    other => {
                        out.push('\\');
                        out.push(other);
                        continue;
                    }
                };
                let _ = if in_class { write!(out, "{class}") } else { write!(out, "[{class}]") };
            }
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            // Doubled they would be operators of ours.
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out
}

impl Writer for Checker {
    fn begin_struct(&mut self, _shape: &'static StructShape) {
        self.begin(Vec::new());
    }

    fn member(&mut self, member: &'static Member) {
        self.place = self.inside(&camel(member.name));
        (self.rules, self.shape) = (member.rules, member.shape);
    }

    fn end_struct(&mut self) {
        self.end();
    }

    fn begin_list(&mut self, len: usize) {
        self.begin(of_length(&self.rules, len));
    }

    fn item(&mut self) {
        let index = self.open.last_mut().map_or(0, |frame| {
            frame.items += 1;
            frame.items
        });
        self.place = self.inside(&format!("{index}.member"));
        if let Some(shape) = self.list() {
            (self.rules, self.shape) = (shape.item_rules, shape.item);
        }
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn begin_map(&mut self, len: usize) {
        self.begin(of_length(&self.rules, len));
    }

    fn key(&mut self, key: &str) {
        let Some(shape) = self.map() else { return };
        let problems = of_text(&shape.key_rules, key);
        self.place = self.open.last().map_or_else(String::new, |frame| frame.path.clone());
        self.rules = Rules::NONE;
        if !problems.is_empty() {
            self.say(key, &format!("Map keys must satisfy constraint: [{}]", problems.join(", ")));
        }
        self.place = self.inside(&format!("{key}.member"));
        (self.rules, self.shape) = (shape.value_rules, shape.value);
    }

    fn end_entry(&mut self) {}

    fn end_map(&mut self) {
        self.end();
    }

    fn string(&mut self, value: &str) {
        self.scalar(value, &of_text(&self.rules, value));
    }

    fn blob(&mut self, value: &[u8]) {
        self.scalar("java.nio.HeapByteBuffer", &of_length(&self.rules, value.len()));
    }

    fn boolean(&mut self, _value: bool) {}

    fn long(&mut self, value: i64) {
        self.scalar(&value.to_string(), &bounds(&self.rules, value, "value"));
    }

    fn double(&mut self, _value: f64) {}

    fn timestamp(&mut self, _value: Timestamp) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::put;

    static NAMES: ListShape = ListShape {
        name: "Names",
        item_name: "member",
        item: Shape::String,
        item_rules: Rules { max: Some(3), ..Rules::NONE },
    };

    static ASKED: StructShape = StructShape {
        name: "Asked",
        members: &[
            Member::new("UserName", Shape::String).rules(Rules {
                min: Some(1),
                max: Some(4),
                pattern: Some(r"[\w+=,.@-]+"),
                ..Rules::NONE
            }),
            Member::new("Names", Shape::List(&NAMES)).rules(Rules { max: Some(2), ..Rules::NONE }),
            Member::new("MaxItems", Shape::Integer).rules(Rules { max: Some(9), ..Rules::NONE }),
            Member::new("Secret", Shape::String).rules(Rules { max: Some(1), sensitive: true, ..Rules::NONE }),
        ],
    };

    static PARTS: ListShape =
        ListShape { name: "Parts", item_name: "member", item: Shape::Struct(&PART), item_rules: Rules::NONE };

    static PART: StructShape = StructShape { name: "Part", members: &[] };

    static WHOLE: StructShape = StructShape {
        name: "Whole",
        members: &[Member::new("Parts", Shape::List(&PARTS)).rules(Rules {
            min: Some(1),
            max: Some(1),
            ..Rules::NONE
        })],
    };

    struct Part;

    impl Write for Part {
        fn write(&self, writer: &mut dyn Writer) {
            writer.begin_struct(&PART);
            writer.end_struct();
        }
    }

    struct Whole(Vec<Part>);

    impl Write for Whole {
        fn write(&self, writer: &mut dyn Writer) {
            writer.begin_struct(&WHOLE);
            put(writer, &WHOLE.members[0], &self.0);
            writer.end_struct();
        }
    }

    #[test]
    fn a_list_of_structures_that_is_too_long_is_told_without_its_value() {
        let told = |parts| sentence(&Whole(parts)).unwrap();
        let start = "1 validation error detected: Value";
        let rest = "at 'parts' failed to satisfy constraint: Member must have length";
        assert_eq!(told(vec![Part, Part]), format!("{start} {rest} less than or equal to 1"));
        assert_eq!(told(vec![]), format!("{start} '[]' {rest} greater than or equal to 1"));
    }

    struct Asked(&'static str, Vec<&'static str>, i32, &'static str);

    impl Write for Asked {
        fn write(&self, writer: &mut dyn Writer) {
            writer.begin_struct(&ASKED);
            put(writer, &ASKED.members[0], &self.0.to_owned());
            put(writer, &ASKED.members[1], &self.1.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            put(writer, &ASKED.members[2], &self.2);
            put(writer, &ASKED.members[3], &self.3.to_owned());
            writer.end_struct();
        }
    }

    #[test]
    fn what_the_model_allows_says_nothing() {
        assert_eq!(sentence(&Asked("a@-", vec!["abc"], 9, "")), None);
    }

    #[test]
    fn each_mistake_is_told_with_its_value_and_its_place() {
        for (asked, expected) in [
            (
                Asked("abcde", vec![], 0, ""),
                "1 validation error detected: Value 'abcde' at 'userName' failed to satisfy constraint: Member must have \
                 length less than or equal to 4",
            ),
            (
                Asked("é", vec![], 0, ""),
                "1 validation error detected: Value 'é' at 'userName' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [\\w+=,.@-]+",
            ),
            (
                Asked("a", vec!["abc", "abcd"], 10, "xy"),
                "3 validation errors detected: Value 'abcd' at 'names.2.member' failed to satisfy constraint: Member must \
                 have length less than or equal to 3; Value '10' at 'maxItems' failed to satisfy constraint: Member must \
                 have value less than or equal to 9; Value at 'secret' failed to satisfy constraint: Member must have \
                 length less than or equal to 1",
            ),
            (
                Asked("a", vec!["a", "b", "c"], 0, ""),
                "1 validation error detected: Value '[a, b, c]' at 'names' failed to satisfy constraint: Member must have \
                 length less than or equal to 2",
            ),
        ] {
            assert_eq!(sentence(&asked).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_missing_member_is_null() {
        let invalid =
            Invalid::new(Problem::Missing { member: &ASKED.members[0] }).inside(Segment::Member(&ASKED.members[0]));
        let expected = "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null";
        assert_eq!(missing(&invalid).as_deref(), Some(expected));
    }

    #[test]
    fn patterns_of_the_models_are_understood() {
        for (pattern, good, wrong) in [
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a/b/", "/a"),
            (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "{\"a\":\n1}", "\u{100}"),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", "a é:1", "a&b"),
            (r"[\w]+", "a_1", "é"),
            (r"\d{12}", "123456789012", "12345678901"),
        ] {
            assert!(matches(pattern, good) && !matches(pattern, wrong), "{pattern}");
        }
    }
}
