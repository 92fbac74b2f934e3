//! What of a candidate is what it looks like: check digits, ranges, and numbers that were never given out.
//!
//! Each answers how many bytes from the candidate's beginning are one.

use std::net::{Ipv4Addr, Ipv6Addr};

/// PKCS #1, #8, and the forms beside them that RFC 7468 names.
pub(super) const PKCS: &str = "-----BEGIN (?:RSA |DSA |EC |ENCRYPTED )?PRIVATE KEY-----(?:[^-]|-[^-])*(?:-----END (?:RSA |DSA |EC |ENCRYPTED )?PRIVATE KEY-----)?";

/// PuTTY's own format, from its first line to the last; of one that is cut short the first line alone.
pub(super) const PUTTY: &str =
    r"PuTTY-User-Key-File-[0-9]:(?:[^P]|P[^u]|Pu[^T])*?Private-MAC: ?[0-9A-Fa-f]+|PuTTY-User-Key-File-[0-9]:[^\n]*";

/// Digits in any order of day, month and year; or with a month's name.
pub(super) const DATE: &str = r"[0-9]{1,4}[ /.-][0-9]{1,2}[ /.-][0-9]{1,4}|[0-9]{1,2}[ /-](?i-u:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[ ,/-]{1,2}[0-9]{2,4}|(?i-u:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6} [0-9]{1,2},? [0-9]{4}";

/// Card numbers that are for tests, which AWS does not report.
const TEST_CARDS: &[&str] = &[
    "122000000000003",
    "2222405343248877",
    "2222990905257051",
    "2223007648726984",
    "2223577120017656",
    "30569309025904",
    "34343434343434",
    "3528000700000000",
    "3530111333300000",
    "3566002020360505",
    "36148900647913",
    "36700102000000",
    "371449635398431",
    "378282246310005",
    "378734493671000",
    "38520000023237",
    "4012888888881881",
    "4111111111111111",
    "4222222222222",
    "4444333322221111",
    "4462030000000000",
    "4484070000000000",
    "4911830000000",
    "4917300800000000",
    "4917610000000000",
    "4917610000000000003",
    "5019717010103742",
    "5105105105105100",
    "5111010030175156",
    "5185540810000019",
    "5200828282828210",
    "5204230080000017",
    "5204740009900014",
    "5420923878724339",
    "5454545454545454",
    "5455330760000018",
    "5506900490000436",
    "5506900490000444",
    "5506900510000234",
    "5506920809243667",
    "5506922400634930",
    "5506927427317625",
    "5553042241984105",
    "5555553753048194",
    "5555555555554444",
    "5610591081018250",
    "6011000990139424",
    "6011000400000000",
    "6011111111111117",
    "630490017740292441",
    "630495060000000000",
    "6331101999990016",
    "6759649826438453",
    "6799990100000000019",
    "76009244561",
];

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}

fn all_of(text: &str, is: bool) -> Option<usize> {
    is.then_some(text.len())
}

/// ISO/IEC 7812: the digits from the right, each second one doubled.
fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(nth, digit)| if nth % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

/// A prefix and a length of one of the issuers that AWS names.
fn has_issuer(number: &[u32]) -> bool {
    let first = |count: usize| number[..count].iter().fold(0, |value, digit| value * 10 + digit);
    let (two, three, four) = (first(2), first(3), first(4));
    match number.len() {
        13 | 16 | 19 if two / 10 == 4 => true,
        15 => matches!(two, 34 | 37),
        14 => matches!(two, 36 | 38) || (300..=305).contains(&three),
        16 if (51..=55).contains(&two) || (2221..=2720).contains(&four) || four == 5019 => true,
        16..=19 => {
            four == 6011 || (644..=649).contains(&three) || matches!(two, 62 | 65) || (3528..=3589).contains(&four)
        }
        _ => false,
    }
}

/// The longest card number that the candidate begins with. A text may be full of candidates, so little is done for each.
pub(super) fn card(text: &str) -> Option<usize> {
    let digits = digits(text);
    let ends = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at + 1);
    let ends: Vec<usize> = ends.collect();
    let is_end = |end: usize| text.as_bytes().get(end).is_none_or(|next| !next.is_ascii_digit());
    let is_for_tests = |number: &[u32]| {
        let number: String = number.iter().filter_map(|digit| char::from_digit(*digit, 10)).collect();
        TEST_CARDS.contains(&number.as_str())
    };
    let is_number = |number: &[u32]| has_issuer(number) && luhn(number) && !is_for_tests(number);
    (13..=digits.len())
        .rev()
        .find(|count| is_end(ends[count - 1]) && is_number(&digits[..*count]))
        .map(|count| ends[count - 1])
}

/// ISO 13616: what is left of the number by 97 is one.
pub(super) fn iban(text: &str) -> Option<usize> {
    let letters: String = text.chars().filter(|character| *character != ' ').collect();
    let turned = letters[4..].chars().chain(letters[..4].chars());
    let rest = turned.fold(0, |rest, character| {
        let value = character.to_digit(36).unwrap_or_default();
        if value > 9 { (rest * 100 + value) % 97 } else { (rest * 10 + value) % 97 }
    });
    all_of(text, rest == 1)
}

