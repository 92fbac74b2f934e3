//! Results on standard output: columns for people, JSON for programs.
//!
//! Nothing that stands in a message can move a terminal's cursor: control characters are shown as escapes in tables.

use super::words::Form;
use serde_json::Value;
use std::io::{self, Write};

/// Characters of a cell that is none of a program's; the rest of a long body is left out of tables.
const CELL_CHARS_MAX: usize = 60;

/// Prints rows whole. `columns` are the keys that a table shows, in order.
pub(crate) fn rows(out: &mut dyn Write, form: Form, columns: &[&str], rows: &[Value]) -> io::Result<()> {
    match form {
        Form::Table => table(out, columns, rows),
        Form::Json => writeln!(out, "{:#}", Value::from(rows)),
        Form::Ndjson => rows.iter().try_for_each(|row| writeln!(out, "{row}")),
    }?;
    out.flush()
}

/// Prints one object: a column of names and values, or the object itself.
pub(crate) fn object(out: &mut dyn Write, form: Form, object: &Value) -> io::Result<()> {
    match form {
        Form::Table => {
            let members = object.as_object().into_iter().flatten();
            let width = members.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in members {
                writeln!(out, "{name:width$}  {}", cell(value))?;
            }
            Ok(())
        }
        Form::Json => writeln!(out, "{object:#}"),
        Form::Ndjson => writeln!(out, "{object}"),
    }?;
    out.flush()
}

fn table(out: &mut dyn Write, columns: &[&str], rows: &[Value]) -> io::Result<()> {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|key| cell(&row[*key])).collect()).collect();
    let heads: Vec<String> = columns.iter().map(|key| key.replace('_', " ").to_uppercase()).collect();
    let widest = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(|at| widest(at).max(heads[at].len())).collect();
    let is_number = |at: usize| rows.iter().any(|row| row[columns[at]].is_number());
    for row in std::iter::once(&heads).chain(&cells) {
        let mut line = String::new();
        for (at, text) in row.iter().enumerate() {
            let padded = match is_number(at) {
                true => format!("{text:>width$}  ", width = widths[at]),
                false => format!("{text:width$}  ", width = widths[at]),
            };
            line.push_str(&padded);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A value in one line.
pub(crate) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return "-".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut shown = String::new();
    for (nth, character) in text.chars().enumerate() {
        if nth == CELL_CHARS_MAX {
            shown.push('…');
            break;
        }
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    fn printed(form: Form) -> String {
        let given = [json!({ "name": "jobs", "visible": 12 }), json!({ "name": "a\u{1b}[2J\n", "visible": null })];
        let mut out = Vec::new();
        rows(&mut out, form, &["name", "visible"], &given).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_has_aligned_columns_and_no_control_characters() {
        expect![[r#"
            NAME          VISIBLE
            jobs               12
            a\u{1b}[2J\n        -
        "#]]
        .assert_eq(&printed(Form::Table));
    }

    #[test]
    fn json_is_one_document_and_ndjson_one_a_line() {
        let whole: Value = serde_json::from_str(&printed(Form::Json)).unwrap();
        let lines: Vec<Value> = printed(Form::Ndjson).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(whole, Value::from(lines));
    }

    #[test]
    fn long_cells_are_cut() {
        assert_eq!(cell(&json!("x".repeat(200))).chars().count(), CELL_CHARS_MAX + 1);
    }
}
