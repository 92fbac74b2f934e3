//! Greets a connection: tells TLS from plain HTTP by its first byte, shakes hands, and says what protects it.
//!
//! A certificate from files is read again when they change or at SIGHUP, and so is who vouches for clients' certificates,
//! wherever our own comes from; what cannot be used leaves the old in its place. Who does not finish the handshake in time
//! is let go; until then the connection counts as any other.

use super::acme;
use super::authority::Authority;
use super::certificate;
use super::challenge::Challenges;
use super::development::Development;
use super::files::Stamp;
use super::settings::{Mode, Settings};
use gateway::Secured;
use rustls::server::Acceptor;
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::Signal;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// The type of the record that a TLS handshake begins with; no method of HTTP begins so.
const HANDSHAKE: u8 = 22;

/// How often files of certificates are looked at. Whoever renews one does so weeks before it ends.
const LOOK_AT_FILES: Duration = Duration::from_secs(10);

/// What a plain request is answered where TLS is demanded.
const TLS_ONLY: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 52\r\n\
    Connection: close\r\n\r\nThis port speaks TLS only: ask for https, not http.\n";

/// How much of a plain request is read, and for how long, so that the answer to it arrives before the connection ends.
const PLAIN_BYTES_READ: u64 = 64 * 1024;
const PLAIN_READ_FOR: Duration = Duration::from_secs(1);

/// The port's way into TLS.
pub(crate) struct Door {
    settings: Settings,
    served: Served,
    challenges: Challenges,
}

/// Where the certificate comes from.
enum Served {
    /// Made for want of a better one.
    Development(Development),
    /// Read from files.
    Files(RwLock<Arc<ServerConfig>>),
    /// Ordered; the first one until the order is carried out.
    Ordered { meanwhile: Development, got: Got, folder: PathBuf },
}

/// A certificate that an order brought.
#[derive(Default)]
struct Got {
    served: RwLock<Option<(CertifiedKey, Arc<ServerConfig>)>>,
    /// Held by whoever changes what is served, so that no certificate is put back by who read a file meanwhile.
    changing: Mutex<()>,
}

impl Got {
    fn config(&self) -> Option<Arc<ServerConfig>> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served.as_ref().map(|(_, config)| Arc::clone(config))
    }

    fn install(&self, certified: CertifiedKey, settings: &Settings) -> Result<(), String> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.serve(certified, settings)
    }

    /// Greets connections with the same certificate, and as the files say now.
    fn renew(&self, settings: &Settings) -> Result<(), String> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner).clone();
        served.map_or(Ok(()), |(certified, _)| self.serve(certified, settings))
    }

    fn serve(&self, certified: CertifiedKey, settings: &Settings) -> Result<(), String> {
        let config = Arc::new(certificate::server_config(certified.clone(), settings)?);
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Some((certified, config));
        Ok(())
    }
}

/// A connection that was greeted.
pub(crate) enum Opened {
    /// Nothing was read from it.
    Plain(TcpStream),
    /// Protected so.
    Secure(Box<TlsStream<TcpStream>>, Secured),
    /// It is gone, or was shown out.
    Gone,
}

impl Door {
    /// Reads what is configured. A certificate that cannot be used stops the start, with the reason.
    pub(crate) fn new(settings: &Settings, data_dir: &Path) -> Result<Self, String> {
        let settings = settings.clone();
        let development = || Development::new(Authority::of(data_dir));
        let served = match (&settings.cert, &settings.key) {
            (Some(cert), Some(key)) => {
                let certified = certificate::certified(certificate::read(cert, key)?)?;
                Served::Files(RwLock::new(Arc::new(certificate::server_config(certified, &settings)?)))
            }
            _ if settings.acme.domains.is_empty() => Served::Development(development()),
            _ => Served::Ordered { meanwhile: development(), got: Got::default(), folder: data_dir.join("tls") },
        };
        match &served {
            Served::Files(_) => {}
            Served::Development(_) | Served::Ordered { .. } => Authority::of(data_dir).ensure()?,
        }
        Ok(Self { settings, served, challenges: Challenges::default() })
    }

    /// The file that clients of the development certificate trust.
    pub(crate) fn development_ca(settings: &Settings, data_dir: &Path) -> Option<PathBuf> {
        settings.is_development().then(|| Authority::of(data_dir).certificate().to_path_buf())
    }

