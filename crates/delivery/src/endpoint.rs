//! A receiver's URL: `scheme://[user[:password]@]host[:port][/path][?query]`.
//!
//! The password never leaves it but into an Authorization header: neither `Debug` nor [`Endpoint::shown`] has it.

use http::Uri;
use std::fmt;
use std::net::IpAddr;

/// Where a request goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    is_secure: bool,
    host: Box<str>,
    port: u16,
    /// Path and query; begins with a slash.
    target: Box<str>,
    login: Option<Login>,
}

/// A user and a password out of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Box<str>,
    pub(crate) password: Box<str>,
}

/// A text is no URL that requests can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEndpoint;

impl Endpoint {
    /// Reads a URL of `http` or `https`.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        // What stands behind a # is a browser's, and no part of a request.
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        let is_secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(InvalidEndpoint),
        };
        let authority = uri.authority().ok_or(InvalidEndpoint)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let named = authority.as_str().rsplit('@').next().and_then(|named| named.strip_prefix(authority.host()));
        let port = match named.ok_or(InvalidEndpoint)?.strip_prefix(':') {
            None => {
                if is_secure {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().map_err(|_| InvalidEndpoint)?,
        };
        if host.is_empty() {
            return Err(InvalidEndpoint);
        }
        let login = match authority.as_str().rsplit_once('@') {
            Some((login, _)) => Some(Login::parse(login).ok_or(InvalidEndpoint)?),
            None => None,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { is_secure, host: host.into(), port, target: target.into(), login })
    }

    /// Whether it takes TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Its name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its address, if it is named by one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The header `authorization` that its login comes to, for a receiver that wants it before it is asked.
    pub fn basic(&self) -> Option<String> {
        let Login { user, password } = self.login.as_ref()?;
        Some(format!("Basic {}", base64_simd::STANDARD.encode_to_string(format!("{user}:{password}"))))
    }

    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// What the header `host` says.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        match (self.is_secure, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The URL with stars in place of a password, as AWS shows it.
    pub fn shown(&self) -> String {
        let login = match &self.login {
            None => String::new(),
            Some(login) if login.password.is_empty() => format!("{}@", login.user),
            Some(login) => format!("{}:****@", login.user),
        };
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{login}{}{}", self.authority(), self.target)
    }

    /// Where a redirect leads. It takes along the login to the same host alone, and never from TLS to none.
    pub(crate) fn redirected(&self, location: &str) -> Option<Self> {
        let scheme = if self.is_secure { "https" } else { "http" };
        let absolute = match location {
            _ if location.starts_with("http://") || location.starts_with("https://") => location.to_owned(),
            _ if location.starts_with("//") => format!("{scheme}:{location}"),
            _ if location.starts_with('/') => format!("{scheme}://{}{location}", self.authority()),
            _ => return None,
        };
        let next = Self::parse(&absolute).ok().filter(|next| next.is_secure || !self.is_secure)?;
        let is_same = next.host == self.host && next.port == self.port && next.is_secure == self.is_secure;
        let login = if is_same { self.login.clone() } else { None };
        Some(Self { login, ..next })
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Some(Self { user: decoded(user)?.into(), password: decoded(password)?.into() })
    }
}

/// A text without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.contains(['\r', '\n', '\0']))
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Endpoint::parse(text).ok().map(|endpoint| endpoint.shown())
    }

    #[test]
    fn a_url_is_read_and_shown_without_its_password() {
        assert_eq!(shown("http://example.org").as_deref(), Some("http://example.org/"));
        assert_eq!(shown("https://example.org:8443/a?b=c#d").as_deref(), Some("https://example.org:8443/a?b=c"));
        assert_eq!(shown("http://example.org?a=b").as_deref(), Some("http://example.org/?a=b"));
        assert_eq!(shown("http://[::1]:80/").as_deref(), Some("http://[::1]/"));
        let secret = Endpoint::parse("https://me:p%40ss@example.org/").unwrap();
        assert_eq!(format!("{secret:?}"), "https://me:****@example.org/");
        assert_eq!(secret.login().map(|login| &*login.password), Some("p@ss"));
        for wrong in
            ["example.org", "ftp://example.org/", "http://", "http://a b/", "http://h:99999/", "http://a%0d:b@h/"]
        {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_redirect_takes_no_login_elsewhere_and_leaves_no_tls() {
        let from = Endpoint::parse("https://me:secret@example.org/a").unwrap();
        let login = |location| from.redirected(location).map(|next| next.login().is_some());
        assert_eq!(
            (login("/b"), login("https://example.org/c"), login("//example.org/d")),
            (Some(true), Some(true), Some(true))
        );
        assert_eq!((login("https://other.org/"), login("https://example.org:444/")), (Some(false), Some(false)));
        assert_eq!((login("http://example.org/"), login("gopher://x/"), login("b")), (None, None, None));
    }
}
