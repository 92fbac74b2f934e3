//! Where a server is: `http://host:port` or `https://host:port`, as SDKs are told it.

use std::fmt;

/// The place of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads a URL, or a bare `host:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no endpoint; expected one like http://127.0.0.1:4566");
        let (is_secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://").unwrap_or(text)),
        };
        let authority: http::uri::Authority = rest.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") if is_secure => 443,
            Some("") => 80,
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()).ok_or_else(wrong)?,
            None => return Err(wrong()),
        };
        if host.is_empty() { Err(wrong()) } else { Ok(Self { is_secure, host: host.to_owned(), port }) }
    }

    /// Whether it is spoken to over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The host: a name or an address, one of IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_or_host_and_port() {
        for (text, shown) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("http://queue.example.org/", "http://queue.example.org:80"),
            ("localhost:1", "http://localhost:1"),
            ("http://[::1]:4566", "http://[::1]:4566"),
            ("https://queue.example.org", "https://queue.example.org:443"),
            ("https://localhost:4566/", "https://localhost:4566"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "http://", "http://a b", "http://u:p@h:1", "http://h:99999"] {
            assert!(Endpoint::parse(wrong).unwrap_err().contains("is no endpoint"), "{wrong}");
        }
    }
}
