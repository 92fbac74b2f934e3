//! What a proxy in front of the server says of the request: `X-Forwarded-For`, `-Host`, `-Proto`.
//!
//! Only proxies that the operator named are believed, because the Host is signed and an address may be what a policy asks for.
//! Each proxy adds what it saw at the end of a list, so lists are read from there, up to the first address that is no
//! proxy's of ours. From anybody else these headers mean nothing.

use std::net::IpAddr;

use access::Network;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::gateway::{Origin, Scheme};

/// Where the request really comes from. The host that the client wrote is put where it would be without the proxy.
pub(crate) fn see_through(proxies: &[Network], origin: Origin, head: &mut Parts) -> Origin {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.holds(address));
    let Some(source) = origin.source.filter(|source| is_proxy(*source)) else { return origin };
    if let Some(host) = last(&head.headers, "x-forwarded-host").and_then(|host| HeaderValue::from_str(host).ok()) {
        head.headers.insert(HOST, host);
    }
    let scheme = match last(&head.headers, "x-forwarded-proto") {
        Some("https") => Scheme::Https,
        Some("http") => Scheme::Http,
        _ => origin.scheme,
    };
    Origin { scheme, source: Some(client(&head.headers, source, is_proxy)), ..origin }
}

/// The nearest address that is no proxy's; the proxy's own where the list says nothing usable.
fn client(headers: &HeaderMap, proxy: IpAddr, is_proxy: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut nearest = proxy;
    let lists = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    for text in addresses.into_iter().rev() {
        let Ok(address) = text.parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_proxy(nearest) {
            break;
        }
    }
    nearest
}

/// The last entry of a list, which is the nearest proxy's.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let list = headers.get_all(name).into_iter().next_back()?.to_str().ok()?;
    list.rsplit(',').next().map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn seen(source: &str, headers: &[(&str, &str)]) -> (Origin, String) {
        let mut request = Request::builder().header(HOST, "inside:4566");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        let proxies = [Network::parse("10.0.0.0/8").unwrap()];
        let origin = see_through(&proxies, Origin::of(Scheme::Http, source.parse().unwrap()), &mut head);
        (origin, head.headers[HOST].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_proxy_that_was_named_is_believed() {
        let told = [
            ("x-forwarded-for", "203.0.113.9, 10.1.1.1"),
            ("x-forwarded-host", "q.example"),
            ("x-forwarded-proto", "https"),
        ];
        let (origin, host) = seen("10.0.0.1", &told);
        assert_eq!((origin, host.as_str()), (Origin::of(Scheme::Https, "203.0.113.9".parse().unwrap()), "q.example"));
    }

    #[test]
    fn a_client_that_plays_proxy_is_not() {
        let told = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-host", "evil"), ("x-forwarded-proto", "https")];
        let (origin, host) = seen("203.0.113.9", &told);
        assert_eq!((origin, host.as_str()), (Origin::of(Scheme::Http, "203.0.113.9".parse().unwrap()), "inside:4566"));
        // What it invents in front of what the proxy saw does not count either.
        let (origin, _) = seen("10.0.0.1", &[("x-forwarded-for", "127.0.0.1, 203.0.113.9")]);
        assert_eq!(origin.source, Some("203.0.113.9".parse().unwrap()));
        let (origin, _) = seen("10.0.0.1", &[("x-forwarded-for", "nonsense")]);
        assert_eq!(origin.source, Some("10.0.0.1".parse().unwrap()));
    }
}
