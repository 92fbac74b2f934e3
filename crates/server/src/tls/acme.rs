//! Certificates ordered from an ACME authority (RFC 8555), proved by TLS-ALPN-01 (RFC 8737) on our own port.
//!
//! The account (`acme-account.json`) and the newest certificate (`acme-certificate.json`) lie in the data folder's `tls/`,
//! with mode 0600. A certificate's chain, its key, and where and for which names it was ordered are one file, so none of
//! them is ever without the others; one of other names or another authority is served only until the next is there. A third
//! of a certificate's life before its end the next one is ordered; what fails is tried again, ever more seldom, while the
//! old one is served. The authority must reach this server on port 443 of each name, whatever port it listens on itself.

use super::certificate::{self, Pair};
use super::challenge::Challenges;
use super::settings::Acme;
use super::{files, trust};
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an authority may take to ask and to sign.
const AUTHORITY_PATIENCE: Duration = Duration::from_secs(120);

/// How long one request to the authority may take.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// The pause after a first failure; each further one doubles it. Let's Encrypt lets five orders fail in an hour.
const PAUSE_MIN: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// How often an order is begun anew at once because the authority disliked a nonce (RFC 8555, section 6.5). That is no failed
/// order and says nothing about the names; the ACME client itself gives up after three nonces.
const NONCES_REFUSED_MAX: u32 = 8;

/// The longest sleep: what the clock says is looked at anew after it.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60 * 60);

/// Has a good certificate installed for as long as the server runs.
pub(super) async fn keep_ordered(
    settings: &Acme,
    folder: &Path,
    challenges: &Challenges,
    install: impl Fn(Pair) -> Result<(), String>,
) {
    let keeper = Keeper { kept: Kept::in_folder(folder), install, now: SystemTime::now };
    let order = || async {
        let ordered = order_past_nonces(settings, &keeper.kept, challenges).await;
        challenges.clear();
        ordered
    };
    keeper.keep(settings, order).await;
}

/// Who orders, serves and writes down.
struct Keeper<Install, Now> {
    kept: Kept,
    install: Install,
    now: Now,
}

impl<Install: Fn(Pair) -> Result<(), String>, Now: Fn() -> SystemTime> Keeper<Install, Now> {
    async fn keep<Ordering>(&self, settings: &Acme, order: impl Fn() -> Ordering)
    where
        Ordering: Future<Output = Result<Ordered, String>>,
    {
        let mut renew_at = self.begin(settings).await;
        let mut pause = PAUSE_MIN;
        loop {
            while let Some(left) = renew_at.duration_since((self.now)()).ok().filter(|left| !left.is_zero()) {
                tokio::time::sleep(left.min(LOOK_AT_CLOCK)).await;
            }
            match order().await.and_then(|ordered| Ok((ordered.due()?, ordered))) {
                Ok((due, ordered)) => {
                    // One that is due already is a wrong clock's, ours or the authority's: the next would be no better.
                    let soonest = (self.now)() + pause;
                    pause = if due < soonest { longer(pause) } else { PAUSE_MIN };
                    renew_at = due.max(soonest);
                    self.put_to_use(&ordered, false, renew_at).await;
                }
                Err(why) => {
                    let secs = pause.as_secs();
                    tracing::error!(%why, secs, "no certificate could be had; trying again after a pause");
                    tokio::time::sleep(pause).await;
                    pause = longer(pause);
                }
            }
        }
    }

    /// Serves what an earlier start ordered; says when the next one should be ordered.
    async fn begin(&self, settings: &Acme) -> SystemTime {
        match self.kept.read().and_then(|ordered| Ok((ordered.due()?, ordered))) {
            Ok((due, ordered)) if ordered.fits(settings) => {
                self.put_to_use(&ordered, true, due).await;
                due
            }
            // Better than none until the right one is there.
            Ok((_, ordered)) => {
                let _ = ordered.pair().and_then(&self.install);
                UNIX_EPOCH
            }
            Err(_) => UNIX_EPOCH,
        }
    }

