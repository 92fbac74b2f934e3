//! From a policy's text to a [`Filter`], or to AWS's words for what is wrong with it.
//!
//! Two readings, as AWS's two parsers make them. The first makes a tree of the text; what is no JSON ends there. The second
//! walks through the tree written without spaces, token by token, in step with the tree, and refuses a rule with the place
//! where its parser stands. Then the limits: keys, combinations, nesting; and last `$or` is taken apart into alternatives.
//!
//! `$or` is a relation only where AWS documents it: before an array of at least two objects, none of which has a member with
//! the name of an operator. Anything else called `$or` is a key like others. Source: AWS, "AND/OR logic" and "Filter policy
//! constraints"; aws/event-ruler, `JsonRuleCompiler`; recorded texts in `tests/recorded.rs`.

mod operators;

use crate::filter::{Filter, Key, Scope};
use crate::json::{Json, NotATree, Token};
use crate::limits::{ALTERNATIVE_KEYS_MAX, COMBINATIONS_MAX, Limits, NESTING_MAX, POLICY_BYTES_MAX};
use crate::parser::Parser;
use crate::refused::Refused;
use crate::rule::Rule;
use std::borrow::Cow;
use std::collections::HashMap;

/// Names that a member of an object in `$or` cannot have: operators of today and those that AWS's engine reserves.
const RESERVED: &[&str] = &[
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

const OR: &str = "$or";

type Member<'t> = (Cow<'t, str>, Json<'t>);

/// What a policy demands, before `$or` is taken apart.
enum Clause {
    Key(Condition),
    Or(Vec<Vec<Clause>>),
}

/// A key and its rules.
struct Condition {
    path: Box<str>,
    rules: Box<[Rule]>,
    /// How deep the key lies; an outermost one 1.
    depth: u64,
}

/// Compiles a policy; nothing where the text takes the filter away.
pub(crate) fn compile(text: &str, scope: Scope, limits: &Limits) -> Result<Option<Filter>, Refused> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    if text.is_empty() {
        return Ok(None);
    }
    let tree = Json::read(text, NESTING_MAX).map_err(|why| match why {
        NotATree::Malformed(malformed) => Refused::Malformed(malformed.words(text)),
        NotATree::TooDeep => Refused::TooComplex,
    })?;
    if tree.members().is_some_and(<[_]>::is_empty) {
        return Ok(None);
    }
    let source = tree.compact();
    let clauses = Compiler { parser: Parser::new(&source), path: String::new() }.policy(&tree)?;
    check(&clauses, scope, limits)?;
    let (keys, alternatives) = alternatives(clauses);
    Ok(Some(Filter::new(scope, keys, alternatives)))
}

fn check(clauses: &[Clause], scope: Scope, limits: &Limits) -> Result<(), Refused> {
    let keys_max = limits.keys_max.min(ALTERNATIVE_KEYS_MAX);
    if keys_of_an_alternative(clauses) > keys_max {
        return Err(Refused::TooManyKeys(keys_max));
    }
    if combinations(clauses, 1) > COMBINATIONS_MAX {
        return Err(Refused::TooComplex);
    }
    if scope == Scope::MessageAttributes && clauses.iter().any(Clause::is_nested) {
        return Err(Refused::Nested);
    }
    Ok(())
}

/// How many combinations of values there are, times those so far: each key multiplies by its values and its depth, alternatives
/// add up.
fn combinations(clauses: &[Clause], so_far: u64) -> u64 {
    clauses.iter().fold(so_far, |so_far, clause| match clause {
        Clause::Key(condition) => so_far.saturating_mul(condition.rules.len() as u64).saturating_mul(condition.depth),
        Clause::Or(all) => all.iter().fold(0, |sum: u64, clauses| sum.saturating_add(combinations(clauses, so_far))),
    })
}

/// How many keys the alternative with most of them has.
fn keys_of_an_alternative(clauses: &[Clause]) -> usize {
    let keys = clauses.iter().map(|clause| match clause {
        Clause::Key(_) => 1,
        Clause::Or(all) => all.iter().map(|clauses| keys_of_an_alternative(clauses)).max().unwrap_or(0),
    });
    keys.sum()
}

impl Clause {
    fn is_nested(&self) -> bool {
        match self {
            Self::Key(condition) => condition.depth > 1,
            Self::Or(all) => all.iter().flatten().any(Self::is_nested),
        }
    }
}

/// Takes `$or` apart: all keys, and each alternative as places among them. A key that an alternative has twice has the rules that
/// come last, as in AWS's engine.
fn alternatives(clauses: Vec<Clause>) -> (Vec<Key>, Vec<Vec<u32>>) {
    let mut keys = Vec::new();
    let branches = branch(clauses, vec![Branch::new()], &mut keys);
    (keys, branches.into_iter().map(|branch| branch.into_values().collect()).collect())
}

