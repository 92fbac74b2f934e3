//! The names of condition operators: `StringLike`, `ForAllValues:ArnLikeIfExists` …
//!
//! An operator is a comparison, whether it is turned round, over which values of the request it goes, and whether it holds
//! where the key is missing. Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Set operators".

/// How an order is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
}

impl Order {
    pub(crate) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equals => left == right,
            Self::Less => left < right,
            Self::LessOrEquals => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEquals => left >= right,
        }
    }
}

/// What is compared, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Text { wildcards: bool, fold: bool },
    Number(Order),
    Moment(Order),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

/// Over which of the request's values a condition goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The only one: the key is of one value.
    Single,
    /// ForAllValues.
    All,
    /// ForAnyValue.
    Any,
}

/// A whole operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) comparison: Comparison,
    pub(crate) negated: bool,
    pub(crate) over: Over,
    pub(crate) if_exists: bool,
}

impl Operator {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (over, rest) = match name.split_once(':') {
            None => (Over::Single, name),
            Some(("ForAllValues", rest)) => (Over::All, rest),
            Some(("ForAnyValue", rest)) => (Over::Any, rest),
            Some(_) => return None,
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        let (comparison, negated) = comparison(base)?;
        let plain = over == Over::Single && !if_exists;
        (comparison != Comparison::Null || plain).then_some(Self { comparison, negated, over, if_exists })
    }
}

fn comparison(base: &str) -> Option<(Comparison, bool)> {
    let text = |wildcards, fold| Comparison::Text { wildcards, fold };
    Some(match base {
        "StringEquals" => (text(false, false), false),
        "StringNotEquals" => (text(false, false), true),
        "StringEqualsIgnoreCase" => (text(false, true), false),
        "StringNotEqualsIgnoreCase" => (text(false, true), true),
        "StringLike" => (text(true, false), false),
        "StringNotLike" => (text(true, false), true),
        "Bool" => (Comparison::Bool, false),
        "BinaryEquals" => (Comparison::Binary, false),
        "IpAddress" => (Comparison::Address, false),
        "NotIpAddress" => (Comparison::Address, true),
        "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
        "Null" => (Comparison::Null, false),
        _ => {
            let (of, order): (fn(Order) -> Comparison, &str) = match base.strip_prefix("Numeric") {
                Some(order) => (Comparison::Number, order),
                None => (Comparison::Moment, base.strip_prefix("Date")?),
            };
            let (order, negated) = ordered(order)?;
            (of(order), negated)
        }
    })
}

fn ordered(name: &str) -> Option<(Order, bool)> {
    Some(match name {
        "Equals" => (Order::Equals, false),
        "NotEquals" => (Order::Equals, true),
        "LessThan" => (Order::Less, false),
        "LessThanEquals" => (Order::LessOrEquals, false),
        "GreaterThan" => (Order::Greater, false),
        "GreaterThanEquals" => (Order::GreaterOrEquals, false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_taken_apart() {
        let operator = Operator::parse("ForAllValues:StringNotLikeIfExists").unwrap();
        let comparison = Comparison::Text { wildcards: true, fold: false };
        assert_eq!(operator, Operator { comparison, negated: true, over: Over::All, if_exists: true });
        let operator = Operator::parse("DateGreaterThanEquals").unwrap();
        assert_eq!(operator.comparison, Comparison::Moment(Order::GreaterOrEquals));
    }

    #[test]
    fn what_is_no_operator_is_refused() {
        for name in [
            "",
            "stringEquals",
            "ForSomeValues:Bool",
            "NullIfExists",
            "ForAnyValue:Null",
            "NumericLike",
            "IfExists",
            "BoolIfExistsIfExists",
        ] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
