//! IP addresses and blocks of them, as filters read them.
//!
//! An address is four decimal numbers (leading zeros allowed) or an IPv6 address of hexadecimal digits and colons; an IPv6
//! address that stands for an IPv4 one is that. Source: aws/event-ruler, `CIDR`, which leaves the reading to Java's
//! `InetAddress`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) is_v6: bool,
    pub(crate) bits: u128,
}

/// All addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    first: Address,
    /// How many bits they have in common.
    pub(crate) common: u8,
}

impl Address {
    /// The address that this text is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match looks(text)? {
            Family::V4 => v4(text),
            Family::V6 => v6(text),
        }
    }

    /// How many bits an address of its family has.
    fn width(self) -> u8 {
        if self.is_v6 { 128 } else { 32 }
    }

    /// Its first bits alone, the others zero.
    pub(crate) fn begin(self, common: u8) -> u128 {
        match self.width() - common {
            128 => 0,
            free => self.bits >> free << free,
        }
    }
}

impl Block {
    /// An address alone.
    pub(crate) fn of(address: Address) -> Self {
        Self { first: address, common: address.width() }
    }

    /// A block in the notation of CIDR, or what AWS says of this text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.is_empty() && !bits.contains('/'))
        else {
            return Err("Malformed CIDR, one '/' required".into());
        };
        let Ok(bits) = bits.parse::<i32>() else { return Err("Malformed CIDR, mask bits must be an integer".into()) };
        if bits < 0 {
            return Err("Malformed CIDR, mask bits must not be negative".into());
        }
        if looks(address).is_none() {
            return Err(format!("Nonstandard IP address: {address}"));
        }
        let address = Address::parse(address).ok_or_else(|| format!("Invalid IP address: {address}"))?;
        match (address.is_v6, bits) {
            (false, 32..) => Err("IPv4 mask bits must be < 32".into()),
            (true, 128..) => Err("IPv6 mask bits must be < 128".into()),
            _ => Ok(Self::with(address, bits as u8)),
        }
    }

    fn with(address: Address, common: u8) -> Self {
        Self { first: Address { bits: address.begin(common), ..address }, common }
    }

    pub(crate) fn contains(self, address: Address) -> bool {
        address.is_v6 == self.first.is_v6 && address.begin(self.common) == self.first.bits
    }

    pub(crate) fn first(self) -> Address {
        self.first
    }
}

enum Family {
    V4,
    V6,
}

fn looks(text: &str) -> Option<Family> {
    let parts = text.split('.');
    let is_v4 = parts.clone().count() == 4
        && parts.clone().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if is_v4 {
        return Some(Family::V4);
    }
    let is_v6 = text.contains(':') && text.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit());
    is_v6.then_some(Family::V6)
}

fn v4(text: &str) -> Option<Address> {
    let bits = text.split('.').try_fold(0u128, |bits, part| {
        let part = part.trim_start_matches('0');
        let byte = if part.is_empty() { 0 } else { part.parse::<u8>().ok()? };
        Some(bits << 8 | u128::from(byte))
    })?;
    Some(Address { is_v6: false, bits })
}

fn v6(text: &str) -> Option<Address> {
    let address: Ipv6Addr = text.parse().ok()?;
    Some(match address.to_ipv4_mapped() {
        Some(mapped) => Address { is_v6: false, bits: u128::from(u32::from(mapped)) },
        None => Address { is_v6: true, bits: u128::from(address) },
    })
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first.is_v6 {
            true => write!(f, "{}/{}", Ipv6Addr::from(self.first.bits), self.common),
            false => write!(f, "{}/{}", Ipv4Addr::from(self.first.bits as u32), self.common),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(block: &str, address: &str) -> bool {
        Block::parse(block).unwrap().contains(Address::parse(address).unwrap())
    }

    #[test]
    fn a_block_holds_the_addresses_that_begin_as_it_does() {
        assert!(contains("10.0.0.0/24", "10.0.0.0") && contains("10.0.0.0/24", "10.0.0.255"));
        assert!(!contains("10.0.0.0/24", "10.0.1.0") && !contains("10.0.0.0/24", "::1"));
        assert!(contains("10.0.0.77/24", "10.0.0.1") && contains("0.0.0.0/0", "255.1.2.3"));
        assert!(contains("2001:db8::/32", "2001:DB8:ffff::1") && !contains("2001:db8::/32", "2001:db9::"));
        assert!(contains("::/0", "fe80::1") && contains("10.0.0.0/31", "010.000.0.1"));
    }

    #[test]
    fn an_ipv6_address_that_stands_for_an_ipv4_one_is_that() {
        assert_eq!(Address::parse("::ffff:0a00:0001"), Address::parse("10.0.0.1"));
    }

    #[test]
    fn a_block_that_is_none_is_told_in_awss_words() {
        for (text, words) in [
            ("10.0.0.1", "Malformed CIDR, one '/' required"),
            ("10.0.0.1/", "Malformed CIDR, one '/' required"),
            ("10.0.0.1/2/3", "Malformed CIDR, one '/' required"),
            ("10.0.0.1/x", "Malformed CIDR, mask bits must be an integer"),
            ("10.0.0.1/-1", "Malformed CIDR, mask bits must not be negative"),
            ("10.0.0.1/32", "IPv4 mask bits must be < 32"),
            ("::1/128", "IPv6 mask bits must be < 128"),
            ("somewhere/8", "Nonstandard IP address: somewhere"),
            ("10.0.0.256/8", "Invalid IP address: 10.0.0.256"),
        ] {
            assert_eq!(Block::parse(text).unwrap_err(), words, "{text}");
        }
    }
}
