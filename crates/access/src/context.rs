//! The facts of a request that conditions ask for: `aws:SourceIp`, `aws:PrincipalTag/team` and the like.
//!
//! Keys are the same in upper and lower case. A key has one value or many: whether it is of many is the key's nature
//! (`aws:TagKeys` is, even with one tag), because a condition on such a key needs ForAllValues or ForAnyValue. Values
//! keep their type, so that a moment or an address is compared without being written out and read again.

use crate::caller::{Caller, Kind};
use crate::policy::moment;
use names::Instant;
use std::borrow::Cow;
use std::net::IpAddr;

/// The name of a fact, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Box<str>);

impl Key {
    /// Takes it in any case.
    pub fn new(name: &str) -> Self {
        Self(name.to_lowercase().into())
    }

    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Anything; read as a number, a moment or an address by the condition that wants one.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A point in time.
    Moment(Instant),
    /// An address; an IPv4 address in IPv6's clothes should be undressed before.
    Address(IpAddr),
}

impl Value<'_> {
    /// As it would be written.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Number(number) => number.to_string().into(),
            Self::Moment(moment) => moment::write(moment.as_millis()).into(),
            Self::Address(address) => address.to_string().into(),
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number as f64),
            Self::Moment(moment) => Some(moment.as_secs() as f64),
            Self::Text(text) => parse_number(text),
            _ => None,
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn moment(&self) -> Option<i64> {
        match self {
            Self::Moment(moment) => i64::try_from(moment.as_millis()).ok(),
            Self::Number(seconds) => seconds.checked_mul(1000),
            Self::Text(text) => moment::parse(text),
            _ => None,
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => parse_bool(text),
            _ => None,
        }
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// A decimal number; not `inf`, `nan` or the like.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    plain.then(|| text.parse().ok())?
}

pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Instant> for Value<'_> {
    fn from(moment: Instant) -> Self {
        Self::Moment(moment)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}

/// What a key has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
}

/// All facts of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context<'a> {
    entries: Vec<(Cow<'a, str>, Values<'a>)>,
}

impl<'a> Context<'a> {
    /// Knows nothing.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// What the caller itself says of the request: who it is, in the words of the global condition keys.
    pub fn of(caller: &'a Caller) -> Self {
        let mut context = Self { entries: Vec::with_capacity(16) };
        context.set("aws:principaltype", caller.kind().principal_type());
        context.set("aws:principalisawsservice", caller.kind() == Kind::Service);
        if caller.kind() == Kind::Service {
            context.set("aws:principalservicename", caller.name());
        }
        if let Some(account) = caller.account() {
            context.set("aws:principalaccount", account.to_string());
            context.set("aws:principalarn", caller.lasting_arn());
        }
        if let Some(name) = caller.user_name() {
            context.set("aws:username", name);
        }
        if let Some(id) = caller.user_id() {
            context.set("aws:userid", id);
        }
        context
    }

    /// Says a key's value. The key is in lower case or is brought into it; what it had before is gone.
    pub fn set(&mut self, key: &'a str, value: impl Into<Value<'a>>) {
        self.put(key, Values::One(value.into()));
    }

    /// Says the values of a key that is of many, even if they are one or none.
    pub fn set_many<V: Into<Value<'a>>>(&mut self, key: &'a str, values: impl IntoIterator<Item = V>) {
        self.put(key, Values::Many(values.into_iter().map(Into::into).collect()));
    }

    /// The same in one expression.
    #[must_use]
    pub fn with(mut self, key: &'a str, value: impl Into<Value<'a>>) -> Self {
        self.set(key, value);
        self
    }

    /// The same in one expression.
    #[must_use]
    pub fn with_many<V: Into<Value<'a>>>(mut self, key: &'a str, values: impl IntoIterator<Item = V>) -> Self {
        self.set_many(key, values);
        self
    }

    fn put(&mut self, key: &'a str, values: Values<'a>) {
        let upper = key.chars().any(char::is_uppercase);
        let key = if upper { Cow::Owned(key.to_lowercase()) } else { Cow::Borrowed(key) };
        match self.entries.iter_mut().find(|(earlier, _)| *earlier == key) {
            Some(entry) => entry.1 = values,
            None => self.entries.push((key, values)),
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Values<'a>> {
        self.entries.iter().find(|(name, _)| **name == *key.0).map(|(_, values)| values)
    }

    /// The value of a key that has exactly one by its nature.
    pub(crate) fn single(&self, key: &Key) -> Option<&Value<'a>> {
        match self.get(key)? {
            Values::One(value) => Some(value),
            Values::Many(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_in_any_case_and_the_last_word_counts() {
        let context = Context::new().with("aws:SourceAccount", "1").with("AWS:sourceaccount", "2");
        assert_eq!(context.single(&Key::new("aws:sourceAccount")), Some(&Value::from("2")));
        assert_eq!(context.single(&Key::new("aws:sourceArn")), None);
    }

    #[test]
    fn what_a_caller_is_stands_in_its_context() {
        let account = Some("111111111111");
        for (name, sort, account, service) in [
            ("arn:aws:iam::111111111111:root", "Account", account, None),
            ("arn:aws:iam::111111111111:user/bob", "User", account, None),
            ("arn:aws:sts::111111111111:assumed-role/r/s", "AssumedRole", account, None),
            ("arn:aws:sts::111111111111:federated-user/f", "FederatedUser", account, None),
            ("s3.amazonaws.com", "Service", None, Some("s3.amazonaws.com")),
            ("anonymous", "Anonymous", None, None),
        ] {
            let caller = Caller::parse(name).unwrap();
            let context = Context::of(&caller);
            let value = |key: &str| context.single(&Key::new(key)).map(|value| value.text().into_owned());
            assert_eq!(value("aws:PrincipalType").as_deref(), Some(sort), "{name}");
            assert_eq!(value("aws:PrincipalAccount").as_deref(), account, "{name}");
            assert_eq!(value("aws:PrincipalServiceName").as_deref(), service, "{name}");
            let is_service = if service.is_some() { "true" } else { "false" };
            assert_eq!(value("aws:PrincipalIsAWSService").as_deref(), Some(is_service), "{name}");
        }
    }

    #[test]
    fn a_value_is_read_as_what_a_condition_wants() {
        assert_eq!(Value::from("1.5").number(), Some(1.5));
        assert_eq!(Value::from("inf").number(), None);
        assert_eq!(Value::from("TRUE").bool(), Some(true));
        assert_eq!(Value::from(Instant::from_millis(1500)).number(), Some(1.0));
        assert_eq!(Value::from(Instant::from_millis(1_577_836_800_000)).text(), "2020-01-01T00:00:00Z");
        assert_eq!(Value::from("::ffff:10.0.0.1".parse::<IpAddr>().unwrap()).text(), "10.0.0.1");
        assert_eq!(Value::from("x").address(), None);
    }
}
