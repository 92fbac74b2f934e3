//! Match expressions: what stands in braces among a key's rules.
//!
//! The checks come in the order in which AWS's compiler makes them, since that decides which sentence a policy with two faults
//! is refused with. `anything-but` takes a text, a number, a list of either, or a `prefix`; AWS was recorded to refuse its other
//! forms, and does not know `wildcard`. Source: aws/event-ruler, `JsonRuleCompiler`; LocalStack's recordings.

use super::Compiler;
use crate::address::Block;
use crate::json::Token;
use crate::number::Number;
use crate::refused::Refused;
use crate::rule::{Rule, fold};

const ONE_KEY_ONLY: &str = "Only one key allowed in match expression";
const TOO_MANY_ELEMENTS: &str = "Too many elements in numeric expression";
const OUT_OF_RANGE: &str = "Value must be between -1.0E9 and 1.0E9, inclusive";

impl Compiler<'_> {
    /// One match expression, whose brace the parser has passed.
    pub(super) fn operator(&mut self) -> Result<Rule, Refused> {
        let Token::Name(name) = self.parser.next() else { return Err(self.refuse("Match expression name not found")) };
        match &*name {
            "exactly" => self.text("exact match pattern must be a string", |text| Rule::Text(text.into())),
            "prefix" => self.text("prefix match pattern must be a string", |text| Rule::Prefix(text.into())),
            "suffix" => self.text("suffix match pattern must be a string", |text| Rule::Suffix(text.into())),
            "equals-ignore-case" => {
                let words = "equals-ignore-case match pattern must be a string";
                self.text(words, |text| Rule::IgnoreCase(fold(text).collect::<String>().into()))
            }
            "numeric" => self.numeric(),
            "anything-but" => self.anything_but(),
            "exists" => self.exists(),
            "cidr" => self.cidr(),
            _ => Err(self.refuse(&format!("Unrecognized match type {name}"))),
        }
    }

    fn text(&mut self, words: &str, rule: impl FnOnce(&str) -> Rule) -> Result<Rule, Refused> {
        let Token::Text(text) = self.parser.next() else { return Err(self.refuse(words)) };
        self.parser.look();
        self.end(ONE_KEY_ONLY)?;
        Ok(rule(&text))
    }

    fn end(&mut self, words: &str) -> Result<(), Refused> {
        match self.parser.next() {
            Token::ObjectEnd => Ok(()),
            _ => Err(self.refuse(words)),
        }
    }

    fn exists(&mut self) -> Result<Rule, Refused> {
        let rule = match self.parser.next() {
            Token::True => Rule::Exists,
            Token::False => Rule::Absent,
            _ => return Err(self.refuse("exists match pattern must be either true or false.")),
        };
        self.end(ONE_KEY_ONLY)?;
        Ok(rule)
    }

    /// A block that is none is refused before anything behind it is read, and without a place.
    fn cidr(&mut self) -> Result<Rule, Refused> {
        let Token::Text(text) = self.parser.next() else {
            return Err(self.refuse("prefix match pattern must be a string"));
        };
        self.parser.look();
        let block = Block::parse(&text).map_err(Refused::Rule)?;
        self.end(ONE_KEY_ONLY)?;
        Ok(Rule::Block(block))
    }

    fn numeric(&mut self) -> Result<Rule, Refused> {
        if self.parser.next() != Token::ArrayStart {
            return Err(self.refuse("Value of numeric must be an array."));
        }
        let rule = self.range()?;
        self.end(TOO_MANY_ELEMENTS)?;
        Ok(rule)
    }

    /// The array behind `numeric`, whose bracket the parser has passed.
    fn range(&mut self) -> Result<Rule, Refused> {
        let operator = match self.parser.next() {
            Token::Text(operator) => operator,
            other => return Err(self.refuse(&format!("Invalid member in numeric match: {}", written(&other)))),
        };
        self.parser.look();
        let value = self.parser.next();
        let named = match &*operator {
            "=" => "equals",
            "<" | "<=" | ">" | ">=" => &*operator,
            _ => return Err(self.refuse(&format!("Unrecognized numeric range operator: {operator}"))),
        };
        let Token::Number(value) = value else { return Err(self.refuse(&format!("Value of {named} must be numeric"))) };
        match (self.parser.next(), &*operator) {
            (Token::ArrayEnd, _) => self.open_range(&operator, value),
            (upper, ">" | ">=") => self.closed_range(&operator, value, upper),
            _ => Err(self.refuse(TOO_MANY_ELEMENTS)),
        }
    }

    fn open_range(&self, operator: &str, value: &str) -> Result<Rule, Refused> {
        let number = self.bounded(value)?;
        Ok(match operator {
            "=" => Rule::Number(number),
            "<" => number.previous().map_or(Rule::Nothing, |last| Rule::Range(Number::MIN, last)),
            "<=" => Rule::Range(Number::MIN, number),
            ">" => number.next().map_or(Rule::Nothing, |first| Rule::Range(first, Number::MAX)),
            _ => Rule::Range(number, Number::MAX),
        })
    }

    fn closed_range(&mut self, operator: &str, bottom: &str, upper: Token<'_>) -> Result<Rule, Refused> {
        let upper_operator = match upper {
            Token::Text(upper) => upper,
            other => return Err(self.refuse(&format!("Bad value in numeric range: {}", written(&other)))),
        };
        self.parser.look();
        if !matches!(&*upper_operator, "<" | "<=") {
            return Err(self.refuse(&format!("Bad numeric range operator: {upper_operator}")));
        }
        let Token::Number(top) = self.parser.next() else {
            return Err(self.refuse(&format!("Value of {upper_operator} must be numeric")));
        };
        if self.parser.next() != Token::ArrayEnd {
            return Err(self.refuse("Too many terms in numeric range expression"));
        }
        let (bottom, top) = (self.bounded(bottom)?, self.bounded(top)?);
        if bottom >= top {
            return Err(self.refuse("Bottom must be less than top"));
        }
        let first = if operator == ">" { bottom.next() } else { Some(bottom) };
        let last = if &*upper_operator == "<" { top.previous() } else { Some(top) };
        Ok(match (first, last) {
            (Some(first), Some(last)) if first <= last => Rule::Range(first, last),
            _ => Rule::Nothing,
        })
    }

    fn bounded(&self, value: &str) -> Result<Number, Refused> {
        Number::parse(value).ok_or_else(|| self.refuse(OUT_OF_RANGE))
    }

    fn anything_but(&mut self) -> Result<Rule, Refused> {
        let rule = match self.parser.next() {
            Token::ObjectStart => return self.anything_but_prefix(),
            Token::ArrayStart => self.anything_but_list()?,
            Token::Text(text) => {
                self.parser.look();
                Rule::NotTexts([(*text).into()].into())
            }
            // One number alone is refused without a place: nothing in AWS's compiler adds it.
            Token::Number(text) => {
                Rule::NotNumbers([Number::parse(text).ok_or_else(|| Refused::Rule(OUT_OF_RANGE.into()))?].into())
            }
            _ => return Err(self.refuse("Value of anything-but must be an array or single string/number value.")),
        };
        self.end(TOO_MANY_ELEMENTS)?;
        Ok(rule)
    }

    fn anything_but_prefix(&mut self) -> Result<Rule, Refused> {
        let Token::Name(name) = self.parser.next() else {
            return Err(self.refuse("Anything-But expression name not found"));
        };
        if &*name != "prefix" {
            return Err(self.refuse(&format!("Unsupported anything-but pattern: {name}")));
        }
        let Token::Text(text) = self.parser.next() else {
            return Err(self.refuse("prefix match pattern must be a string"));
        };
        self.parser.look();
        if text.is_empty() {
            return Err(self.refuse("Null prefix not allowed"));
        }
        self.end(ONE_KEY_ONLY)?;
        self.end(ONE_KEY_ONLY)?;
        Ok(Rule::NotPrefix((*text).into()))
    }

    fn anything_but_list(&mut self) -> Result<Rule, Refused> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        loop {
            match self.parser.next() {
                Token::ArrayEnd => break,
                Token::Text(text) => {
                    self.parser.look();
                    texts.push((*text).into());
                }
                Token::Number(text) => numbers.push(self.bounded(text)?),
                _ => return Err(self.refuse_twice("Inside anything but list, start|null|boolean is not supported.")),
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (false, true) => Ok(Rule::NotTexts(texts.into())),
            (true, false) => Ok(Rule::NotNumbers(numbers.into())),
            _ => Err(self.refuse(
                "Inside anything but list, either all values are number or string, mixed type is not supported",
            )),
        }
    }

    /// AWS's compiler catches this refusal of its own, place and all, and refuses anew with a place.
    fn refuse_twice(&self, sentence: &str) -> Refused {
        Refused::Rule(self.parser.says(&self.parser.says(sentence)))
    }
}

/// A token as the parser shows it.
fn written(token: &Token<'_>) -> String {
    match token {
        Token::Text(text) | Token::Name(text) => text.to_string(),
        Token::Number(text) => (*text).to_string(),
        Token::True => "true".into(),
        Token::False => "false".into(),
        Token::Null => "null".into(),
        Token::ObjectStart => "{".into(),
        Token::ObjectEnd => "}".into(),
        Token::ArrayStart => "[".into(),
        Token::ArrayEnd => "]".into(),
    }
}