    /// Tells what kind of connection it is, and shakes hands if it is one over TLS. `patience` is for its first byte.
    pub(crate) async fn open(&self, stream: TcpStream, patience: Duration) -> Opened {
        let mut first = [0];
        match timeout(patience, stream.peek(&mut first)).await {
            Ok(Ok(1)) => {}
            _ => return Opened::Gone,
        }
        match (first[0] == HANDSHAKE, self.settings.mode) {
            (false, Mode::Required) => {
                show_out(stream).await;
                Opened::Gone
            }
            (false, _) | (true, Mode::Off) => Opened::Plain(stream),
            (true, _) => self.shake_hands(stream).await,
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> Opened {
        let time = Duration::from_secs(self.settings.handshake_timeout_secs);
        match timeout(time, self.handshake(stream)).await {
            Ok(Ok(Some(stream))) => {
                let secured = secured(stream.get_ref().1);
                Opened::Secure(Box::new(stream), secured)
            }
            Ok(Ok(None)) => Opened::Gone,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a handshake failed");
                Opened::Gone
            }
            Err(_) => {
                tracing::debug!("a handshake took too long");
                Opened::Gone
            }
        }
    }

    /// `None`: it was an authority's question, which is answered by the handshake alone.
    async fn handshake(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if let Some(answer) = self.challenges.answer(&begun.client_hello()) {
            let mut stream = begun.into_stream(answer).await?;
            stream.shutdown().await?;
            return Ok(None);
        }
        let config = self.config().map_err(io::Error::other)?;
        begun.into_stream(config).await.map(Some)
    }

    fn config(&self) -> Result<Arc<ServerConfig>, String> {
        match &self.served {
            Served::Development(development) => development.config(&self.settings),
            Served::Files(kept) => Ok(Arc::clone(&kept.read().unwrap_or_else(PoisonError::into_inner))),
            Served::Ordered { meanwhile, got, .. } => got.config().map_or_else(|| meanwhile.config(&self.settings), Ok),
        }
    }

    /// Keeps the certificate the newest there is, for as long as the server runs.
    pub(crate) async fn keep_fresh(self: Arc<Self>, hangups: Signal) {
        match &self.served {
            Served::Ordered { got, folder, .. } => {
                let install = |pair| got.install(certificate::certified(pair)?, &self.settings);
                let ordered = acme::keep_ordered(&self.settings.acme, folder, &self.challenges, install);
                tokio::join!(ordered, self.watch_files(hangups));
            }
            Served::Files(_) | Served::Development(_) => self.watch_files(hangups).await,
        }
    }

    async fn watch_files(&self, mut hangups: Signal) {
        let Settings { cert, key, client_ca, .. } = &self.settings;
        let files: Vec<PathBuf> = [cert, key, client_ca].into_iter().flatten().cloned().collect();
        let mut look = tokio::time::interval(LOOK_AT_FILES);
        let mut seen = Stamp::of(&files);
        loop {
            let told = tokio::select! {
                _ = look.tick() => false,
                Some(()) = hangups.recv() => true,
            };
            let found = Stamp::of(&files);
            if told || found != seen {
                seen = found;
                self.reload();
            }
        }
    }

    /// Reads the files again.
    fn reload(&self) {
        let read = || match (&self.served, &self.settings.cert, &self.settings.key) {
            (Served::Files(kept), Some(cert), Some(key)) => {
                let certified = certificate::certified(certificate::read(cert, key)?)?;
                let config = certificate::server_config(certified, &self.settings)?;
                *kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                Ok(())
            }
            (Served::Files(_), ..) => Ok(()),
            (Served::Development(development), ..) => development.remake(&self.settings),
            (Served::Ordered { meanwhile, got, .. }, ..) => {
                got.renew(&self.settings)?;
                // Nobody is shown the first one any more once there is a better one, so what ails it keeps nobody up.
                if got.config().is_some() { Ok(()) } else { meanwhile.remake(&self.settings) }
            }
        };
        match read() {
            Ok(()) => tracing::info!("the certificates were read again"),
            Err(why) => tracing::error!(%why, "the certificates cannot be read; the old ones stay"),
        }
    }
}

/// Answers a plain request that it is one, and waits a little for the client to read that.
async fn show_out(mut stream: TcpStream) {
    let say = async {
        stream.write_all(TLS_ONLY).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(PLAIN_BYTES_READ), &mut tokio::io::sink()).await
    };
    let _ = timeout(PLAIN_READ_FOR, say).await;
}

fn secured(connection: &ServerConnection) -> Secured {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let client = connection.peer_certificates().and_then(|chain| chain.first());
    Secured { version, cipher: suite.unwrap_or_default(), client: client.map(|certificate| digest(certificate)) }
}

