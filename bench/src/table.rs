//! Aligned text tables: the first column is a name and stands left, all others are figures and stand right.
//!
//! Widths count characters, not bytes, so that a µ does not push its column out of line.

/// Rows under one heading; every row must have as many cells as the heading.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    names: usize,
}

impl Table {
    /// A table whose first `names` columns are text and stand left.
    pub(crate) fn new(heading: &[&str], names: usize) -> Self {
        Self { rows: vec![heading.iter().map(ToString::to_string).collect()], names }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.rows[0].len(), "a row has a cell for every heading");
        self.rows.push(cells);
    }

    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        (0..self.rows[0].len()).map(width).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, &width))| {
            if column < self.names { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    }
}

/// A figure with as many digits as are worth reading: three significant ones below 100, whole numbers above, thousands
/// apart.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => grouped(value.round() as i64),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.01 || v == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A figure, or `n/a` where this server does not say.
pub(crate) fn figure_or_none(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), figure)
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_figures_right() {
        let mut table = Table::new(&["server", "req/s"], 1);
        table.row(vec!["echo".into(), "12".into()]);
        table.row(vec!["a longer name".into(), "123 456".into()]);
        assert_eq!(table.render(), "server           req/s\necho                12\na longer name  123 456\n");
    }

    #[test]
    fn widths_count_characters_and_not_bytes() {
        let mut table = Table::new(&["µµ", "n"], 1);
        table.row(vec!["ab".into(), "1".into()]);
        assert_eq!(table.render(), "µµ  n\nab  1\n");
    }

    #[test]
    #[should_panic(expected = "a cell for every heading")]
    fn a_row_of_another_length_is_a_bug() {
        Table::new(&["a", "b"], 1).row(vec!["only".into()]);
    }

    #[test]
    fn figures_keep_the_digits_that_are_worth_reading() {
        let cases = [
            (0.0, "0.00"),
            (0.00123, "0.0012"),
            (2.71949, "2.72"),
            (42.42, "42.4"),
            (99.97, "100"),
            (1234567.0, "1 234 567"),
            (-1500.0, "-1 500"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
        assert_eq!(figure_or_none(None), "n/a");
    }
}
