//! What a person sees when the server starts; the last line is the one that test containers wait for.

use crate::config::{Config, Verification};
use crate::mode::Mode;
use crate::tls::Door;
use iam::MadeKey;
use journal::Recovery;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// Prints where the server is, what it keeps where and how safely, and `Ready.`.
pub(crate) fn print(
    mode: Mode,
    config: &Config,
    address: SocketAddr,
    recovery: &Recovery,
    since_start: Duration,
    made: Option<&MadeKey>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "tidewire {} · {mode}", env!("CARGO_PKG_VERSION"))?;
    let scheme = if config.tls.is_required() { "https" } else { "http" };
    writeln!(out, "tidewire: listening on {scheme}://{address}")?;
    if let Some(tls) = tls(config) {
        writeln!(out, "  TLS          {tls}")?;
    }
    if let Some(url) = &config.public_url {
        writeln!(out, "  queue URLs   {url}/<account>/<queue>")?;
    }
    if config.ephemeral {
        writeln!(out, "  data         in memory only: everything is lost at the end")?;
    } else {
        let folder = config.data_dir.canonicalize().unwrap_or_else(|_| config.data_dir.clone());
        writeln!(out, "  data         {}", folder.display())?;
        writeln!(out, "  durability   an answer leaves after its record is synced to disk (group commit, fdatasync)")?;
        writeln!(out, "  replayed     {} records, {} bytes", recovery.records, recovery.bytes)?;
    }
    let (access, or) = access(config.auth(mode));
    writeln!(out, "  access       {access}")?;
    writeln!(out, "  account      {} in {}{or}", config.account, config.region)?;
    if let Some(made) = made {
        let secret = made.secret.expose_text().unwrap_or_default();
        writeln!(out, "  root key     {} / {secret}", made.access_key_id)?;
        writeln!(out, "               made now and shown this once; it is also in root-key.json in the data folder")?;
    }
    writeln!(out, "  point here   eval \"$(tidewire env --listen {address})\"")?;
    writeln!(out, "  started in   {:.1} ms", since_start.as_secs_f64() * 1000.0)?;
    writeln!(out, "Ready.")?;
    out.flush()
}

/// How the port speaks TLS, in a line; nothing where it does not.
fn tls(config: &Config) -> Option<String> {
    if !config.has_tls() {
        return None;
    }
    let which = match Door::development_ca(&config.tls, &config.data_dir) {
        Some(ca) => {
            let ca = ca.canonicalize().unwrap_or(ca);
            format!("a development certificate; clients trust {}", ca.display())
        }
        None => "the configured certificate".to_owned(),
    };
    Some(if config.tls.is_required() { format!("only, {which}") } else { format!("on the same port, {which}") })
}

/// Who is let in, in a line, and what else than the configured account there may be.
fn access(verification: Verification) -> (&'static str, &'static str) {
    const OR: &str = ", or the 12-digit access key";
    match verification {
        Verification::Verify => ("every request must be signed, and allowed by a policy", ""),
        Verification::ParseOnly => ("any credentials are taken, nothing is forbidden (auth = parse-only)", OR),
        Verification::Off => ("any credentials are taken, nothing is forbidden (auth = off)", OR),
    }
}
