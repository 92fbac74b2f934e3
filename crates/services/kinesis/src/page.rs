//! Listings in pieces. A token names what the listing goes on behind, the stream that it is of, and when it was made: it is good for
//! five minutes.
//!
//! ```text
//! version 1 │ made at 8 │ partition of the stream 8, or 0 │ after text, in base64
//! ```

use crate::api::errors;
use crate::limits::TOKEN_MILLIS;
use crate::refusal::Refusal;
use engine::fields::{Fields, put_instant, put_text};
use names::{Instant, PartitionId};

const VERSION: u8 = 1;

/// Where a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) made_at: Instant,
    /// What the listing is of; nothing where it is of an account.
    pub(crate) stream: Option<PartitionId>,
    pub(crate) after: Box<str>,
}

impl Token {
    pub(crate) fn show(&self) -> String {
        let mut bytes = vec![VERSION];
        put_instant(self.made_at, &mut bytes);
        bytes.extend(self.stream.map_or(0, PartitionId::get).to_be_bytes());
        put_text(&self.after, &mut bytes);
        base64_simd::STANDARD.encode_to_string(bytes)
    }

    /// Reads a token that is still good.
    pub(crate) fn parse(text: &str, now: Instant) -> Result<Self, Refusal> {
        let bytes = base64_simd::STANDARD.decode_to_vec(text).ok();
        let token = bytes.and_then(|bytes| Self::read(&bytes));
        let token = token.ok_or_else(|| Refusal::invalid("NextToken is invalid."))?;
        match now <= token.made_at.plus_millis(TOKEN_MILLIS) {
            true => Ok(token),
            false => Err(Refusal::new(
                &errors::EXPIRED_NEXT_TOKEN_EXCEPTION,
                format!("NextToken expired: it is good for {} seconds.", TOKEN_MILLIS / 1000),
            )),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        fields.byte().filter(|version| *version == VERSION)?;
        let (made_at, stream) = (fields.instant()?, fields.u64()?);
        let stream = (stream != 0).then(|| PartitionId::new(stream));
        let after = fields.text()?;
        fields.end(Self { made_at, stream, after })
    }
}

/// How many things a piece has.
pub(crate) fn size(limit: Option<i32>, usual: usize) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0).unwrap_or(usual)
}

/// The first `size` of these, and whether there are more.
pub(crate) fn cut<T>(things: impl Iterator<Item = T>, size: usize) -> (Vec<T>, bool) {
    let mut items: Vec<T> = things.take(size.saturating_add(1)).collect();
    let more = items.len() > size;
    items.truncate(size);
    (items, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_where_to_go_on_for_five_minutes() {
        let at = Instant::from_millis(7_000);
        let token = Token { made_at: at, stream: Some(PartitionId::of_family(4, 9)), after: "shardId-1".into() };
        assert_eq!(Token::parse(&token.show(), at.plus_millis(300_000)), Ok(token.clone()));
        let expired = Token::parse(&token.show(), at.plus_millis(300_001)).unwrap_err();
        assert_eq!(expired.error.name, "ExpiredNextTokenException");
        assert_eq!(Token::parse("x", at).unwrap_err().error.name, "InvalidArgumentException");
    }

    #[test]
    fn a_piece_is_cut_off_and_says_that_there_is_more() {
        assert_eq!(cut(1..=3, 2), (vec![1, 2], true));
        assert_eq!(cut(1..=2, 2), (vec![1, 2], false));
        assert_eq!((size(Some(5), 9), size(None, 9), size(Some(0), 9)), (5, 9, 9));
    }
}
