//! Names that are made here: unique ids, access key ids and secrets.
//!
//! ```text
//! AIDA… AROA… AGPA… ANPA…   17 letters of chance behind the prefix that tells the kind (IAM User Guide, "IAM identifiers")
//! AKIA… ASIA…               base32 of 10 bytes: a bit that is 1 │ account 40 bits │ chance 39 bits
//! ```
//! A key names its account as AWS's keys do, so whoever has the id alone can tell it (`sts:GetAccessKeyInfo`). Chance comes in
//! as [`Dice`], drawn before the machine is asked.

use names::AccountId;
use std::cell::RefCell;

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Random bytes that one operation may use up.
pub(crate) struct Dice(RefCell<Vec<u8>>);

impl Dice {
    /// What the longest operation uses: a key's secret, its id and the nonce under which it is sealed, and some to spare.
    pub(crate) const BYTES: usize = 128;

    /// These bytes, which nobody else gets.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(RefCell::new(bytes))
    }

    /// The next bytes.
    pub(crate) fn take<const N: usize>(&self) -> [u8; N] {
        let mut left = self.0.borrow_mut();
        let at = left.len().checked_sub(N).expect("an operation uses no more chance than it was given");
        let taken = <[u8; N]>::try_from(&left[at..]).expect("the slice has this length");
        left.truncate(at);
        taken
    }

    /// A unique id: this prefix and 17 letters.
    pub(crate) fn unique_id(&self, prefix: &str) -> Box<str> {
        let mut id = String::from(prefix);
        id.extend(base32(&self.take::<11>()).chars().take(17));
        id.into()
    }

    /// The id of a new access key of this account; the prefix is `AKIA` or `ASIA`.
    pub(crate) fn access_key(&self, prefix: &str, account: AccountId) -> Box<str> {
        let number: u64 = account.as_str().parse().expect("twelve digits are a number");
        let chance = u64::from_be_bytes(self.take::<8>()) >> 25;
        let bits = (1u128 << 79) | (u128::from(number) << 39) | u128::from(chance);
        format!("{prefix}{}", base32(&bits.to_be_bytes()[6..])).into()
    }

    /// A secret access key: forty letters.
    pub(crate) fn secret(&self) -> String {
        base64_simd::STANDARD.encode_to_string(self.take::<30>())
    }
}

/// The account of an access key id that tells it.
pub(crate) fn account_of(access_key: &str) -> Option<AccountId> {
    let letters = access_key.get(4..20).filter(|_| access_key.len() == 20)?;
    let mut bits = 0u128;
    for letter in letters.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = (bits << 5) | value as u128;
    }
    let is_told = bits >> 79 == 1;
    let number = (bits >> 39) & ((1 << 40) - 1);
    AccountId::parse(&format!("{number:012}")).ok().filter(|_| is_told)
}

/// A unique id that the same name always has.
pub(crate) fn named_id(prefix: &str, name: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    prefix.chars().chain(base32(digest.as_ref()).chars().take(17)).collect()
}

/// Whole groups of five bits; what is left of the last byte is dropped.
fn base32(bytes: &[u8]) -> String {
    let bits = bytes.len() * 8 / 5;
    let letter = |at: usize| {
        let bit = |nth: usize| (bytes[nth / 8] >> (7 - nth % 8)) & 1;
        let value = (at * 5..at * 5 + 5).fold(0, |value, nth| (value << 1) | usize::from(bit(nth)));
        char::from(LETTERS[value])
    };
    (0..bits).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_tells_its_account() {
        for digits in ["000000000000", "123456789012", "999999999999"] {
            let account = AccountId::parse(digits).unwrap();
            for byte in [0, 0xFF, 0x5A] {
                let key = Dice::new(vec![byte; Dice::BYTES]).access_key("AKIA", account);
                assert_eq!((key.len(), account_of(&key)), (20, Some(account)), "{key}");
            }
        }
    }

    #[test]
    fn a_key_that_aws_made_tells_its_account_too() {
        // Of a published explanation of AWS's access key ids.
        assert_eq!(account_of("ASIAQNZGKIQY56JQ7WML"), AccountId::parse("029608264753").ok());
        for other in ["AKIA", "AKIAIOSFODNN7EXAMPLE", "123456789012", "AKIAéééééééé"] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }

    #[test]
    fn ids_and_secrets_have_the_length_of_those_of_aws() {
        let dice = Dice::new((0..Dice::BYTES as u8).collect());
        assert_eq!(dice.unique_id("AIDA").len(), 21);
        assert_eq!(dice.secret().len(), 40);
        assert_ne!(dice.unique_id("AROA")[4..], dice.unique_id("AROA")[4..]);
    }
}
