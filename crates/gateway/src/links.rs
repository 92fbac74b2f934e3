//! What URLs begin with that somebody else than the client gets: links in the notifications of a topic, and where its certificate is.
//!
//! A client may be told of the server by the name that it called it by itself. Whoever else follows a link must not be led where the
//! client wants: a Host header is the client's word and nobody's else. So such a URL begins with what the operator said (`public_url`),
//! else with the server's address to which the client's connection came, which the system knows. In a server for development the names
//! that every machine has for itself are taken as the client wrote them, with their port, since between a developer and their container
//! stands a port that the server does not see; they lead a receiver to its own machine at the most.

use crate::gateway::Origin;
use crate::service::Base;
use http::HeaderValue;
use std::net::IpAddr;
use std::sync::Arc;

/// What links begin with where no `public_url` is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// `scheme://host` of the listener: where nobody knows to which address a request came, or it came from the server itself.
    pub home: Arc<str>,
    /// Whether a name of the client's own machine is taken as the client wrote it.
    pub take_loopback: bool,
}

/// Names for the machine itself: those of RFC 6761, and one of LocalStack's that public name servers resolve to 127.0.0.1.
const LOOPBACK_NAMES: [&str; 2] = ["localhost", "localhost.localstack.cloud"];

impl Default for Links {
    /// Those of a server that no connection comes to.
    fn default() -> Self {
        Self { home: "http://localhost".into(), take_loopback: false }
    }
}

impl Links {
    /// What links begin with that come of a request: of its connection, and of the host that its client wrote.
    pub(crate) fn base(&self, origin: Origin, host: Option<HeaderValue>) -> Base {
        let scheme = origin.scheme.as_str();
        match (host.filter(|host| self.take_loopback && is_loopback(host)), origin.reached) {
            (Some(host), _) => Base::Client { scheme, host },
            (None, Some(address)) => Base::Address { scheme, address },
            (None, None) => Base::Public(Arc::clone(&self.home)),
        }
    }
}

/// Whether a host, with or without a port, is this machine to whoever asks.
fn is_loopback(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let without_port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = without_port.map_or(host, |(name, _)| name).to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => LOOPBACK_NAMES
            .iter()
            .any(|known| name.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Scheme;

    fn shown(take_loopback: bool, reached: Option<&str>, host: &'static str) -> String {
        let links = Links { home: "http://192.0.2.1:4566".into(), take_loopback };
        let origin = Origin { reached: reached.map(|address| address.parse().unwrap()), ..Scheme::Http.into() };
        links.base(origin, Some(HeaderValue::from_static(host))).to_string()
    }

    #[test]
    fn a_link_does_not_lead_to_the_host_that_the_client_wrote() {
        let reached = Some("10.0.0.5:4566");
        for host in
            ["evil.example", "localhost.evil.example", "10.0.0.6:4566", "evillocalhost", "127.0.0.1.evil.example"]
        {
            for take_loopback in [true, false] {
                assert_eq!(shown(take_loopback, reached, host), "http://10.0.0.5:4566", "{host}");
                assert_eq!(shown(take_loopback, None, host), "http://192.0.2.1:4566", "{host}");
            }
        }
        assert_eq!(shown(true, Some("[::1]:80"), "evil.example"), "http://[::1]:80");
    }

    #[test]
    fn names_of_the_clients_own_machine_are_taken_in_development_alone() {
        let reached = Some("172.17.0.2:4566");
        for host in [
            "localhost:14566",
            "LOCALHOST",
            "sns.us-east-1.localhost:1",
            "localhost.localstack.cloud:4566",
            "sns.localhost.localstack.cloud",
            "127.0.0.1:4566",
            "127.9.9.9",
            "[::1]:4566",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(shown(true, reached, host), format!("http://{host}"));
            assert_eq!(shown(false, reached, host), "http://172.17.0.2:4566");
        }
    }
}
