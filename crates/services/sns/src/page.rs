//! Listings in pieces: a token says behind which topic, and which of its subscriptions, the listing goes on.

use crate::refusal::Refusal;
use crate::topic_key::TopicKey;
use engine::fields::{Fields, put_text};
use names::{AccountId, Region};

const VERSION: u8 = 1;

/// Where a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The name of a topic, in listings that go beyond an account behind the account that has it and a colon.
    pub(crate) topic: Box<str>,
    /// The number of a subscription of it; listings of topics have none.
    pub(crate) number: u64,
}

impl Token {
    /// Behind a subscription of a topic of any account.
    pub(crate) fn of(key: &TopicKey, number: u64) -> Self {
        Self { topic: format!("{}:{}", key.account, key.name).into(), number }
    }

    /// The topic of a token that [`Token::of`] made.
    pub(crate) fn key(&self, region: &Region) -> Option<TopicKey> {
        let (account, name) = self.topic.split_once(':')?;
        Some(TopicKey { account: AccountId::parse(account).ok()?, region: region.clone(), name: name.into() })
    }

    pub(crate) fn show(&self) -> String {
        let mut bytes = vec![VERSION];
        put_text(&self.topic, &mut bytes);
        bytes.extend(self.number.to_be_bytes());
        base64_simd::STANDARD.encode_to_string(bytes)
    }

    pub(crate) fn parse(text: Option<&str>) -> Result<Option<Self>, Refusal> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let bytes = base64_simd::STANDARD.decode_to_vec(text).ok();
        let token = bytes.and_then(|bytes| Self::read(&bytes));
        token.map(Some).ok_or_else(|| Refusal::invalid("NextToken Reason: it is none that was given out"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        fields.byte().filter(|version| *version == VERSION)?;
        let token = Self { topic: fields.text()?, number: fields.u64()? };
        fields.end(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_shown() {
        let token = Token { topic: "news".into(), number: 7 };
        assert_eq!(Token::parse(Some(&token.show())), Ok(Some(token)));
        assert_eq!((Token::parse(None), Token::parse(Some(""))), (Ok(None), Ok(None)));
        assert!(Token::parse(Some("x")).is_err());
        let region = Region::parse("us-east-1").unwrap();
        let key = TopicKey { account: AccountId::DEFAULT, region: region.clone(), name: "news".into() };
        assert_eq!(Token::of(&key, 7).key(&region), Some(key));
    }
}
