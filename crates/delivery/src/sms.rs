//! A short message: whom it is for, whom it is from, and the parts that it goes out in.
//!
//! ```text
//! alphabet   one part   a part of several, behind the 6 octets that say which it is
//! GSM        160        153 characters; those of the extension count twice
//! UCS-2      70         67 units of UTF-16
//! ```
//! A part never ends within a character. Source: 3GPP TS 23.038 (alphabets) and TS 23.040, 9.2.3.24.1 (concatenated short messages).

/// A short message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// The receiver's number in E.164, with its plus.
    pub to: String,
    /// Whom it is from: a number with its plus, a short code, or a name. Else the gateway chooses.
    pub from: Option<String>,
    /// What it says.
    pub text: String,
    /// Tells its parts from those of another message to the same phone.
    pub reference: u8,
}

/// What the characters of a message are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM's own, an octet for each septet.
    Gsm,
    /// UTF-16, its high octets first.
    Ucs2,
}

/// The octets of each part of a message, without what says which part it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What they are written in.
    pub alphabet: Alphabet,
    /// One at least.
    pub parts: Vec<Vec<u8>>,
}

/// GSM's alphabet; at its place 27 is what leads to the extension.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

const ESCAPE: u8 = 27;

const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

impl Alphabet {
    /// Octets of a message of one part, and of a part of several.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (140, 134),
        }
    }
}

impl Parts {
    /// The parts of a text, in GSM's alphabet if that has all of its characters.
    pub fn of(text: &str) -> Self {
        let gsm: Option<Vec<Vec<u8>>> = text.chars().map(septets).collect();
        let (alphabet, characters) = match gsm {
            Some(characters) => (Alphabet::Gsm, characters),
            None => (Alphabet::Ucs2, text.chars().map(units).collect()),
        };
        let (of_one, of_several) = alphabet.room();
        let octets: usize = characters.iter().map(Vec::len).sum();
        let room = if octets <= of_one { of_one } else { of_several };
        let mut parts = vec![Vec::new()];
        for character in characters {
            let last = parts.last_mut().expect("there is one from the start");
            if last.len() + character.len() <= room { last.extend(character) } else { parts.push(character) }
        }
        Self { alphabet, parts }
    }

    /// How many parts a text goes out in, which is what is paid for.
    pub fn count(text: &str) -> usize {
        Self::of(text).parts.len()
    }
}

fn septets(character: char) -> Option<Vec<u8>> {
    if let Some((_, code)) = EXTENSION.iter().find(|(known, _)| *known == character) {
        return Some(vec![ESCAPE, *code]);
    }
    let place = BASIC.chars().position(|known| known == character).filter(|place| *place != usize::from(ESCAPE))?;
    Some(vec![u8::try_from(place).expect("the alphabet has 128 places")])
}

fn units(character: char) -> Vec<u8> {
    character.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(text: &str) -> (Alphabet, Vec<usize>) {
        let Parts { alphabet, parts } = Parts::of(text);
        (alphabet, parts.iter().map(Vec::len).collect())
    }

    #[test]
    fn the_alphabet_has_its_characters_at_their_places() {
        assert_eq!(BASIC.chars().count(), 128);
        assert_eq!(Parts::of("@Δ A¡à\n").parts, [vec![0, 0x10, 0x20, 0x41, 0x40, 0x7f, 0x0a]]);
        assert_eq!(Parts::of("€[").parts, [vec![ESCAPE, 0x65, ESCAPE, 0x3c]]);
        assert_eq!(Parts::of("\u{1b}").alphabet, Alphabet::Ucs2, "what leads to the extension is no character");
    }

    #[test]
    fn a_text_goes_out_in_as_few_parts_as_hold_it() {
        assert_eq!(lengths(""), (Alphabet::Gsm, vec![0]));
        assert_eq!(lengths(&"a".repeat(160)), (Alphabet::Gsm, vec![160]));
        assert_eq!(lengths(&"a".repeat(161)), (Alphabet::Gsm, vec![153, 8]));
        assert_eq!(lengths(&"€".repeat(80)), (Alphabet::Gsm, vec![160]));
        assert_eq!(lengths(&"я".repeat(70)), (Alphabet::Ucs2, vec![140]));
        assert_eq!(lengths(&"я".repeat(71)), (Alphabet::Ucs2, vec![134, 8]));
    }

    #[test]
    fn no_part_ends_within_a_character() {
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(20));
        let Parts { parts, .. } = Parts::of(&text);
        assert_eq!((parts[0].len(), &parts[1][..2]), (152, &[ESCAPE, 0x65][..]));
        let text = format!("{}😀{}", "я".repeat(66), "я".repeat(20));
        assert_eq!(lengths(&text).1, [132, 44]);
    }

    proptest! {
        #[test]
        fn parts_of_ucs_2_are_the_text_again(text in "\\PC{1,400}") {
            let Parts { alphabet, parts } = Parts::of(&text);
            prop_assert!(parts.iter().all(|part| part.len() <= alphabet.room().0));
            if alphabet == Alphabet::Ucs2 {
                let all: Vec<Result<String, _>> = parts.iter().map(|part| {
                    let units: Vec<u16> = part.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                    String::from_utf16(&units)
                }).collect();
                let all: Result<Vec<String>, _> = all.into_iter().collect();
                prop_assert_eq!(all.unwrap().concat(), text);
            }
        }
    }
}
