//! Why a message passes a filter, or does not: as data, and as text for people.
//!
//! The explanation is made from the same values and rules that decide, one by one; whether it says "passes" is what
//! [`crate::Filter::matches`] says.

use crate::filter::{Filter, Key, Scope};
use crate::message::{Fields, Message};
use crate::search;
use std::fmt;

/// Why a message passes, or does not. Its display is the text, a line for each key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it passes.
    pub passes: bool,
    /// What the filter is about.
    pub scope: Scope,
    /// Whether the body is a JSON object; a filter of bodies lets no other through.
    pub is_readable: bool,
    /// All alternatives, of which one must hold: one, but for `$or`. None where the body cannot be read.
    pub alternatives: Vec<Alternative>,
}

/// One way to pass: all of its keys must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// Whether it holds.
    pub holds: bool,
    /// Its keys.
    pub keys: Vec<Verdict>,
}

impl Alternative {
    /// Whether each key holds by itself and yet no single element of the message's arrays meets them all.
    pub fn is_scattered(&self) -> bool {
        !self.holds && self.keys.iter().all(|key| key.holds)
    }
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The key, names joined by dots.
    pub key: String,
    /// Whether it holds by itself.
    pub holds: bool,
    /// The message's values under it, as JSON; none where the message has no such key.
    pub values: Vec<String>,
    /// Its rules, as in the policy, of which one must be met.
    pub rules: Vec<RuleVerdict>,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// The rule, as JSON.
    pub rule: String,
    /// Whether it is met.
    pub is_met: bool,
    /// The first value that meets it; a rule that asks for absence is met by none.
    pub by: Option<String>,
}

pub(crate) fn explain(filter: &Filter, message: &Message<'_>) -> Explanation {
    let (paths, asked) = filter.paths();
    let Some(fields) = filter.fields(message, &paths) else {
        return Explanation { passes: false, scope: filter.scope(), is_readable: false, alternatives: Vec::new() };
    };
    let alternative = |alternative: &[u32]| Alternative {
        holds: search::alternative_holds(&fields, filter.keys(), &asked, alternative),
        keys: alternative
            .iter()
            .map(|place| verdict(&fields, &filter.keys()[*place as usize], asked[*place as usize]))
            .collect(),
    };
    let alternatives: Vec<Alternative> = filter.alternatives().map(alternative).collect();
    let passes = alternatives.iter().any(|alternative| alternative.holds);
    Explanation { passes, scope: filter.scope(), is_readable: true, alternatives }
}

fn verdict(fields: &Fields<'_>, key: &Key, path: u32) -> Verdict {
    let values = fields.of(path);
    let rules = key.rules.iter().map(|rule| {
        let by = values.iter().find(|field| rule.meets(&field.value));
        let is_met = by.is_some() || (values.is_empty() && rule.is_met_by_absence());
        RuleVerdict { rule: rule.to_string(), is_met, by: by.map(|field| field.value.to_string()) }
    });
    Verdict {
        key: key.path.to_string(),
        holds: search::key_holds(values, key),
        values: values.iter().map(|field| field.value.to_string()).collect(),
        rules: rules.collect(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.passes { "passes" } else { "does not pass" })?;
        if !self.is_readable {
            return f.write_str(": the body is no JSON object");
        }
        let many = self.alternatives.len() > 1;
        for (place, alternative) in self.alternatives.iter().enumerate() {
            if many {
                let outcome = if alternative.holds { "holds" } else { "does not hold" };
                write!(f, "\nalternative {} of {} {outcome}", place + 1, self.alternatives.len())?;
            }
            for key in &alternative.keys {
                write!(f, "\n  {key}")?;
            }
            if alternative.is_scattered() {
                f.write_str("\n  no single element of the arrays meets all of these")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter().map(|rule| &*rule.rule).collect::<Vec<_>>().join(", ");
        let values = match &self.values[..] {
            [] => "it is absent".to_string(),
            [value] => format!("it is {value}"),
            values => format!("it has {}", values.join(", ")),
        };
        let met = self.rules.iter().find(|rule| rule.is_met);
        match met {
            Some(rule) => {
                let by = rule
                    .by
                    .as_ref()
                    .filter(|_| self.values.len() > 1)
                    .map(|by| format!(" by {by}"))
                    .unwrap_or_default();
                write!(f, "{}: {values}, and meets {}{by}", self.key, rule.rule)
            }
            None if self.rules.len() == 1 => write!(f, "{}: {values}, and does not meet {rules}", self.key),
            None => write!(f, "{}: {values}, and meets none of {rules}", self.key),
        }
    }
}
