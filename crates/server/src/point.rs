//! Pointing other programs at the server: `tidewire env` and `tidewire aws`.

use crate::client::Credentials;
use crate::config::Config;
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, ExitCode};

/// Where a client on this machine finds a server with this configuration.
pub(crate) fn endpoint(config: &Config) -> String {
    match &config.public_url {
        Some(url) => url.clone(),
        None => at(config, config.listen),
    }
}

/// The same, whatever its public URL, when it listens on an address.
pub(crate) fn at(config: &Config, address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let scheme = if config.tls.is_required() { "https" } else { "http" };
    format!("{scheme}://{host}:{}", address.port())
}

/// The variables that SDKs read. The keys are the root user's where the data folder has them, else placeholders: the account
/// is the access key, which a server that verifies nothing takes with any secret.
fn variables(config: &Config) -> Result<[(&'static str, String); 5], String> {
    let Credentials { access_key, secret, .. } = Credentials::of_server(config)?;
    Ok([
        ("AWS_ENDPOINT_URL", endpoint(config)),
        ("AWS_ACCESS_KEY_ID", access_key),
        ("AWS_SECRET_ACCESS_KEY", secret.expose_text().unwrap_or_default().to_owned()),
        ("AWS_DEFAULT_REGION", config.region.to_string()),
        ("AWS_REGION", config.region.to_string()),
    ])
}

/// Prints `export NAME=value` lines for `eval "$(tidewire env)"`.
pub(crate) fn print_environment(config: &Config) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    let printed = variables(config)?.iter().try_for_each(|(name, value)| writeln!(out, "export {name}='{value}'"));
    printed.map_err(|error| error.to_string())
}

/// Runs `aws` with `words`. The endpoint goes in as a flag too, since version 1 of the CLI passes over the variable.
pub(crate) fn run_aws(config: &Config, words: &[OsString]) -> Result<ExitCode, String> {
    let mut aws = Command::new("aws");
    aws.arg("--endpoint-url").arg(endpoint(config)).args(words);
    for (name, value) in variables(config)? {
        // Credentials that the user has set are meant: the access key chooses the account.
        if name == "AWS_ENDPOINT_URL" || std::env::var_os(name).is_none() {
            aws.env(name, value);
        }
    }
    let status = aws.status().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "the AWS CLI is not installed: there is no `aws` on the PATH".to_string(),
        _ => format!("aws: {error}"),
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::mode::Mode;

    #[test]
    fn the_endpoint_is_one_that_a_client_on_this_machine_can_reach() {
        for (key, value, endpoint_is) in [
            ("listen", "127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("listen", "0.0.0.0:80", "http://127.0.0.1:80"),
            ("listen", "[::]:80", "http://[::1]:80"),
            ("public_url", "https://q.example.org/", "https://q.example.org"),
            ("tls.mode", "required", "https://127.0.0.1:4566"),
        ] {
            let flags = [(key, value.to_string()), ("allow_unauthenticated", "true".to_string())].into();
            let config = Config::read(Mode::Serve, &Sources { flags, ..Sources::default() }).unwrap();
            assert_eq!(endpoint(&config), endpoint_is);
        }
    }
}
