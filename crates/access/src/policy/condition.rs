//! One condition: an operator, a key, and the values that the request's are compared with.
//!
//! Values are read once, when the policy is compiled. A condition holds, does not hold, or cannot be said, because the
//! request's value is no number, no moment, no ARN, or because a variable has no value; what cannot be said does not hold,
//! turned round or not. Sources: IAM User Guide, "Condition operators", "Set operators for multivalued context keys".

use super::network::Network;
use super::operator::{Comparison, Operator, Order, Over};
use super::pattern::{Manner, Pattern, Style};
use super::{malformed::Malformed, moment};
use crate::context::{Context, Key, Value, Values, parse_bool, parse_number};

/// A compiled condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    key: Key,
    test: Test,
    negated: bool,
    over: Over,
    if_exists: bool,
}

/// The policy's values, read as what the operator compares.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Text {
        patterns: Box<[Pattern]>,
        fold: bool,
    },
    Arn(Box<[Pattern]>),
    Number(Order, Box<[f64]>),
    Moment(Order, Box<[i64]>),
    Bool(Box<[bool]>),
    Binary(Box<[Vec<u8>]>),
    Address(Box<[Network]>),
    Null(Box<[bool]>),
    /// A value that is none of its type stands where everything but it would match: nothing can be said.
    Unreadable,
}

impl Condition {
    /// Compiles what stands under an operator. Only dates that are none are refused, as AWS refuses them; other values
    /// that cannot be read match nothing.
    pub(crate) fn compile(
        operator: Operator,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, Malformed> {
        let Operator { comparison, negated, over, if_exists } = operator;
        let patterns = |style, fold| {
            let manner = Manner { style, variables, fold };
            values.iter().map(|value| Pattern::compile(value, manner)).collect()
        };
        let test = match comparison {
            Comparison::Text { wildcards, fold } => {
                Some(Test::Text { patterns: patterns(if wildcards { Style::Free } else { Style::Plain }, fold), fold })
            }
            Comparison::Arn => Some(Test::Arn(patterns(Style::Arn, false))),
            Comparison::Number(order) => read(values, negated, parse_number).map(|read| Test::Number(order, read)),
            Comparison::Moment(order) => {
                let read: Option<Box<[i64]>> = values.iter().map(|value| moment::parse(value)).collect();
                Some(Test::Moment(order, read.ok_or(Malformed::LegacyParsing)?))
            }
            Comparison::Bool => read(values, negated, parse_bool).map(Test::Bool),
            Comparison::Binary => read(values, negated, decode).map(Test::Binary),
            Comparison::Address => read(values, negated, Network::parse).map(Test::Address),
            Comparison::Null => read(values, negated, parse_bool).map(Test::Null),
        };
        Ok(Self { key: Key::new(key), test: test.unwrap_or(Test::Unreadable), negated, over, if_exists })
    }

    /// Whether the condition holds for a request.
    pub(crate) fn holds(&self, context: &Context) -> bool {
        let values = context.get(&self.key);
        if let Test::Null(wanted) = &self.test {
            let missing = values.is_none_or(|values| matches!(values, Values::Many(many) if many.is_empty()));
            return wanted.contains(&missing);
        }
        let holds = |value| self.holds_of(value, context);
        match (values, self.over) {
            (None, _) if self.if_exists => true,
            (None, Over::All) => true,
            (None, Over::Any) => false,
            (None, Over::Single) => self.negated,
            (Some(Values::One(value)), _) => holds(value),
            (Some(Values::Many(values)), Over::All) => values.iter().all(holds),
            (Some(Values::Many(values)), Over::Any) => values.iter().any(holds),
            (Some(Values::Many(_)), Over::Single) => false,
        }
    }

    fn holds_of(&self, value: &Value, context: &Context) -> bool {
        self.test.matches(value, context).is_some_and(|matches| matches != self.negated)
    }
}

/// Reads the values that can be read; nothing if one cannot and the operator is turned round.
fn read<T>(values: &[String], negated: bool, parse: impl Fn(&str) -> Option<T>) -> Option<Box<[T]>> {
    let read: Vec<Option<T>> = values.iter().map(|value| parse(value)).collect();
    let whole = read.iter().all(Option::is_some);
    (whole || !negated).then(|| read.into_iter().flatten().collect())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    base64_simd::STANDARD.decode_to_vec(text).ok()
}

impl Test {
    /// Whether one value of the request matches one of the policy's; nothing if it cannot be said.
    fn matches(&self, value: &Value, context: &Context) -> Option<bool> {
        Some(match self {
            Self::Text { patterns, fold: false } => return any(patterns, &value.text(), context),
            Self::Text { patterns, fold: true } => return any(patterns, &value.text().to_lowercase(), context),
            Self::Arn(patterns) => {
                let text = value.text();
                return if is_arn(&text) { any(patterns, &text, context) } else { None };
            }
            Self::Number(order, values) => {
                let number = value.number()?;
                values.iter().any(|wanted| order.holds(&number, wanted))
            }
            Self::Moment(order, values) => {
                let moment = value.moment()?;
                values.iter().any(|wanted| order.holds(&moment, wanted))
            }
            Self::Bool(values) => values.contains(&value.bool()?),
            Self::Binary(values) => values.contains(&decode(&value.text())?),
            Self::Address(networks) => {
                let address = value.address()?;
                networks.iter().any(|network| network.holds(address))
            }
            Self::Null(_) | Self::Unreadable => return None,
        })
    }
}

/// A match is a match whatever else cannot be said.
fn any(patterns: &[Pattern], value: &str, context: &Context) -> Option<bool> {
    let mut known = true;
    for pattern in patterns {
        match pattern.matches(value, context) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => known = false,
        }
    }
    known.then_some(false)
}

