//! What an operator says about TLS, and what of it fits together.

use std::path::PathBuf;

/// Which connections are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// Plain ones only.
    Off,
    /// Plain ones and those over TLS.
    #[default]
    Auto,
    /// Those over TLS only.
    Required,
}

/// Whether clients show certificates of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ClientAuth {
    /// They are not asked.
    #[default]
    Off,
    /// Who shows one must show a good one.
    Optional,
    /// Who shows none is not let in.
    Required,
}

/// Everything said about TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// A chain of certificates in PEM, the server's own first.
    pub(crate) cert: Option<PathBuf>,
    /// The key of the first of them.
    pub(crate) key: Option<PathBuf>,
    /// Whose clients' certificates are good, in PEM.
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_auth: ClientAuth,
    /// Names that the development certificate is for, beside those of this machine.
    pub(crate) names: Vec<String>,
    pub(crate) handshake_timeout_secs: u64,
    pub(crate) acme: Acme,
}

/// Where certificates are ordered, for which names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Acme {
    /// Names to have a certificate for; none: nothing is ordered.
    pub(crate) domains: Vec<String>,
    /// Where the authority writes to, e.g. `mailto:ops@example.org`.
    pub(crate) contact: Option<String>,
    /// The authority's directory.
    pub(crate) directory: String,
    /// Who vouches for the authority's own server, beside the system's roots, in PEM.
    pub(crate) ca: Option<PathBuf>,
}

impl Settings {
    /// What no single setting shows. The sentence names the keys.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ordered = !self.acme.domains.is_empty();
        match (&self.cert, &self.key) {
            (Some(_), None) => return Err("tls.cert is set without tls.key, the key of the certificate".into()),
            (None, Some(_)) => return Err("tls.key is set without tls.cert, the certificate of the key".into()),
            (Some(_), Some(_)) if ordered => {
                return Err("tls.cert and acme.domains both say which certificate is served; set one of them".into());
            }
            _ => {}
        }
        if self.client_auth != ClientAuth::Off && self.client_ca.is_none() {
            return Err("tls.client_auth needs tls.client_ca, which says whose certificates are good".into());
        }
        if self.client_auth == ClientAuth::Off && self.client_ca.is_some() {
            return Err("tls.client_ca has no effect while tls.client_auth is off".into());
        }
        if self.mode == Mode::Off && (ordered || self.cert.is_some() || self.client_ca.is_some()) {
            return Err("tls.mode = off, but a certificate is configured".into());
        }
        Ok(())
    }

    /// Whether plain requests are shown out.
    pub(crate) fn is_required(&self) -> bool {
        self.mode == Mode::Required
    }

    /// Whether the certificate is one that we make ourselves, for want of a better one.
    pub(crate) fn is_development(&self) -> bool {
        self.mode != Mode::Off && self.cert.is_none() && self.acme.domains.is_empty()
    }
}

/// Reads `off|auto|required`.
pub(crate) fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "off" => Ok(Mode::Off),
        "auto" => Ok(Mode::Auto),
        "required" => Ok(Mode::Required),
        _ => Err("expected off, auto or required".into()),
    }
}

/// Reads `off|optional|required`.
pub(crate) fn client_auth(text: &str) -> Result<ClientAuth, String> {
    match text {
        "off" => Ok(ClientAuth::Off),
        "optional" => Ok(ClientAuth::Optional),
        "required" => Ok(ClientAuth::Required),
        _ => Err("expected off, optional or required".into()),
    }
}

/// Reads names divided by commas: of hosts, of addresses.
pub(crate) fn names(text: &str) -> Result<Vec<String>, String> {
    let fits = |name: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-.*:_".contains(&byte);
        !name.is_empty() && name.len() <= 253 && name.bytes().all(legal)
    };
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    match names.iter().find(|name| !fits(name)) {
        _ if text.trim().is_empty() => Ok(Vec::new()),
        Some(wrong) => Err(format!("{wrong:?} is no name of a host; expected names divided by commas")),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_fit_together_name_their_keys() {
        let file = || Some(PathBuf::from("x.pem"));
        let ordered = Acme { domains: vec!["q.example.org".into()], ..Acme::default() };
        for (settings, said) in [
            (Settings { cert: file(), ..Settings::default() }, "without tls.key"),
            (Settings { key: file(), ..Settings::default() }, "without tls.cert"),
            (Settings { cert: file(), key: file(), acme: ordered, ..Settings::default() }, "acme.domains"),
            (Settings { client_auth: ClientAuth::Required, ..Settings::default() }, "needs tls.client_ca"),
            (Settings { client_ca: file(), ..Settings::default() }, "has no effect"),
            (Settings { mode: Mode::Off, cert: file(), key: file(), ..Settings::default() }, "tls.mode = off"),
        ] {
            let error = settings.check().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(Settings { cert: file(), key: file(), ..Settings::default() }.check().is_ok());
    }

    #[test]
    fn names_are_divided_by_commas() {
        assert_eq!(names(" Q.example.org, 10.0.0.1 ").unwrap(), ["q.example.org", "10.0.0.1"]);
        assert!(names("").unwrap().is_empty());
        assert!(names("a b").is_err() && names("a,,b").is_err());
    }
}
