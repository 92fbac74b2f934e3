//! Values as they are written, and what each may be.

use super::{LogFormat, Verification};
use access::{Network, Secret};
use delivery::Endpoint;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A secret, if it is given.
pub(super) fn secret(text: &str) -> Result<Option<Secret>, String> {
    Ok((!text.is_empty()).then(|| Secret::from(text)))
}

pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    u32::try_from(whole(text)?).map_err(|_| "that is more than can be counted here".into())
}

pub(super) fn file(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

pub(super) fn functions_endpoint(text: &str) -> Result<Option<String>, String> {
    match text.trim_end_matches('/') {
        "" => Ok(None),
        url if Endpoint::parse(url).is_ok() => Ok(Some(url.to_owned())),
        _ => Err("expected a URL such as http://localhost:9000".into()),
    }
}

pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| "expected HOST:PORT, e.g. 127.0.0.1:4566".into())
}

pub(super) fn public_url(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_url = ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    match is_url {
        true => Ok(Some(text.trim_end_matches('/').into())),
        false => Err("expected a URL that begins with http:// or https://".into()),
    }
}

pub(super) fn verification(text: &str) -> Result<Option<Verification>, String> {
    let all = [Verification::Verify, Verification::ParseOnly, Verification::Off];
    match all.into_iter().find(|verification| verification.as_str() == text) {
        None if !text.is_empty() => Err("expected verify, parse-only or off".into()),
        found => Ok(found),
    }
}

pub(super) fn networks(text: &str) -> Result<Vec<Network>, String> {
    let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let wrong = |part: &str| format!("{part:?} is no address and no range like 10.0.0.0/8");
    networks.map(|part| Network::parse(part).ok_or_else(|| wrong(part))).collect()
}

pub(super) fn limits(text: &str) -> Result<sqs::Limits, String> {
    match text {
        "aws" => Ok(sqs::Limits::Aws),
        "raised" => Ok(sqs::Limits::Raised),
        _ => Err("expected aws or raised".into()),
    }
}

pub(super) fn filter_keys(text: &str) -> Result<usize, String> {
    match whole(text)? as usize {
        number if (1..=sns::FILTER_KEYS_MAX).contains(&number) => Ok(number),
        _ => Err(format!("expected 1 to {}", sns::FILTER_KEYS_MAX)),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected text or json".into()),
    }
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "expected true or false".into())
}

pub(super) fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number".into())
}

/// Bytes, as a whole number with or without `KiB`, `MiB` or `GiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift))).unwrap_or((text, 0));
    let number = digits.trim_end().parse::<usize>().ok();
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| "expected a size, e.g. 16MiB or 1GiB".into())
}

pub(super) fn seconds(text: &str) -> Result<u64, String> {
    whole(text)?.checked_sub(1).map(|less| less + 1).ok_or_else(|| "expected at least 1 second".into())
}
