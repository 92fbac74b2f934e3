//! Where the services of mobile push are: in `tidewire serve` Apple's, Google's and Amazon's own, in `tidewire dev` nowhere, unless somebody
//! says so.

use super::{Key, put};
use crate::mode::Mode;
use delivery::Endpoint;
use delivery::push::{adm, apns, fcm};

/// Where they are, as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    apns: Service,
    apns_sandbox: Service,
    fcm: Service,
    fcm_token: Service,
    adm: Service,
    adm_token: Service,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Service {
    /// The service's own place in `serve`, none in `dev`.
    #[default]
    AsTheModeHasIt,
    None,
    At(String),
}

impl Service {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim_end_matches('/') {
            "" => Ok(Self::AsTheModeHasIt),
            "none" => Ok(Self::None),
            url if Endpoint::parse(url).is_ok_and(|parsed| !url.contains('?') && parsed.host() != "none") => {
                Ok(Self::At(url.to_owned()))
            }
            _ => Err("expected a URL such as http://localhost:9000, or none".into()),
        }
    }

    fn or(&self, own: &str, mode: Mode) -> Option<String> {
        match (self, mode) {
            (Self::At(url), _) => Some(url.clone()),
            (Self::AsTheModeHasIt, Mode::Serve) => Some(own.to_owned()),
            (Self::None, _) | (Self::AsTheModeHasIt, Mode::Dev) => None,
        }
    }
}

impl Settings {
    /// Where they are in a mode.
    pub(crate) fn urls(&self, mode: Mode) -> sns::PushUrls {
        // Where messages go somewhere, access to it comes from where it always comes from.
        let token = |service: &Service, own: &str| service.or(own, Mode::Serve).unwrap_or_else(|| own.to_owned());
        sns::PushUrls {
            apns: self.apns.or(apns::URL, mode),
            apns_sandbox: self.apns_sandbox.or(apns::SANDBOX_URL, mode),
            fcm: self.fcm.or(fcm::URL, mode),
            fcm_token: token(&self.fcm_token, fcm::TOKEN_URL),
            adm: self.adm.or(adm::URL, mode),
            adm_token: token(&self.adm_token, adm::TOKEN_URL),
        }
    }
}

pub(super) const APNS_URL: Key = Key {
    name: "sns.apns_url",
    value: "URL",
    help: "Where notifications for Apple's devices go: Apple's service in serve; none, and without it in dev, to nobody but \
           /_aws/sns/platform-endpoint-messages",
    default: "",
    set: |config, text| put(&mut config.push.apns, Service::parse(text)),
};

pub(super) const APNS_SANDBOX_URL: Key = Key {
    name: "sns.apns_sandbox_url",
    value: "URL",
    help: "The same for applications of a platform that ends in _SANDBOX",
    default: "",
    set: |config, text| put(&mut config.push.apns_sandbox, Service::parse(text)),
};

pub(super) const FCM_URL: Key = Key {
    name: "sns.fcm_url",
    value: "URL",
    help: "The same for Google's service",
    default: "",
    set: |config, text| put(&mut config.push.fcm, Service::parse(text)),
};

pub(super) const FCM_TOKEN_URL: Key = Key {
    name: "sns.fcm_token_url",
    value: "URL",
    help: "Where access to Google's service is asked for",
    default: "",
    set: |config, text| put(&mut config.push.fcm_token, Service::parse(text)),
};

pub(super) const ADM_URL: Key = Key {
    name: "sns.adm_url",
    value: "URL",
    help: "The same for Amazon's service",
    default: "",
    set: |config, text| put(&mut config.push.adm, Service::parse(text)),
};

pub(super) const ADM_TOKEN_URL: Key = Key {
    name: "sns.adm_token_url",
    value: "URL",
    help: "Where access to Amazon's service is asked for",
    default: "",
    set: |config, text| put(&mut config.push.adm_token, Service::parse(text)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_where_they_are_said_to_be_and_in_dev_nowhere_else() {
        let at = |text| Service::parse(text).unwrap();
        let settings = Settings { apns: at("http://localhost:9/"), fcm: at("none"), ..Settings::default() };
        let (dev, serve) = (settings.urls(Mode::Dev), settings.urls(Mode::Serve));
        assert_eq!((dev.apns.as_deref(), dev.adm.as_deref()), (Some("http://localhost:9"), None));
        assert_eq!((serve.fcm, serve.adm.as_deref()), (None, Some(adm::URL)));
        assert_eq!((dev.fcm_token.as_str(), serve.apns_sandbox.as_deref()), (fcm::TOKEN_URL, Some(apns::SANDBOX_URL)));
        assert!(Service::parse("ftp://x").is_err() && Service::parse("x").is_err());
    }
}
