//! What all expressions have in common: a look at the next word, paths, values, and errors that say where.

use super::Sentence;
use super::lexer::{Token, words};
use super::path::{Path, Step};
use super::reserved;
use super::terms::Terms;
use crate::limits;
use crate::refusal::Refusal;
use crate::value::Value;
use std::ops::Range;

/// Reads one expression word by word.
pub(super) struct Parser<'a> {
    sentence: Sentence,
    text: &'a str,
    words: Vec<(Token<'a>, Range<usize>)>,
    at: usize,
    depth: usize,
    operators: usize,
    /// Of the values that were taken so far, each time it was taken.
    value_bytes: usize,
    terms: &'a Terms,
}

impl<'a> Parser<'a> {
    pub(super) fn new(sentence: Sentence, text: &'a str, terms: &'a Terms) -> Result<Self, Refusal> {
        if text.len() > limits::EXPRESSION_BYTES_MAX {
            let (name, size) = (sentence.name(), text.len());
            let said = "Expression size has exceeded the maximum allowed size; expression size:";
            return Err(Refusal::validation(format!("Invalid {name}: {said} {size}")));
        }
        let parser = Self { sentence, text, words: words(text), at: 0, depth: 0, operators: 0, value_bytes: 0, terms };
        if parser.words.len() == 1 {
            return Err(parser.invalid("The expression can not be empty;"));
        }
        Ok(parser)
    }

    /// An error of this expression.
    pub(super) fn invalid(&self, what: &str) -> Refusal {
        Refusal::validation(format!("Invalid {}: {what}", self.sentence.name()))
    }

    /// The next word does not belong here.
    pub(super) fn unexpected(&self) -> Refusal {
        let last = self.words.len() - 1;
        let from = self.words[self.at.saturating_sub(1)].1.start;
        let to = self.words[(self.at + 1).min(last)].1.end;
        let (token, near) = (self.peek().text(), &self.text[from..to]);
        self.invalid(&format!("Syntax error; token: \"{token}\", near: \"{near}\""))
    }

    pub(super) fn peek(&self) -> Token<'a> {
        self.words[self.at].0
    }

    pub(super) fn peek_second(&self) -> Token<'a> {
        self.words[(self.at + 1).min(self.words.len() - 1)].0
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.words.len() - 1);
    }

    /// Whether the next word is this keyword, in any case.
    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let is_it = self.is_keyword(keyword);
        if is_it {
            self.advance();
        }
        is_it
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = self.peek() == Token::Sign(sign);
        if is_it {
            self.advance();
        }
        is_it
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), Refusal> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_end(&self) -> Result<(), Refusal> {
        if self.peek() == Token::End { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The name of a function whose opening bracket is next but one.
    pub(super) fn function(&self) -> Option<&'a str> {
        match (self.peek(), self.peek_second()) {
            (Token::Word(word), Token::Sign("(")) => Some(word),
            _ => None,
        }
    }

    /// Counts an operator.
    pub(super) fn count(&mut self) -> Result<(), Refusal> {
        self.operators += 1;
        match self.operators > limits::EXPRESSION_OPERATORS_MAX {
            true => Err(self
                .invalid(&format!("The expression contains too many operators; operator count: {}", self.operators))),
            false => Ok(()),
        }
    }

    /// Goes one level down; whoever does comes up again.
    pub(super) fn descend(&mut self) -> Result<(), Refusal> {
        self.depth += 1;
        match self.depth > limits::EXPRESSION_DEPTH_MAX {
            true => Err(self.invalid("The expression is nested too deep;")),
            false => Ok(()),
        }
    }

    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// A value out of the request's.
    pub(super) fn value(&mut self) -> Result<Value, Refusal> {
        let Token::Reference(reference) = self.peek() else { return Err(self.unexpected()) };
        let Some(value) = self.terms.value(reference) else {
            return Err(self.invalid(&format!(
                "An expression attribute value used in expression is not defined; attribute value: {reference}"
            )));
        };
        self.advance();
        self.value_bytes += value.size();
        if self.value_bytes > limits::EXPRESSION_VALUES_BYTES_MAX {
            return Err(self.invalid("The values of an expression have exceeded the maximum allowed size;"));
        }
        Ok(value.clone())
    }

    /// A path, its aliases replaced.
    pub(super) fn path(&mut self) -> Result<Path, Refusal> {
        let mut steps = vec![self.name()?];
        loop {
            if self.take_sign(".") {
                steps.push(self.name()?);
            } else if self.take_sign("[") {
                let Token::Number(digits) = self.peek() else { return Err(self.unexpected()) };
                let index =
                    digits.parse().map_err(|_| self.invalid("List index is not within the allowable range;"))?;
                self.advance();
                self.expect_sign("]")?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn name(&mut self) -> Result<Step, Refusal> {
        let name: Box<str> = match self.peek() {
            Token::Word(word) if reserved::is_reserved(word) => {
                let said = format!("Attribute name is a reserved keyword; reserved keyword: {word}");
                return Err(self.invalid(&said));
            }
            Token::Word(word) => word.into(),
            Token::Alias(alias) => match self.terms.name(alias) {
                Some(name) => name.into(),
                None => {
                    return Err(self.invalid(&format!(
                        "An expression attribute name used in the document path is not defined; attribute name: {alias}"
                    )));
                }
            },
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Step::Name(name))
    }
}
