//! `cargo xtask shape`: how the code is built, in figures, per crate and in total.
//!
//! Lines per file and per function as median, ninth decile and longest; documentation as lines of docs and comments per
//! line of code; tests as lines of test code per line of other code. Generated code is left out. A line counts as a
//! comment when it begins as one, also inside a string literal: a small error that would cost a lexer to avoid.

use crate::source::{self, Source};
use crate::workspace;

/// What is measured of a set of files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    file_lines: Vec<usize>,
    function_lines: Vec<usize>,
    comments: usize,
    code: usize,
    tests: usize,
}

/// Prints one row per crate and one for all.
pub(crate) fn run() -> Result<(), String> {
    let mut total = Shape::default();
    println!("{}", heading());
    for package in workspace::metadata()?.packages {
        let mut shape = Shape::default();
        for source in source::read_all(std::slice::from_ref(&package.folder))? {
            shape.add(&source);
            total.add(&source);
        }
        println!("{}", shape.row(&package.name));
    }
    println!("{}", total.row("total"));
    Ok(())
}

fn heading() -> String {
    let (files, functions) = ("file: median/p90/max", "function: median/p90/max");
    format!("{:<10} {:>6} {:>7} {files:>22} {functions:>26} {:>6} {:>6}", "crate", "files", "lines", "docs", "tests")
}

impl Shape {
    fn add(&mut self, source: &Source) {
        if source.is_generated() {
            return;
        }
        self.file_lines.push(source.text.lines().count());
        self.function_lines.extend(source.functions.iter().map(source::Function::length));
        for (index, line) in source.text.lines().enumerate() {
            match line.trim_start() {
                "" => {}
                comment if comment.starts_with("//") => self.comments += 1,
                _ if source.is_test_line(index + 1) => self.tests += 1,
                _ => self.code += 1,
            }
        }
    }

    fn row(&self, name: &str) -> String {
        let lines: usize = self.file_lines.iter().sum();
        let files = spread(&self.file_lines);
        let functions = spread(&self.function_lines);
        let docs = ratio(self.comments, self.code + self.tests);
        let tests = ratio(self.tests, self.code);
        format!("{name:<10} {:>6} {lines:>7} {files:>22} {functions:>26} {docs:>6} {tests:>6}", self.file_lines.len())
    }
}

/// Median, ninth decile and longest, by the nearest rank.
fn spread(lengths: &[usize]) -> String {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let rank =
        |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
    format!("{} / {} / {}", rank(50), rank(90), rank(100))
}

#[allow(clippy::cast_precision_loss, reason = "line counts are far below 2^52")]
fn ratio(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.2}", part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_takes_the_nearest_rank() {
        assert_eq!(spread(&[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "5 / 9 / 10");
        assert_eq!(spread(&[7]), "7 / 7 / 7");
        assert_eq!(spread(&[]), "0 / 0 / 0");
    }

    #[test]
    fn code_comments_and_tests_are_counted_apart_and_generated_code_not_at_all() {
        let text = "//! A.\n\nfn f() {\n    // why\n    g();\n}\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
        let mut shape = Shape::default();
        shape.add(&Source::parse("crates/a/src/lib.rs", text).unwrap());
        shape.add(&Source::parse("crates/a/src/api/types.rs", "fn generated() {}\n").unwrap());
        let expected = Shape { file_lines: vec![10], function_lines: vec![4, 1], comments: 2, code: 3, tests: 4 };
        assert_eq!(shape, expected);
    }

    #[test]
    fn a_ratio_without_a_whole_is_a_dash() {
        assert_eq!((ratio(1, 4).as_str(), ratio(0, 0).as_str()), ("0.25", "-"));
    }
}