    /// Serves what was ordered, then writes it down. What fails of it is tried again with the same certificate until another
    /// one is due: a full disk is no reason to ask the authority for more of them.
    async fn put_to_use(&self, ordered: &Ordered, is_kept: bool, until: SystemTime) {
        let (mut is_served, mut pause) = (false, PAUSE_MIN);
        let mut step = || {
            if !is_served {
                (self.install)(ordered.pair()?)?;
                tracing::info!(domains = ?ordered.domains, is_new = !is_kept, "an ordered certificate is served");
                is_served = true;
            }
            if is_kept { Ok(()) } else { self.kept.write(ordered) }
        };
        while let Err(why) = step() {
            let secs = pause.as_secs();
            tracing::error!(%why, secs, "an ordered certificate is not served, or not kept yet; trying again after a pause");
            tokio::time::sleep(pause).await;
            if until <= (self.now)() {
                return;
            }
            pause = (pause * 2).min(LOOK_AT_CLOCK);
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(PAUSE_MAX)
}

/// What is kept between starts.
struct Kept {
    account: PathBuf,
    certificate: PathBuf,
}

/// A certificate, and what was asked for when it was ordered.
#[derive(serde::Serialize, serde::Deserialize)]
struct Ordered {
    directory: String,
    domains: Vec<String>,
    chain: String,
    key: String,
}

impl Ordered {
    /// Whether it is what would be ordered today.
    fn fits(&self, settings: &Acme) -> bool {
        let names = |domains: &[String]| domains.iter().cloned().collect::<BTreeSet<_>>();
        self.directory == settings.directory && names(&self.domains) == names(&settings.domains)
    }

    fn pair(&self) -> Result<Pair, String> {
        certificate::pair_of(&self.chain, &self.key)
    }

    /// When the next one should be ordered: a third of its life before its end. An error, if it can never be served.
    fn due(&self) -> Result<SystemTime, String> {
        let pair = self.pair()?;
        let (from, to) = pair.0.first().and_then(validity).ok_or("the certificate does not say how long it lasts")?;
        certificate::certified(pair)?;
        Ok(from + to.duration_since(from).unwrap_or_default() * 2 / 3)
    }
}

impl Kept {
    fn in_folder(folder: &Path) -> Self {
        Self { account: folder.join("acme-account.json"), certificate: folder.join("acme-certificate.json") }
    }

    fn read(&self) -> Result<Ordered, String> {
        let failed = |why: String| format!("{}: {why}", self.certificate.display());
        let text = fs::read(&self.certificate).map_err(|error| failed(error.to_string()))?;
        // What does not parse may be a key: the error's own words would show it.
        serde_json::from_slice(&text).map_err(|_| failed("it is not what was written".into()))
    }

    fn write(&self, ordered: &Ordered) -> Result<(), String> {
        let text = serde_json::to_string(ordered).map_err(|error| error.to_string())?;
        files::write_secret(&self.certificate, &text)
    }
}

/// Orders a certificate; an order that only failed by its nonces is begun anew.
async fn order_past_nonces(settings: &Acme, kept: &Kept, challenges: &Challenges) -> Result<Ordered, String> {
    let mut refused = 0;
    loop {
        match order(settings, kept, challenges).await {
            Err(error) if is_bad_nonce(&error) && refused < NONCES_REFUSED_MAX => refused += 1,
            ordered => return ordered.map_err(|error| format!("{}: {error}", settings.directory)),
        }
    }
}

fn is_bad_nonce(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce"))
}

async fn order(settings: &Acme, kept: &Kept, challenges: &Challenges) -> Result<Ordered, Error> {
    let account = account(settings, kept).await?;
    let names: Vec<_> = settings.domains.iter().map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    prove(&mut order, challenges).await?;
    let patience = RetryPolicy::default().timeout(AUTHORITY_PATIENCE);
    let status = order.poll_ready(&patience).await?;
    if status != OrderStatus::Ready {
        return Err(other(format!("the order is {status:?}: {}", why_refused(&mut order).await)));
    }
    let key = KeyPair::generate().map_err(|error| other(error.to_string()))?;
    let request = CertificateParams::new(settings.domains.clone()).and_then(|names| names.serialize_request(&key));
    let request = request.map_err(|error| other(error.to_string()))?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&patience).await?;
    let (directory, domains) = (settings.directory.clone(), settings.domains.clone());
    Ok(Ordered { directory, domains, chain, key: key.serialize_pem() })
}

/// What went wrong on our side, among the authority's errors.
fn other(why: String) -> Error {
    Error::Other(why.into())
}

/// Answers every question of an order.
async fn prove(order: &mut Order, challenges: &Challenges) -> Result<(), Error> {
    let mut questions = order.authorizations();
    while let Some(question) = questions.next().await {
        let mut question = question?;
        let Identifier::Dns(name) = question.identifier().identifier.clone() else {
            return Err(other("the authority asks about something that is no name".into()));
        };
        match question.status {
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Valid => continue,
            status => return Err(other(format!("the authority's question about {name} is {status:?}"))),
        }
        let mut challenge = question
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or_else(|| other(format!("the authority does not prove {name} by TLS-ALPN-01")))?;
        challenges.expect(&name, challenge.key_authorization().digest().as_ref()).map_err(other)?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// What the authority did not like, as far as it says.
async fn why_refused(order: &mut Order) -> String {
    let mut questions = order.authorizations();
    while let Some(Ok(question)) = questions.next().await {
        if let Some(problem) = question.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return problem.to_string();
        }
    }
    "it does not say why".into()
}

/// The account that was opened before, or a new one.
async fn account(settings: &Acme, kept: &Kept) -> Result<Account, Error> {
    let builder = Account::builder_with_http(Box::new(Http::new(settings).map_err(other)?));
    let known = fs::read(&kept.account).ok().and_then(|text| serde_json::from_slice::<Opened>(&text).ok());
    match known.filter(|known| known.directory == settings.directory) {
        Some(known) => builder.from_credentials(known.credentials).await,
        None => {
            let contact: Vec<&str> = settings.contact.as_deref().into_iter().collect();
            let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
            let (account, credentials) = builder.create(&new, settings.directory.clone(), None).await?;
            let opened = Opened { directory: settings.directory.clone(), credentials };
            files::write_secret(&kept.account, &serde_json::to_string(&opened)?).map_err(other)?;
            Ok(account)
        }
    }
}

/// An account, and where it was opened: another authority does not know it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Opened {
    directory: String,
    credentials: AccountCredentials,
}

/// HTTP to the authority: a connection for each request, of which an order takes a dozen.
struct Http(TlsConnector);

impl Http {
    fn new(settings: &Acme) -> Result<Self, String> {
        let files: Vec<&Path> = settings.ca.as_deref().into_iter().collect();
        Ok(Self(trust::connector(&files)?))
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let connector = self.0.clone();
        Box::pin(async move {
            match tokio::time::timeout(REQUEST_PATIENCE, ask(connector, request)).await {
                Ok(answered) => answered.map_err(Error::Other),
                Err(_) => Err(Error::Other("the authority does not answer".into())),
            }
        })
    }
}

async fn ask(
    connector: TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Box<dyn std::error::Error + Send + Sync>> {
    let authority = request.uri().authority().cloned().ok_or("the authority's address names no host")?;
    if request.uri().scheme_str() != Some("https") {
        return Err("the authority's address is not https".into());
    }
    let host = authority.host().to_owned();
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), authority.port_u16().unwrap_or(443))).await?;
    let stream = connector.connect(trust::server_name(&host)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender.
    tokio::spawn(connection);
    request.headers_mut().insert(HOST, authority.as_str().parse()?);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
    *request.uri_mut() = path;
    Ok(BytesResponse::from(sender.send_request(request).await?))
}

