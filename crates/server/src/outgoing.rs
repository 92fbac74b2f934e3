//! What goes out to receivers of customers' choosing: whom the server may reach, and whom it believes.
//!
//! Whoever may subscribe an endpoint has the server send requests to it. In `tidewire dev` receivers are where the developer is, on this
//! machine, so every address may be reached. In `tidewire serve` addresses that are not the internet's are reached only where
//! `sns.private_receivers` says so: a server that stands inside of a network must not be a way into it for those who may subscribe.

use crate::config::{self, Config};
use crate::descriptors;
use crate::mode::Mode;
use crate::root_key;
use crate::tls::connector;
use access::Network;
use delivery::push::{Http2, Http2Options};
use delivery::{Http, HttpOptions, LookUp, MailServer, MakeTls, MayReach, MessageCenter, PATIENCE, is_public, tcp};
use gateway::Gateway;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Which private addresses may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum PrivateReceivers {
    /// All in `tidewire dev`, none in `tidewire serve`.
    #[default]
    AsTheModeHasIt,
    All,
    None,
    Of(Vec<Network>),
}

impl PrivateReceivers {
    pub(crate) fn parse(text: &str, networks: fn(&str) -> Result<Vec<Network>, String>) -> Result<Self, String> {
        match text {
            "" => Ok(Self::AsTheModeHasIt),
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            text => networks(text).map(Self::Of).map_err(|why| format!("{why}; all and none are words for it too")),
        }
    }

    /// Says of an address whether it may be reached.
    pub(crate) fn may_reach(&self, mode: Mode) -> MayReach {
        match (self, mode) {
            (Self::All, _) | (Self::AsTheModeHasIt, Mode::Dev) => Arc::new(|_| true),
            (Self::None, _) | (Self::AsTheModeHasIt, Mode::Serve) => Arc::new(is_public),
            (Self::Of(networks), _) => {
                let networks = networks.clone();
                let is_within = move |address: IpAddr| networks.iter().any(|network| network.holds(address));
                Arc::new(move |address| is_public(address) || is_within(address))
            }
        }
    }
}

/// Names that are looked up at one time. A lookup takes a thread of those that other work needs, and keeps it until the system gives
/// up, however little patience is left; names whose servers never answer shall not take them all.
const LOOKUPS_MAX: usize = 24;

/// Asks the system for the addresses of names. A place among those who look is given back when the system has answered, whether or not
/// anybody waits any more.
fn look_up() -> LookUp {
    let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
    Arc::new(move |host, port| {
        let places = Arc::clone(&places);
        Box::pin(async move {
            let place = places.acquire_owned().await.ok()?;
            let looking = move || {
                let _place = place;
                (host.as_str(), port).to_socket_addrs().map(Vec::from_iter).ok()
            };
            tokio::task::spawn_blocking(looking).await.ok()?
        })
    })
}

/// What the server lends to SNS for deliveries.
pub(crate) fn hands(
    mode: Mode,
    config: &Config,
    gateway: &Gateway,
    sms: Option<Arc<MessageCenter>>,
) -> Result<sns::Hands, String> {
    let (gateway, authorities) = (gateway.clone(), config.receivers_ca.clone());
    let look_up = look_up();
    let tls: MakeTls = Arc::new(move || {
        let files: Vec<&Path> = authorities.iter().map(PathBuf::as_path).collect();
        connector(&files)
    });
    let spawn: sns::Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let http2 = Http2Options {
        look_up: Arc::clone(&look_up),
        tls: Arc::clone(&tls),
        spawn: Arc::clone(&spawn),
        patience: PATIENCE,
    };
    let options = HttpOptions {
        dial: tcp(),
        look_up,
        may_reach: config.private_receivers.may_reach(mode),
        tls,
        chance: root_key::chance(),
        patience: PATIENCE,
        // It was read when the configuration was checked.
        mail: mail_server(config).ok().flatten(),
        sms,
        idle_max: descriptors::shares()?.0.kept,
    };
    Ok(sns::Hands {
        functions: functions(config),
        transport: Arc::new(Http::new(options)),
        pushes: Arc::new(Http2::new(http2)),
        spawn,
        caller: Arc::new(move |identity, region| gateway.acting(identity, region)),
    })
}

/// The mail server, if there is one.
pub(crate) fn mail_server(config: &Config) -> Result<Option<MailServer>, String> {
    let Some(url) = &config.smtp else { return Ok(None) };
    let url = url.expose_text().ok_or("sns.smtp is no text")?;
    MailServer::parse(url, &config.mail_from).map(Some).map_err(|why| format!("sns.smtp and sns.mail_from: {why}"))
}

fn functions(config: &Config) -> Option<sns::Functions> {
    let config::Functions { endpoint, access_key, secret } = config.functions.clone();
    Some(sns::Functions { endpoint: endpoint?, access_key, secret })
}

/// What there is for receivers beside HTTP.
pub(crate) fn means(config: &Config) -> sns::Means {
    sns::Means { mail: config.smtp.is_some(), functions: config.functions.endpoint.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_receivers_are_reached_where_the_mode_or_the_operator_says_so() {
        let of = |text| {
            let networks =
                |text: &str| text.split(',').map(|one| Network::parse(one).ok_or_else(|| one.to_owned())).collect();
            PrivateReceivers::parse(text, networks).unwrap()
        };
        let reaches = |text, mode, address: &str| of(text).may_reach(mode)(address.parse().unwrap());
        assert!(reaches("", Mode::Dev, "127.0.0.1") && !reaches("", Mode::Serve, "127.0.0.1"));
        assert!(reaches("all", Mode::Serve, "10.0.0.1") && !reaches("none", Mode::Dev, "10.0.0.1"));
        assert!(reaches("10.0.0.0/8", Mode::Serve, "10.0.0.1") && !reaches("10.0.0.0/8", Mode::Serve, "192.168.0.1"));
        assert!(reaches("none", Mode::Serve, "1.1.1.1"));
    }
}
