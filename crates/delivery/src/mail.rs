//! One mail: its head and body as RFC 5322 and MIME have them, all of it ASCII, so that every server takes it.

use base64_simd::STANDARD;
use std::fmt;

/// A mail to one person, of plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for.
    pub to: Mailbox,
    /// The name that stands before the sender's address.
    pub from_name: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// Names it, within the sender's domain.
    pub id: String,
    /// When it was sent, as RFC 5322 writes it.
    pub date: String,
    /// Where whoever gets it stops getting more.
    pub unsubscribe: Option<String>,
}

/// An address: `local@domain`, of ASCII.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox(Box<str>);

/// Characters of an address, and of what stands before its @ (RFC 5321, 4.5.3.1).
const ADDRESS_LEN_MAX: usize = 254;
const LOCAL_LEN_MAX: usize = 64;

/// Bytes of a word in a head that is written in base64 (RFC 2047: 75 characters with what stands around it), in UTF-8.
const WORD_BYTES: usize = 42;

/// Characters of a line of base64.
const LINE_LEN: usize = 76;

impl Mailbox {
    /// Reads an address as usual people have one: no quotes, no comments, no domain in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let dotted = |text: &str| !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
        let is_right = !domain.is_empty()
            && text.len() <= ADDRESS_LEN_MAX
            && (1..=LOCAL_LEN_MAX).contains(&local.len())
            && (local.bytes().all(is_atom) && dotted(local))
            && (domain.bytes().all(is_host) && dotted(domain) && !domain.starts_with('-'));
        is_right.then(|| Self(text.into()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Mail {
    /// The mail as it goes over the wire, without the dot at its end.
    pub(crate) fn written(&self, from: &Mailbox) -> String {
        let name = if self.from_name.is_empty() { String::new() } else { format!("{} ", encoded(&self.from_name)) };
        let mut out = format!(
            "From: {name}<{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\n",
            from.as_str(),
            self.to.as_str(),
            encoded(&self.subject),
            self.date,
            self.id,
            from.domain()
        );
        if let Some(link) = self.unsubscribe.as_ref().filter(|link| link.bytes().all(|byte| byte.is_ascii_graphic())) {
            out += &format!("List-Unsubscribe: <{link}>\r\n");
        }
        out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                Content-Transfer-Encoding: base64\r\n\r\n";
        // Lines of mail end with both characters, whatever the message had.
        let text = self.body.replace("\r\n", "\n").replace('\n', "\r\n");
        let base64 = STANDARD.encode_to_string(text);
        for line in base64.as_bytes().chunks(LINE_LEN) {
            out.extend(line.iter().map(|byte| char::from(*byte)));
            out += "\r\n";
        }
        out
    }
}

/// A text in a head: as it is if it is short and plain, else in words of base64.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte == b' ' || (byte.is_ascii_graphic() && !b"\"()<>[]:;@\\,".contains(&byte));
    if text.len() <= WORD_BYTES && text.bytes().all(is_plain) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for character in text.chars().filter(|character| !character.is_control()) {
        let last = words.last_mut().expect("there is one from the beginning");
        match last.len() + character.len_utf8() > WORD_BYTES {
            true => words.push(character.to_string()),
            false => last.push(character),
        }
    }
    let words: Vec<_> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode_to_string(word))).collect();
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str, body: &str) -> Mail {
        Mail {
            to: Mailbox::parse("you@example.org").unwrap(),
            from_name: "News".into(),
            subject: subject.into(),
            body: body.into(),
            id: "7".into(),
            date: "Mon, 23 Nov 2026 08:00:00 +0000".into(),
            unsubscribe: Some("http://localhost/?a=b".into()),
        }
    }

    #[test]
    fn addresses_are_those_of_usual_people() {
        for right in ["a@b", "first.last+tag@mail.example.org", "o'neil@example.org"] {
            assert!(Mailbox::parse(right).is_some(), "{right}");
        }
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b c", "a\r\n@b", "a@b>", "<a@b", ".a@b", "a..b@c", "a@-b", "é@b"]
        {
            assert!(Mailbox::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Mailbox::parse(&format!("{}@b", "x".repeat(65))).is_none());
    }

    #[test]
    fn a_mail_is_ascii_whatever_it_says_and_no_text_ends_its_head() {
        let from = Mailbox::parse("sns@example.net").unwrap();
        let written = mail("Grüße\r\nBcc: all@example.org", "Zeile\n.\nEnde").written(&from);
        assert!(written.is_ascii() && !written.contains("Bcc"));
        assert!(
            written.contains("Message-ID: <7@example.net>\r\n") && written.contains("From: News <sns@example.net>\r\n")
        );
        let (_, body) = written.split_once("\r\n\r\n").unwrap();
        assert_eq!(STANDARD.decode_to_vec(body.replace("\r\n", "")).unwrap(), b"Zeile\r\n.\r\nEnde");
        assert!(written.lines().all(|line| line.len() <= 78), "{written}");
        assert!(mail("plain words", "x").written(&from).contains("Subject: plain words\r\n"));
    }
}