/// From when to when a certificate is good (RFC 5280, section 4.1: the fourth or fifth part of what is signed).
fn validity(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut signed, _) = element(certificate)?;
    // A version is there in all but the oldest; then serial number, algorithm, issuer.
    let (tag, _, after_version) = element(signed)?;
    if tag == 0xa0 {
        signed = after_version;
    }
    for _ in 0..3 {
        signed = element(signed)?.2;
    }
    let (_, validity, _) = element(signed)?;
    let (from_tag, from, rest) = element(validity)?;
    let (to_tag, to, _) = element(rest)?;
    Some((moment(from_tag, from)?, moment(to_tag, to)?))
}

/// One element of DER: its tag, what is in it, what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}

/// UTCTime `YYMMDDhhmmssZ`, of years from 1950 on, or GeneralizedTime `YYYYMMDDhhmmssZ`.
fn moment(tag: u8, text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = text.split_at_checked(if tag == 0x17 { 2 } else { 4 })?;
    let number = |from: usize| rest.get(from..from + 2)?.parse::<u8>().ok();
    let year = match (tag, year.parse::<i64>().ok()?) {
        (0x17, year @ 50..) => 1900 + year,
        (0x17, year) => 2000 + year,
        (_, year) => year,
    };
    let days = days_since_1970(year, i64::from(number(0)?), i64::from(number(2)?));
    let secs = u64::from(number(4)?) * 3600 + u64::from(number(6)?) * 60 + u64::from(number(8)?);
    let days = u64::try_from(days).ok()? * 24 * 60 * 60;
    Some(UNIX_EPOCH + Duration::from_secs(days + secs))
}