/// Areas, groups and serials that the Social Security Administration never gives out.
pub(super) fn social_security(text: &str) -> Option<usize> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..]);
    all_of(text, area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000")
}

pub(super) fn social_insurance(text: &str) -> Option<usize> {
    all_of(text, luhn(&digits(text)))
}

/// Neither all of one sort, as a hash in hexadecimal digits or a word is.
pub(super) fn secret_key(text: &str) -> Option<usize> {
    let has = |is: fn(&char) -> bool| text.chars().any(|character| is(&character));
    let is = has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    all_of(text, is)
}

/// An address of version 4, or one of version 6 that is not two colons in a name.
pub(super) fn ip(text: &str) -> Option<usize> {
    let is_six = || {
        text.matches(':').count() > 1
            && text.contains(|one: char| one.is_ascii_digit())
            && text.parse::<Ipv6Addr>().is_ok()
    };
    all_of(text, text.parse::<Ipv4Addr>().is_ok() || is_six())
}

pub(super) fn coordinates(text: &str) -> Option<usize> {
    let (latitude, longitude) = text.split_once(',')?;
    let within = |text: &str, most: f64| text.trim().parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most);
    all_of(text, within(latitude, 90.0) && within(longitude, 180.0))
}

/// Prefixes that HM Revenue & Customs never gives out.
pub(super) fn nino(text: &str) -> Option<usize> {
    all_of(text, !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&&text[..2]))
}

/// The letter is the number's rest by 23.
fn spanish_letter(number: u64, letter: Option<char>) -> bool {
    let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
    letter.is_some_and(|letter| letter.to_ascii_uppercase() as u8 == letters[(number % 23) as usize])
}

fn number(text: &str) -> u64 {
    digits(text).into_iter().fold(0, |number, digit| number * 10 + u64::from(digit))
}

pub(super) fn nif(text: &str) -> Option<usize> {
    all_of(text, spanish_letter(number(text), text.chars().last()))
}

/// X, Y and Z stand for the digits 0, 1 and 2.
pub(super) fn nie(text: &str) -> Option<usize> {
    let first = u64::from(text.as_bytes()[0].to_ascii_uppercase() - b'X');
    all_of(text, spanish_letter(first * 10_000_000 + number(text), text.chars().last()))
}

/// The last two digits are the rest of the others by 97.
pub(super) fn spanish_security(text: &str) -> Option<usize> {
    let digits = digits(text);
    let value = |digits: &[u32]| digits.iter().fold(0_u64, |value, digit| value * 10 + u64::from(*digit));
    all_of(text, value(&digits[..10]) % 97 == value(&digits[10..]))
}

/// Two digits, each the sum of those before it by weights, from 11.
fn brazilian(digits: &[u32], most: u32) -> bool {
    let check = |before: &[u32]| {
        let weights = (2..=most).cycle();
        let rest = before.iter().rev().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
        if rest < 2 { 0 } else { 11 - rest }
    };
    let last = digits.len() - 1;
    let is_one_digit = digits.iter().all(|digit| *digit == digits[0]);
    !is_one_digit && check(&digits[..last - 1]) == digits[last - 1] && check(&digits[..last]) == digits[last]
}

pub(super) fn cpf(text: &str) -> Option<usize> {
    all_of(text, brazilian(&digits(text), 11))
}

pub(super) fn cnpj(text: &str) -> Option<usize> {
    all_of(text, brazilian(&digits(text), 9))
}

/// ISO/IEC 7064, MOD 11,10.
pub(super) fn german_tax(text: &str) -> Option<usize> {
    let digits = digits(text);
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    all_of(text, (11 - product) % 10 == digits[10])
}

/// ISO 3779: letters and digits, both.
pub(super) fn vehicle(text: &str) -> Option<usize> {
    all_of(text, text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// A day of a month of a year that somebody may be born in.
pub(super) fn date(text: &str) -> Option<usize> {
    let parts: Vec<&str> = text.split([' ', '/', '.', '-', ',']).filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| part.starts_with(|one: char| one.is_ascii_alphabetic())) {
        let day = parts.iter().filter(|part| part.len() < 3).find_map(|part| part.parse::<u32>().ok());
        return all_of(text, day.is_some_and(|day| (1..=31).contains(&day)));
    }
    let [first, middle, last] = parts[..] else { return None };
    let is_year = |part: &str| match part.len() {
        2 => true,
        4 => part.parse().is_ok_and(|year: u32| (1850..=2100).contains(&year)),
        _ => false,
    };
    let within =
        |part: &str, most: u32| part.len() < 3 && part.parse().is_ok_and(|value: u32| (1..=most).contains(&value));
    let is_pair =
        |one: &str, other: &str| (within(one, 31) && within(other, 12)) || (within(one, 12) && within(other, 31));
    let is = (is_year(first) && first.len() == 4 && is_pair(middle, last)) || (is_pair(first, middle) && is_year(last));
    all_of(text, is)
}