/// One alternative: where the rules of each key are.
type Branch = HashMap<Box<str>, u32>;

fn branch(clauses: Vec<Clause>, begun: Vec<Branch>, keys: &mut Vec<Key>) -> Vec<Branch> {
    clauses.into_iter().fold(begun, |mut begun, clause| match clause {
        Clause::Key(Condition { path, rules, .. }) => {
            let place = u32::try_from(keys.len()).expect("a policy has fewer keys than bytes");
            for branch in &mut begun {
                branch.insert(path.clone(), place);
            }
            keys.push(Key::new(path, rules));
            begun
        }
        Clause::Or(all) => all.into_iter().flat_map(|clauses| branch(clauses, begun.clone(), keys)).collect(),
    })
}

/// The second reading.
struct Compiler<'t> {
    parser: Parser<'t>,
    /// The key so far.
    path: String,
}

impl Compiler<'_> {
    fn policy(mut self, tree: &Json<'_>) -> Result<Vec<Clause>, Refused> {
        if self.parser.next() != Token::ObjectStart {
            return Err(self.refuse("Filter is not an object"));
        }
        self.object(tree.members().expect("the parser reads what the tree holds"), 1, false)
    }

    /// An object whose brace the parser has passed.
    fn object(&mut self, members: &[Member<'_>], depth: u64, is_in_or: bool) -> Result<Vec<Clause>, Refused> {
        let mut clauses = Vec::new();
        for (name, value) in members {
            self.parser.next();
            if name == OR && is_relation(value) {
                clauses.push(self.or(value, depth)?);
                continue;
            }
            if is_in_or && RESERVED.contains(&&**name) {
                return Err(
                    self.refuse(&format!("{name} is Ruler reserved fieldName which cannot be used inside $or."))
                );
            }
            let length = self.step(name, depth);
            match (self.parser.next(), value) {
                (Token::ObjectStart, Json::Object(members)) => {
                    clauses.extend(self.object(members, depth + 1, is_in_or)?);
                }
                (Token::ArrayStart, _) => clauses.push(Clause::Key(self.key(depth)?)),
                _ => return Err(self.refuse(&format!("\"{name}\" must be an object or an array"))),
            }
            self.path.truncate(length);
        }
        self.parser.next();
        if members.is_empty() {
            return Err(self.refuse("Empty objects are not allowed"));
        }
        Ok(clauses)
    }

    fn or(&mut self, value: &Json<'_>, depth: u64) -> Result<Clause, Refused> {
        let Json::Array(objects) = value else { unreachable!("a relation is an array") };
        self.parser.next();
        let mut all = Vec::new();
        for object in objects {
            self.parser.next();
            all.push(self.object(object.members().expect("a relation's items are objects"), depth, true)?);
        }
        self.parser.next();
        Ok(Clause::Or(all))
    }

    /// The rules of one key, whose bracket the parser has passed.
    fn key(&mut self, depth: u64) -> Result<Condition, Refused> {
        let mut rules = Vec::new();
        loop {
            rules.push(match self.parser.next() {
                Token::ArrayEnd => break,
                Token::ObjectStart => self.operator()?,
                Token::Text(text) => {
                    self.parser.look();
                    Rule::text(&text)
                }
                Token::Number(text) => Rule::number(text),
                Token::True => Rule::True,
                Token::False => Rule::False,
                Token::Null => Rule::Null,
                _ => return Err(self.refuse("Match value must be String, number, true, false, or null")),
            });
        }
        if rules.is_empty() {
            return Err(self.refuse("Empty arrays are not allowed"));
        }
        Ok(Condition { path: self.path.as_str().into(), rules: rules.into(), depth })
    }

    /// Goes into a member; how long the path was before.
    fn step(&mut self, name: &str, depth: u64) -> usize {
        let length = self.path.len();
        if depth > 1 {
            self.path.push('.');
        }
        self.path.push_str(name);
        length
    }

    /// A refusal at the place where the parser stands.
    fn refuse(&self, sentence: &str) -> Refused {
        Refused::Rule(self.parser.says(sentence))
    }
}

/// Whether what is called `$or` is the relation.
fn is_relation(value: &Json<'_>) -> bool {
    let Json::Array(items) = value else { return false };
    let is_plain = |item: &Json<'_>| {
        item.members().is_some_and(|members| !members.iter().any(|(name, _)| RESERVED.contains(&&**name)))
    };
    items.len() >= 2 && items.iter().all(is_plain)
}
