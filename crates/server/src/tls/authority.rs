//! A certificate authority for developers: made once in the data folder, trusted by whoever is pointed at its file.
//!
//! `tls/development-ca.pem` and `tls/development-ca-key.pem` (mode 0600). What it signs is made anew at each start and
//! stays in memory, so no other key lies on the disk, and the names are always those of today's configuration. Each
//! authority's name carries the mark of its key: two of them in one trust store do not get into each other's way.

use super::files;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an authority lasts: whoever trusts it shall not have to again while the folder lives.
const AUTHORITY_LASTS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long a server's certificate lasts: browsers take none that lasts longer than 398 days.
const LEAF_LASTS: Duration = Duration::from_secs(397 * 24 * 60 * 60);

/// Clocks of clients may be behind.
const BACKDATED: Duration = DAY;

/// What a developer's machine is called, by itself and from its containers. Services have names of their own since OpenSSL
/// takes no wildcard directly under `localhost`; other clients take that too.
const NAMES_OF_THIS_MACHINE: [&str; 20] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "*.localhost",
    "sqs.localhost",
    "queue.localhost",
    "sns.localhost",
    "kinesis.localhost",
    "dynamodb.localhost",
    "monitoring.localhost",
    "firehose.localhost",
    "iam.localhost",
    "sts.localhost",
    "kms.localhost",
    "mq.localhost",
    "tidewire",
    "tidewire.localhost",
    "host.docker.internal",
    "localhost.localstack.cloud",
    "*.localhost.localstack.cloud",
];

/// The authority of a data folder.
pub(super) struct Authority {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    /// The authority that `data_dir` holds, or will.
    pub(super) fn of(data_dir: &Path) -> Self {
        let folder = data_dir.join("tls");
        Self { certificate: folder.join("development-ca.pem"), key: folder.join("development-ca-key.pem") }
    }

    /// The file that clients trust.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Makes the authority if there is none. One of whose two files only one is left is made anew.
    pub(super) fn ensure(&self) -> Result<(), String> {
        if self.certificate.exists() && self.key.exists() {
            return Ok(());
        }
        let key = KeyPair::generate().map_err(|error| format!("no key could be made: {error}"))?;
        let signed = parameters(&key)?.self_signed(&key).map_err(|error| format!("cannot sign: {error}"))?;
        files::write_secret(&self.key, &key.serialize_pem())?;
        files::write(&self.certificate, &signed.pem())
    }

    /// Certificate, chain and key of a server with these names beside those of this machine.
    pub(super) fn sign(
        &self,
        names: &[String],
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
        let key = KeyPair::from_pem(&read(&self.key)?);
        let key = key.map_err(|error| format!("{}: {error}", self.key.display()))?;
        let own = CertificateDer::from_pem_slice(read(&self.certificate)?.as_bytes());
        let own = own.map_err(|error| format!("{}: {error}", self.certificate.display()))?;
        let issuer = Issuer::new(parameters(&key)?, key);
        let (leaf, leaf_key) = leaf(names, &issuer).map_err(|error| format!("cannot sign: {error}"))?;
        Ok((vec![leaf, own], leaf_key))
    }
}

fn leaf(
    names: &[String],
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let names: Vec<String> = NAMES_OF_THIS_MACHINE.map(String::from).into_iter().chain(names.iter().cloned()).collect();
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.distinguished_name.push(DnType::CommonName, "tidewire");
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    lasting(&mut parameters, LEAF_LASTS);
    let signed = parameters.signed_by(&key, issuer)?;
    Ok((signed.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// What the authority's certificate says, all of it but the dates following from its key: so it need not be read again to
/// sign.
fn parameters(key: &KeyPair) -> Result<CertificateParams, String> {
    let mut parameters = CertificateParams::default();
    let mark: String = parameters.key_identifier(key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.distinguished_name.push(DnType::CommonName, format!("tidewire development CA {mark}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lasting(&mut parameters, AUTHORITY_LASTS);
    Ok(parameters)
}

fn lasting(parameters: &mut CertificateParams, time: Duration) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(BACKDATED);
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch.saturating_sub(BACKDATED);
    parameters.not_after = parameters.not_before + time;
}
