//! Where a server is: `http://host:port`, as SDKs are told it.

use std::fmt;

/// The place of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    authority: String,
}

impl Endpoint {
    /// Reads a URL, or a bare `host:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no endpoint; expected one like http://127.0.0.1:4566");
        if text.starts_with("https://") {
            return Err(format!(
                "{text} asks for TLS, which this version does not speak; name the server's http:// port"
            ));
        }
        let rest = text.strip_prefix("http://").unwrap_or(text);
        let authority: http::uri::Authority = rest.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => 80,
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()).ok_or_else(wrong)?,
            None => return Err(wrong()),
        };
        if host.is_empty() { Err(wrong()) } else { Ok(Self { authority: format!("{host}:{port}") }) }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
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
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "http://", "http://a b", "http://u:p@h:1", "http://h:99999"] {
            assert!(Endpoint::parse(wrong).unwrap_err().contains("is no endpoint"), "{wrong}");
        }
        assert!(Endpoint::parse("https://h").unwrap_err().contains("TLS"));
    }
}