/// Six parts, the first of them `arn`.
fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.splitn(6, ':').count() == 6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, values: &[&str], context: &Context) -> bool {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        Condition::compile(Operator::parse(operator).unwrap(), "k", &values, true).unwrap().holds(context)
    }

    fn of<'a>(value: &'a str) -> Context<'a> {
        Context::new().with("k", value)
    }

    /// An operator, values of a policy, values of a request that match and that do not.
    type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

    const TABLE: &[Row] = &[
        ("StringEquals", &["a", "b*"], &["a", "b*"], &["A", "bc", ""]),
        ("StringNotEquals", &["a", "b"], &["c", "A"], &["a", "b"]),
        ("StringEqualsIgnoreCase", &["aÄ"], &["Aä", "aÄ"], &["a"]),
        ("StringNotEqualsIgnoreCase", &["a"], &["b"], &["A", "a"]),
        ("StringLike", &["a*", "?x"], &["a", "abc", "yx"], &["ba", "x"]),
        ("StringNotLike", &["a*", "b"], &["cb"], &["ab", "b"]),
        ("NumericEquals", &["1", "2.50"], &["1.0", "2.5"], &["3", "x"]),
        ("NumericNotEquals", &["1", "2"], &["3"], &["1", "2", "x"]),
        ("NumericLessThan", &["5"], &["4", "-1"], &["5", "6", "x"]),
        ("NumericLessThanEquals", &["5"], &["5"], &["5.1"]),
        ("NumericGreaterThan", &["5"], &["5.1"], &["5", "x"]),
        ("NumericGreaterThanEquals", &["5"], &["5", "1e3"], &["4"]),
        ("DateEquals", &["2020-01-01"], &["2020-01-01T00:00:00Z", "1577836800"], &["2020-01-02", "x"]),
        ("DateNotEquals", &["2020-01-01"], &["2020-01-02"], &["2020", "x"]),
        ("DateLessThan", &["2020-01-01"], &["2019-12-31T23:59:59Z"], &["2020-01-01"]),
        ("DateLessThanEquals", &["2020-01-01"], &["2020-01-01"], &["2020-01-02"]),
        ("DateGreaterThan", &["2020-01-01"], &["2020-01-01T00:00:01Z"], &["2020-01-01"]),
        ("DateGreaterThanEquals", &["2020-01-01"], &["2020-01-01"], &["2019"]),
        ("Bool", &["true"], &["true", "TRUE"], &["false", "1"]),
        ("BinaryEquals", &["aGk="], &["aGk="], &["aGo=", "?"]),
        ("IpAddress", &["10.0.0.0/8", "2001:db8::/32"], &["10.1.2.3", "2001:db8::1"], &["11.0.0.1", "::1", "x"]),
        ("NotIpAddress", &["10.0.0.0/8"], &["11.0.0.1", "::1"], &["10.0.0.1", "x"]),
        ("ArnEquals", &["arn:aws:s3:::b*"], &["arn:aws:s3:::bucket"], &["arn:aws:s3:::c", "b"]),
        ("ArnLike", &["arn:aws:s3:*:*:b"], &["arn:aws:s3:::b"], &["arn:aws:sqs:::b"]),
        ("ArnNotEquals", &["arn:aws:s3:::b"], &["arn:aws:s3:::c"], &["arn:aws:s3:::b", "x"]),
        ("ArnNotLike", &["arn:aws:s3:::b*"], &["arn:aws:s3:::c"], &["arn:aws:s3:::bc", "x"]),
    ];

    #[test]
    fn every_operator_compares_as_the_user_guide_says() {
        for (operator, policy, matching, other) in TABLE {
            for value in *matching {
                assert!(holds(operator, policy, &of(value)), "{operator} {policy:?} {value}");
            }
            for value in *other {
                assert!(!holds(operator, policy, &of(value)), "{operator} {policy:?} {value}");
            }
        }
    }

    #[test]
    fn a_missing_key_holds_only_for_what_is_turned_round_or_if_exists() {
        for (operator, policy, _, _) in TABLE {
            let negated = operator.contains("Not");
            assert_eq!(holds(operator, policy, &Context::new()), negated, "{operator}");
            assert!(holds(&format!("{operator}IfExists"), policy, &Context::new()), "{operator}IfExists");
            assert!(holds(&format!("ForAllValues:{operator}"), policy, &Context::new()), "{operator}");
            assert!(!holds(&format!("ForAnyValue:{operator}"), policy, &Context::new()), "{operator}");
            assert!(holds(&format!("ForAnyValue:{operator}IfExists"), policy, &Context::new()), "{operator}");
        }
    }

    #[test]
    fn null_asks_whether_the_key_is_there() {
        assert!(holds("Null", &["true"], &Context::new()) && !holds("Null", &["false"], &Context::new()));
        assert!(holds("Null", &["false"], &of("x")) && !holds("Null", &["true"], &of("x")));
        assert!(holds("Null", &["true"], &Context::new().with_many("k", [""; 0])));
    }

    #[test]
    fn sets_go_over_all_or_any_of_the_values() {
        let many = Context::new().with_many("k", ["a", "b"]);
        assert!(holds("ForAllValues:StringEquals", &["a", "b", "c"], &many));
        assert!(!holds("ForAllValues:StringEquals", &["a"], &many));
        assert!(holds("ForAnyValue:StringEquals", &["b"], &many));
        assert!(!holds("ForAnyValue:StringEquals", &["c"], &many));
        assert!(holds("ForAllValues:StringNotEquals", &["c"], &many));
        assert!(holds("ForAnyValue:StringNotEquals", &["a"], &many));
        assert!(!holds("ForAnyValue:StringNotEquals", &["a", "b"], &many));
        assert!(holds("ForAllValues:StringEquals", &["c"], &Context::new().with_many("k", [""; 0])));
        assert!(!holds("StringEquals", &["a"], &many) && !holds("StringNotEquals", &["c"], &many));
    }

    #[test]
    fn variables_are_put_in_as_plain_text() {
        let context = of("a*").with("aws:username", "a*");
        assert!(holds("StringEquals", &["${aws:username}"], &context));
        assert!(holds("StringLike", &["${aws:username}"], &context));
        let other = of("abc").with("aws:username", "a*");
        assert!(!holds("StringLike", &["${aws:username}"], &other));
        assert!(holds("ArnLike", &["${owner}"], &of("arn:aws:s3:::b").with("owner", "arn:aws:s3:::b")));
        assert!(holds("StringEquals", &["${team, 'x'}"], &of("x")));
        assert!(holds("StringEqualsIgnoreCase", &["${team}"], &of("ABC").with("team", "aBc")));
    }

    #[test]
    fn without_a_variables_value_nothing_can_be_said() {
        assert!(!holds("StringEquals", &["${gone}"], &of("x")));
        assert!(!holds("StringNotEquals", &["${gone}"], &of("x")));
        assert!(holds("StringEquals", &["${gone}", "x"], &of("x")));
        assert!(!holds("ArnNotLike", &["arn:aws:s3:::${gone}"], &of("arn:aws:s3:::b")));
        assert!(holds("ArnNotLike", &["arn:aws:sqs:*:*:${gone}"], &of("arn:aws:s3:::b")), "no value could match");
    }

    #[test]
    fn what_cannot_be_read_matches_nothing_and_a_date_that_is_none_is_refused() {
        assert!(!holds("NumericEquals", &["x"], &of("3")) && holds("NumericEquals", &["x", "3"], &of("3")));
        assert!(!holds("NumericNotEquals", &["x"], &of("3")));
        let operator = Operator::parse("DateLessThan").unwrap();
        let refused = Condition::compile(operator, "k", &["soon".to_owned()], true);
        assert_eq!(refused.unwrap_err(), Malformed::LegacyParsing);
    }
}
