//! A login that a receiver asks for: basic (RFC 7617) and digest (RFC 7616, with MD5 or SHA-256, with `qop=auth` or without any).
//!
//! A request goes out without a login first; what the receiver then challenges it with decides how the login is told, the strongest
//! way that it offers.

use crate::endpoint::Login;
use md5::{Digest, Md5};
use sha2::Sha256;
use std::collections::HashMap;

/// The Authorization header that answers one of the challenges.
pub(super) fn answer(challenges: &[&str], login: &Login, target: &str, cnonce: &[u8]) -> Option<String> {
    let offered: Vec<Challenge> = challenges.iter().flat_map(|text| read(text)).collect();
    let digest = |hash: Hash| offered.iter().find(|challenge| challenge.is_digest() && challenge.hash() == Some(hash));
    let strongest = digest(Hash::Sha256).or_else(|| digest(Hash::Md5));
    if let Some(authorization) = strongest.and_then(|challenge| challenge.digest(login, target, cnonce)) {
        return Some(authorization);
    }
    let basic = offered.iter().any(|challenge| challenge.scheme == "basic");
    basic.then(|| {
        let both = format!("{}:{}", login.user, login.password);
        format!("Basic {}", base64_simd::STANDARD.encode_to_string(both))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    fn of(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Challenge {
    scheme: String,
    parameters: HashMap<String, String>,
}

impl Challenge {
    fn is_digest(&self) -> bool {
        self.scheme == "digest"
    }

    fn hash(&self) -> Option<Hash> {
        match self.parameters.get("algorithm").map(|name| name.to_ascii_lowercase()).as_deref() {
            None | Some("md5") => Some(Hash::Md5),
            Some("sha-256") => Some(Hash::Sha256),
            Some(_) => None,
        }
    }

    fn digest(&self, login: &Login, target: &str, cnonce: &[u8]) -> Option<String> {
        let hash = self.hash()?;
        let get = |name: &str| self.parameters.get(name).map(String::as_str);
        let (realm, nonce) = (get("realm").unwrap_or_default(), get("nonce")?);
        let qop = get("qop").map(|offered| offered.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
        let (user, password) = (&login.user, &login.password);
        let quotable = [&**user, realm, nonce, target].iter().all(|text| !text.contains(['"', '\\']));
        if !quotable || qop == Some(false) {
            return None;
        }
        let (ours, theirs) = (hash.of(&format!("{user}:{realm}:{password}")), hash.of(&format!("POST:{target}")));
        let cnonce = hex(cnonce);
        let response = match qop {
            Some(_) => hash.of(&format!("{ours}:{nonce}:00000001:{cnonce}:auth:{theirs}")),
            None => hash.of(&format!("{ours}:{nonce}:{theirs}")),
        };
        let mut out = format!(
            r#"Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{target}", response="{response}""#
        );
        if let Some(algorithm) = get("algorithm") {
            out += &format!(", algorithm={algorithm}");
        }
        if let Some(opaque) = get("opaque").filter(|opaque| !opaque.contains(['"', '\\'])) {
            out += &format!(r#", opaque="{opaque}""#);
        }
        if qop.is_some() {
            out += &format!(r#", qop=auth, nc=00000001, cnonce="{cnonce}""#);
        }
        Some(out)
    }
}

/// The challenges of one header: schemes, each with its parameters behind it.
fn read(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    for part in parts(text) {
        let (head, value) = part.split_once('=').map_or((part.as_str(), None), |(head, value)| (head, Some(value)));
        let mut words = head.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let name = match (second, value) {
            (Some(name), Some(_)) => {
                found.push(Challenge { scheme: first.to_ascii_lowercase(), parameters: HashMap::new() });
                name
            }
            (_, None) if !first.is_empty() => {
                found.push(Challenge { scheme: first.to_ascii_lowercase(), parameters: HashMap::new() });
                continue;
            }
            _ => first,
        };
        if let (Some(challenge), Some(value)) = (found.last_mut(), value) {
            let value = value.trim().trim_matches('"').to_owned();
            challenge.parameters.insert(name.to_ascii_lowercase(), value);
        }
    }
    found
}

/// What stands between commas that are in no quotes.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(std::mem::take(&mut part).trim().to_owned());
                continue;
            }
            _ => {}
        }
        part.push(character);
    }
    parts.push(part.trim().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { user: "Mufasa".into(), password: "Circle of Life".into() }
    }

    #[test]
    fn basic_is_the_login_in_base64() {
        let both = Login { user: "Aladdin".into(), password: "open sesame".into() };
        let answered = answer(&[r#"Basic realm="a, b", charset="UTF-8""#], &both, "/", &[]);
        assert_eq!(answered.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(answer(&["Bearer"], &both, "/", &[]), None);
        assert_eq!(answer(&[], &both, "/", &[]), None);
    }

    #[test]
    fn the_strongest_digest_that_is_offered_is_answered() {
        let md5 = r#"Digest realm="r", nonce="n", qop="auth, auth-int", algorithm=MD5, opaque="o""#;
        let sha = r#"Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256"#;
        let answered = answer(&["Basic realm=x", md5, sha], &login(), "/dir", b"ab").unwrap();
        assert!(answered.contains("algorithm=SHA-256") && answered.contains(r#"cnonce="6162""#), "{answered}");
        let ours = Hash::Sha256.of("Mufasa:r:Circle of Life");
        let expected = Hash::Sha256.of(&format!("{ours}:n:00000001:6162:auth:{}", Hash::Sha256.of("POST:/dir")));
        assert!(answered.contains(&expected));
        let answered = answer(&[md5], &login(), "/dir", b"ab").unwrap();
        assert!(answered.contains("algorithm=MD5") && answered.contains(r#"opaque="o""#));
    }

    #[test]
    fn an_old_digest_has_no_quality_of_protection() {
        // RFC 2069's way: the response is of the nonce alone.
        let answered = answer(&[r#"Digest realm="r", nonce="n""#], &login(), "/", b"x").unwrap();
        let expected =
            Hash::Md5.of(&format!("{}:n:{}", Hash::Md5.of("Mufasa:r:Circle of Life"), Hash::Md5.of("POST:/")));
        assert!(answered.contains(&expected) && !answered.contains("qop"));
        assert_eq!(answer(&[r#"Digest realm="r", nonce="n", qop="auth-int""#], &login(), "/", b"x"), None);
    }
}