/// What names a certificate: its SHA-256.
fn digest(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::super::settings::ClientAuth;
    use super::super::{connector, provider, server_name};
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::sign::SingleCertAndKey;
    use std::fs;
    use tokio::net::TcpListener;

    const SOON: Duration = Duration::from_secs(120);

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("tidewire-tls-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            path
        }

        /// Writes a certificate for `localhost` and its key.
        fn pair(&self) -> (PathBuf, PathBuf) {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
            (self.file("cert.pem", &certificate.pem()), self.file("key.pem", &key.serialize_pem()))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn settings() -> Settings {
        Settings { handshake_timeout_secs: 20, ..Settings::default() }
    }

    /// Opens one connection on which `client` does what it likes.
    async fn opened<T, F: Future<Output = T>>(door: &Door, client: impl FnOnce(TcpStream) -> F) -> (Opened, T) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        timeout(SOON, async { tokio::join!(door.open(accepted, SOON), client(stream)) }).await.unwrap()
    }

    /// Whether a client that trusts `authority` shakes hands with `name`.
    async fn shakes(stream: TcpStream, authority: &Path, name: &str) -> io::Result<Vec<u8>> {
        let stream = connector(&[authority]).unwrap().connect(server_name(name).unwrap(), stream).await?;
        Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
    }

    #[tokio::test]
    async fn plain_and_tls_are_told_apart_by_their_first_byte() {
        let folder = Folder::new("sniffed");
        let door = Door::new(&settings(), &folder.0).unwrap();
        let (opened_as, ()) = opened(&door, async |mut stream: TcpStream| stream.write_all(b"G").await.unwrap()).await;
        assert!(matches!(opened_as, Opened::Plain(_)));
        let ca = Door::development_ca(&settings(), &folder.0).unwrap();
        for name in ["localhost", "127.0.0.1", "[::1]", "sqs.localhost"] {
            let (opened_as, shaken) = opened(&door, async |stream| shakes(stream, &ca, name).await).await;
            shaken.unwrap();
            let Opened::Secure(_, secured) = opened_as else { panic!("{name} was not shaken hands with") };
            assert_eq!((secured.version, secured.client), ("TLSv1.3", None));
            assert!(secured.cipher.starts_with("TLS13_"), "{}", secured.cipher);
        }
        let (_, shaken) = opened(&door, async |stream| shakes(stream, &ca, "example.org").await).await;
        assert!(shaken.unwrap_err().to_string().contains("not valid for name"));
    }

    #[tokio::test]
    async fn names_of_the_configuration_are_in_the_development_certificate() {
        let folder = Folder::new("names");
        let named = Settings { names: vec!["queue.internal".into(), "10.1.2.3".into()], ..settings() };
        let door = Door::new(&named, &folder.0).unwrap();
        let ca = Door::development_ca(&named, &folder.0).unwrap();
        for name in ["queue.internal", "10.1.2.3"] {
            opened(&door, async |stream| shakes(stream, &ca, name).await).await.1.unwrap();
        }
        let again = Door::new(&settings(), &folder.0).unwrap();
        opened(&again, async |stream| shakes(stream, &ca, "localhost").await).await.1.unwrap();
    }

    #[tokio::test]
    async fn a_plain_client_is_shown_out_where_tls_is_required() {
        let folder = Folder::new("required");
        let door = Door::new(&Settings { mode: Mode::Required, ..settings() }, &folder.0).unwrap();
        let (opened_as, answer) = opened(&door, async |mut stream: TcpStream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        })
        .await;
        assert!(matches!(opened_as, Opened::Gone));
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("not http.\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{answer}");
    }

    #[tokio::test]
    async fn who_does_not_finish_the_handshake_is_let_go() {
        let folder = Folder::new("slow");
        let door = Door::new(&Settings { handshake_timeout_secs: 1, ..settings() }, &folder.0).unwrap();
        let (opened_as, _) = opened(&door, async |mut stream: TcpStream| {
            stream.write_all(&[HANDSHAKE, 3, 1]).await.unwrap();
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
        })
        .await;
        assert!(matches!(opened_as, Opened::Gone));
        let (opened_as, ()) = opened(&door, async |stream| drop(stream)).await;
        assert!(matches!(opened_as, Opened::Gone), "who says nothing is gone too");
    }

    #[tokio::test]
    async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
        let folder = Folder::new("reloaded");
        let (cert, key) = folder.pair();
        let configured = Settings { cert: Some(cert.clone()), key: Some(key.clone()), ..settings() };
        let door = Door::new(&configured, &folder.0).unwrap();
        let served = async || {
            let ca = folder.file("trusted.pem", &fs::read_to_string(&cert).unwrap());
            opened(&door, async |stream| shakes(stream, &ca, "localhost").await).await.1
        };
        let first = served().await.unwrap();
        folder.pair();
        door.reload();
        let second = served().await.unwrap();
        assert_ne!(first, second);
        let good = fs::read_to_string(&cert).unwrap();
        for (cert_is, key_is) in [("nonsense", None), (good.as_str(), Some(KeyPair::generate().unwrap()))] {
            let key_before = fs::read_to_string(&key).unwrap();
            folder.file("cert.pem", cert_is);
            if let Some(other) = key_is {
                folder.file("key.pem", &other.serialize_pem());
            }
            assert!(Door::new(&configured, &folder.0).is_err(), "it stops a start");
            door.reload();
            folder.file("cert.pem", &good);
            assert_eq!(served().await.unwrap(), second, "and not a server");
            folder.file("key.pem", &key_before);
        }
    }

    /// Who vouches for clients.
    fn issuer() -> CertifiedIssuer<'static, KeyPair> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    }

    /// Shakes hands with a certificate of the client's; says which one the server showed, and whose the server took.
    async fn shown(door: &Door, authority: &Path, client: &Client) -> Option<(Vec<u8>, [u8; 32])> {
        let (opened_as, served) = opened(door, async |stream| {
            let mut config = (**connector(&[authority]).unwrap().config()).clone();
            let key = rustls::pki_types::PrivatePkcs8KeyDer::from(client.key.serialize_der());
            let chain = vec![client.certificate.der().clone()];
            let signing = CertifiedKey::from_der(chain, key.into(), &provider()).unwrap();
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(signing));
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let stream = connector.connect(server_name("localhost").unwrap(), stream).await.unwrap();
            // In TLS 1.3 the server judges the client's certificate after the client is done.
            let (stream, connection) = stream.into_inner();
            (connection.peer_certificates().unwrap()[0].to_vec(), stream)
        })
        .await;
        match opened_as {
            Opened::Secure(_, secured) => Some((served.0, secured.client.unwrap())),
            _ => None,
        }
    }

    struct Client {
        key: KeyPair,
        certificate: rcgen::Certificate,
    }

    impl Client {
        fn of(issuer: &CertifiedIssuer<'static, KeyPair>) -> Self {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(["client".to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
            Self { key, certificate }
        }
    }

    #[tokio::test]
    async fn who_vouches_for_clients_may_change_and_half_a_file_changes_nothing() {
        let (before, after) = (issuer(), issuer());
        let (client_before, client_after) = (Client::of(&before), Client::of(&after));
        for ordered in [false, true] {
            let folder = Folder::new(&format!("vouching-{ordered}"));
            let client_ca = folder.file("clients.pem", &before.pem());
            let domains = if ordered { vec!["q.example.org".to_owned()] } else { Vec::new() };
            let acme = super::super::settings::Acme { domains, ..Default::default() };
            let told =
                Settings { client_auth: ClientAuth::Required, client_ca: Some(client_ca.clone()), acme, ..settings() };
            let door = Door::new(&told, &folder.0).unwrap();
            let mut ca = Door::development_ca(&settings(), &folder.0).unwrap();
            if let Served::Ordered { got, .. } = &door.served {
                assert!(shown(&door, &ca, &client_before).await.is_some(), "until an order is carried out");
                let (cert, key) = folder.pair();
                let pair = certificate::read(&cert, &key).unwrap();
                got.install(certificate::certified(pair).unwrap(), &told).unwrap();
                ca = cert;
            }
            let (served, _) = shown(&door, &ca, &client_before).await.unwrap();
            if ordered {
                // The development certificate, which nobody is shown any more, cannot be made anew.
                folder.file("tls/development-ca-key.pem", "rotten");
            }
            assert!(shown(&door, &ca, &client_after).await.is_none());
            let pem = after.pem();
            fs::write(&client_ca, &pem[..pem.len() / 2]).unwrap();
            door.reload();
            assert_eq!(shown(&door, &ca, &client_before).await.map(|(served, _)| served), Some(served.clone()));
            fs::write(&client_ca, &pem).unwrap();
            door.reload();
            let (served_now, client) = shown(&door, &ca, &client_after).await.unwrap();
            assert_eq!(client, digest(client_after.certificate.der()));
            assert!(shown(&door, &ca, &client_before).await.is_none(), "nobody vouches for it any more");
            assert_eq!(served_now == served, ordered, "one that was ordered stays the same");
        }
    }

    #[tokio::test]
    async fn clients_show_certificates_where_they_must() {
        let folder = Folder::new("clients");
        let issuer = issuer();
        let client_ca = Some(folder.file("clients.pem", &issuer.pem()));
        let client = Client::of(&issuer);
        for (client_auth, without) in [(ClientAuth::Optional, true), (ClientAuth::Required, false)] {
            let door = Door::new(&Settings { client_auth, client_ca: client_ca.clone(), ..settings() }, &folder.0);
            let door = door.unwrap();
            let ca = Door::development_ca(&settings(), &folder.0).unwrap();
            let (opened_as, _) = opened(&door, async |stream| shakes(stream, &ca, "localhost").await).await;
            assert_eq!(matches!(opened_as, Opened::Secure(..)), without, "{client_auth:?} without one");
            let (_, seen) = shown(&door, &ca, &client).await.expect("a good one is taken");
            assert_eq!(seen, digest(client.certificate.der()));
        }
    }
}
