//! A measured figure beside its target.
//!
//! A miss is printed and never fails the run: a figure on a busy machine says something about the machine too, so it is
//! read by people, in the table, with the load that stood beside it.

use serde::Serialize;

use crate::table::{Table, figure};

/// Which side of the target is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

/// One line of the verdict table; `value` is `None` where the measurement could not be made, with the reason in `note`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verdict {
    pub(crate) what: String,
    pub(crate) value: Option<f64>,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
    pub(crate) target: f64,
    pub(crate) note: String,
}

impl Verdict {
    pub(crate) fn met(&self) -> Option<bool> {
        let value = self.value?;
        Some(match self.bound {
            Bound::AtMost => value <= self.target,
            Bound::AtLeast => value >= self.target,
        })
    }

    fn cells(&self) -> Vec<String> {
        let sign = if self.bound == Bound::AtMost { "≤" } else { "≥" };
        let unit = self.unit;
        let value = self.value.map_or_else(|| "not measured".to_owned(), |value| format!("{} {unit}", figure(value)));
        let word = match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "-",
        };
        let target = format!("{sign} {} {unit}", figure(self.target));
        vec![
            self.what.clone(),
            value.trim_end().to_owned(),
            target.trim_end().to_owned(),
            word.into(),
            self.note.clone(),
        ]
    }
}

/// The verdicts as one aligned table.
pub(crate) fn render(verdicts: &[Verdict]) -> String {
    let mut table = Table::new(&["figure", "measured", "target", "verdict", "note"], 5);
    verdicts.iter().for_each(|verdict| table.row(verdict.cells()));
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: Option<f64>, bound: Bound, target: f64) -> Verdict {
        Verdict { what: "x".into(), value, unit: "ms", bound, target, note: String::new() }
    }

    #[test]
    fn the_target_itself_is_met_on_both_sides() {
        assert_eq!(verdict(Some(3.0), Bound::AtMost, 3.0).met(), Some(true));
        assert_eq!(verdict(Some(30.0), Bound::AtLeast, 30.0).met(), Some(true));
    }

    #[test]
    fn beyond_the_target_is_missed_and_says_so() {
        assert_eq!(verdict(Some(3.1), Bound::AtMost, 3.0).met(), Some(false));
        assert_eq!(verdict(Some(29.0), Bound::AtLeast, 30.0).met(), Some(false));
        assert!(render(&[verdict(Some(3.1), Bound::AtMost, 3.0)]).contains("MISSED"));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert_eq!(verdict(None, Bound::AtMost, 3.0).met(), None);
        assert!(render(&[verdict(None, Bound::AtMost, 3.0)]).contains("not measured"));
    }
}
