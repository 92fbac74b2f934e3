//! The port: takes connections, hands each to the gateway, and lets them end when the server stops.
//!
//! No more than [`Options::connections_max`] are open at once. A client beyond that is neither answered nor turned away: it
//! stands in the system's queue until one that came before it has gone. A handshake of TLS happens within the place that the
//! connection has taken.

use crate::tls::{Door, Opened};
use gateway::{Gateway, Origin, Scheme};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long to wait when the system has no descriptor for another connection; one is given back sooner or later.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);

/// Bounds on a port.
#[derive(Clone)]
pub(crate) struct Options {
    /// Connections open at once; [`gateway::limits::CONNECTIONS_MAX`], or what the system allows.
    pub(crate) connections_max: usize,
    /// How long connections may take to end once the server stops.
    pub(crate) patience: Duration,
    /// How long a client may say nothing at all.
    pub(crate) silence: Duration,
    /// The way into TLS; none: the port is plain.
    pub(crate) tls: Option<Arc<Door>>,
}

/// Serves connections until the gateway is told to stop; ends when the last one has ended or the patience is over.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, options: Options) {
    let places = Arc::new(Semaphore::new(options.connections_max));
    let stopping = gateway.stopping();
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accept => accepted,
            () = stopping.wait() => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let (gateway, options) = (gateway.clone(), options.clone());
                tokio::spawn(async move {
                    connection(stream, client.ip(), &gateway, &options).await;
                    drop(place);
                });
            }
            Err(error) => pause(&error).await,
        }
    }
    drop(listener);
    let all = u32::try_from(options.connections_max).expect("the bound on connections fits");
    if tokio::time::timeout(options.patience, places.acquire_many(all)).await.is_err() {
        tracing::warn!(seconds = options.patience.as_secs(), "connections still open after the stop timeout are cut");
    }
}

async fn connection(stream: TcpStream, client: IpAddr, gateway: &Gateway, options: &Options) {
    // Replies are written whole, so waiting for more to send only adds latency.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let reached = match stream.local_addr() {
        Ok(reached) => reached,
        Err(error) => {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
    };
    let plain = Origin::of(Scheme::Http, client).reaching(reached);
    let Some(tls) = &options.tls else { return gateway.serve_connection(stream, plain).await };
    let stopping = gateway.stopping();
    let opened = tokio::select! {
        opened = tls.open(stream, options.silence) => opened,
        () = stopping.wait() => return,
    };
    match opened {
        Opened::Plain(stream) => gateway.serve_connection(stream, plain).await,
        Opened::Secure(stream, secured) => {
            gateway.serve_connection(*stream, Origin::secure(secured, client).reaching(reached)).await;
        }
        Opened::Gone => {}
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::surroundings::SystemSurroundings;
    use gateway::{Auth, Limits, Page, Pages};
    use names::{AccountId, Region};
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(60);
    /// Long enough for a served client to have its answer many times over.
    const A_WHILE: Duration = Duration::from_millis(200);

    struct Hello;

    impl Pages for Hello {
        fn page(&self, _path: &str, _query: &str) -> Option<Page> {
            Some(Page::text(200, "hello"))
        }
    }

    /// A port with room for `connections_max`, its address, and the task that serves it.
    async fn port(connections_max: usize) -> (Gateway, SocketAddr, JoinHandle<()>) {
        let options = gateway::Options {
            services: Vec::new(),
            pages: Arc::new(Hello),
            surroundings: Arc::new(SystemSurroundings(Arc::new(SystemClock::start()))),
            default_account: AccountId::DEFAULT,
            default_region: Region::parse("us-east-1").unwrap(),
            public_url: None,
            links: gateway::Links::default(),
            limits: Limits::default(),
            auth: Auth::Off,
            proxies: Vec::new(),
            organization: None,
            signing_keys: Arc::default(),
        };
        let gateway = Gateway::new(options, &mut prometheus_client::registry::Registry::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options { connections_max, patience: SOON, silence: SOON, tls: None };
        let served = tokio::spawn(serve(listener, gateway.clone(), options));
        (gateway, address, served)
    }

    struct Client(TcpStream);

    impl Client {
        async fn connect(address: SocketAddr) -> Self {
            Self(timeout(SOON, TcpStream::connect(address)).await.expect("the system takes it").unwrap())
        }

        async fn ask(&mut self) {
            self.0.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        }

        /// Whether an answer came within `patience`. An end of the connection is none.
        async fn is_answered(&mut self, patience: Duration) -> bool {
            let mut answer = Vec::new();
            let read = async {
                while !answer.ends_with(b"hello") {
                    if self.0.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                        return false;
                    }
                }
                answer.starts_with(b"HTTP/1.1 200 OK\r\n")
            };
            timeout(patience, read).await.unwrap_or(false)
        }

        /// A client that has been served, and stays.
        async fn served(address: SocketAddr) -> Self {
            let mut client = Self::connect(address).await;
            client.ask().await;
            assert!(client.is_answered(SOON).await);
            client
        }
    }

    #[tokio::test]
    async fn who_comes_beyond_the_bound_waits_until_another_has_gone() {
        let (_gateway, address, _served) = port(3).await;
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(Client::served(address).await);
        }
        let mut fourth = Client::connect(address).await;
        let mut fifth = Client::connect(address).await;
        fourth.ask().await;
        fifth.ask().await;
        assert!(!fourth.is_answered(A_WHILE).await && !fifth.is_answered(A_WHILE).await, "three are the most");
        for client in &mut open {
            client.ask().await;
            assert!(client.is_answered(SOON).await, "those within the bound are served meanwhile");
        }
        open.pop();
        assert!(fourth.is_answered(SOON).await, "the next in the queue takes the place that became free");
        assert!(!fifth.is_answered(A_WHILE).await, "and only the next");
        open.pop();
        assert!(fifth.is_answered(SOON).await);
        drop((open, fourth, fifth));
        let again = [Client::served(address).await, Client::served(address).await, Client::served(address).await];
        let mut beyond = Client::connect(address).await;
        beyond.ask().await;
        assert!(!beyond.is_answered(A_WHILE).await, "the bound is what it was");
        drop(again);
        assert!(beyond.is_answered(SOON).await);
    }

    #[tokio::test]
    async fn a_full_port_stops_like_any_other_and_serves_none_of_those_who_wait() {
        let (gateway, address, served) = port(2).await;
        let _open = [Client::served(address).await, Client::served(address).await];
        let mut beyond = Client::connect(address).await;
        beyond.ask().await;
        gateway.stop();
        timeout(SOON / 2, served).await.expect("idle connections do not hold the stop up").unwrap();
        assert!(!beyond.is_answered(SOON).await);
    }
}