/// Days from 1970 to a date of the Gregorian calendar, in years that begin in March, whose leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let days_before_month = (153 * ((month + 9) % 12) + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_certificate_says_how_long_it_lasts() {
        for (from, to) in [((2026, 11, 23), (2027, 2, 21)), ((1999, 1, 1), (2051, 12, 31))] {
            let mut parameters = CertificateParams::new(["q.example.org".to_owned()]).unwrap();
            parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
            parameters.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
            let key = KeyPair::generate().unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            let (starts, ends) = validity(certificate.der()).unwrap();
            let secs =
                |moment: SystemTime| i64::try_from(moment.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
            assert_eq!(secs(starts), parameters.not_before.unix_timestamp());
            assert_eq!(secs(ends), parameters.not_after.unix_timestamp());
        }
    }

    #[test]
    fn a_certificate_is_kept_with_its_key_and_fits_only_what_it_was_ordered_for() {
        let folder = std::env::temp_dir().join(format!("tidewire-tls-ordered-{}", std::process::id()));
        let kept = Kept::in_folder(&folder);
        assert!(kept.read().is_err());
        let key = KeyPair::generate().unwrap();
        let domains = vec!["a.example.org".to_owned(), "b.example.org".to_owned()];
        let chain = CertificateParams::new(domains.clone()).unwrap().self_signed(&key).unwrap().pem();
        let asked = Acme { domains, directory: "https://one/dir".into(), ..Acme::default() };
        let (directory, domains) = (asked.directory.clone(), asked.domains.clone());
        kept.write(&Ordered { directory, domains, chain, key: key.serialize_pem() }).unwrap();
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let ordered = kept.read().unwrap();
        assert!(certificate::certified(ordered.pair().unwrap()).is_ok() && ordered.fits(&asked));
        let turned = Acme { domains: asked.domains.iter().rev().cloned().collect(), ..asked.clone() };
        let fewer = Acme { domains: asked.domains[..1].to_vec(), ..asked.clone() };
        let elsewhere = Acme { directory: "https://two/dir".into(), ..asked };
        assert!(ordered.fits(&turned) && !ordered.fits(&fewer) && !ordered.fits(&elsewhere));
        fs::write(&kept.certificate, "-----BEGIN PRIVATE KEY-----").unwrap();
        assert!(!kept.read().map(drop).unwrap_err().contains("PRIVATE"));
        fs::remove_dir_all(folder).unwrap();
    }

    fn settings() -> Acme {
        Acme { domains: vec!["q.example.org".into()], directory: "https://one/dir".into(), ..Acme::default() }
    }

    /// What an authority might sign, good for so many days of 2026 on.
    fn signed(days: u32) -> Ordered {
        let Acme { domains, directory, .. } = settings();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(domains.clone()).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = parameters.not_before + DAY * days;
        let chain = parameters.self_signed(&key).unwrap().pem();
        Ordered { directory, domains, chain, key: key.serialize_pem() }
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Has certificates of `days` kept for a while of a paused clock; says how often one was ordered and how often installed.
    async fn kept_for(time: Duration, days: u32, folder: &Path, installs: impl Fn(u32) -> bool) -> (u32, u32) {
        let (orders, tries) = (AtomicU32::new(0), AtomicU32::new(0));
        let begun = tokio::time::Instant::now();
        // The first of January 2026, and what has passed since.
        let now = || UNIX_EPOCH + DAY * 20_454 + begun.elapsed();
        let install = |_| match installs(tries.fetch_add(1, Relaxed)) {
            true => Ok(()),
            false => Err("it cannot be served".to_owned()),
        };
        let keeper = Keeper { kept: Kept::in_folder(folder), install, now };
        let order = || async {
            // Whoever does not pause between two orders is stopped nevertheless.
            tokio::time::sleep(Duration::from_secs(1)).await;
            orders.fetch_add(1, Relaxed);
            Ok(signed(days))
        };
        let _ = tokio::time::timeout(time, keeper.keep(&settings(), order)).await;
        (orders.load(Relaxed), tries.load(Relaxed))
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidewire-acme-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[tokio::test(start_paused = true)]
    async fn a_certificate_is_ordered_again_after_two_thirds_of_its_life_and_kept_over_a_start() {
        let folder = folder("renewed");
        assert_eq!(kept_for(DAY * 59, 90, &folder, |_| true).await, (1, 1));
        assert_eq!(kept_for(DAY * 59, 90, &folder, |_| true).await, (0, 1), "a start orders nothing");
        let past_two_thirds = DAY * 60 + PAUSE_MIN / 2;
        assert_eq!(kept_for(past_two_thirds, 90, &folder, |_| true).await, (1, 2));
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn certificates_that_are_due_when_they_come_are_ordered_ever_more_seldom() {
        let folder = folder("due");
        let (orders, installs) = kept_for(DAY, 0, &folder, |_| true).await;
        assert_eq!((orders, installs), (12, 12), "after 1, 2, 4 ... 256, 360, 360 and 360 minutes");
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_certificate_that_cannot_be_written_down_is_served_and_written_later() {
        let folder = folder("unwritten");
        // A file lies where the folder should.
        fs::write(&folder, "").unwrap();
        let clear = async {
            tokio::time::sleep(DAY).await;
            fs::remove_file(&folder).unwrap();
        };
        let (counted, ()) = tokio::join!(kept_for(DAY * 2, 90, &folder, |_| true), clear);
        assert_eq!(counted, (1, 1), "the authority is not asked for another one");
        assert!(Kept::in_folder(&folder).read().is_ok_and(|ordered| ordered.fits(&settings())));
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_certificate_that_cannot_be_served_yet_is_not_ordered_anew() {
        let folder = folder("unserved");
        assert_eq!(kept_for(DAY, 90, &folder, |nth| nth > 2).await, (1, 4));
        assert_eq!(kept_for(DAY, 90, &folder, |nth| nth > 2).await, (0, 4), "nor after a start");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_certificate_that_is_cut_short_lasts_for_no_known_time() {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["a".to_owned()]).unwrap().self_signed(&key).unwrap();
        for length in 0..100 {
            assert!(validity(&CertificateDer::from(&certificate.der()[..length])).is_none());
        }
    }
}
