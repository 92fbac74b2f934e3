//! The keys of a data folder: everything that goes to the disk is sealed here, and opened again when it comes back.
//!
//! A root key, which lies elsewhere, wraps data keys, which lie in the folder's file `keys`; of a data key each start derives a
//! key of its own with a salt by chance, a session, and counts its nonces. So no nonce repeats under a key, whatever became of
//! the folder in between: a copy, a restored backup and a machine set back all begin new sessions. Journal and machines know
//! nothing of it: the journal copies sealed bytes as it copies others, and what it sorts by stands beside them (ADR 0028).

mod body;
mod sealed;

pub use body::Wrapped;
use body::{DataKey, Ring};
use journal::{Io, KEYS, OpenError, Record, Snapshot, StoreError, read_keys, write_keys};
use names::{Instant, PartitionId};
use seal::{KEY_BYTES, Key, LocalRootKey, Passphrase, RootKey, RootKeyError};
pub use sealed::SEALED_TRAILER_BYTES;
use sealed::{HEAD_BYTES, KEY_ID_BYTES, Place, SALT_BYTES, Stamp};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// Fills a slice with bytes that nobody can guess.
pub type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What one session seals at the most: its counter has 32 bits, and far less than that is known to be safe under one key.
const SESSION_SEALS_MAX: u64 = 1 << 32;

/// What a data key seals at the most before another takes its place. Its sessions have keys of their own, so this bounds what
/// is lost with one data key, not what is safe.
const KEY_SEALS_MAX: u64 = 1 << 32;

/// How old a data key becomes before another takes its place: 90 days.
const KEY_MILLIS_MAX: u64 = 90 * 24 * 60 * 60 * 1000;

/// Sessions whose keys are kept for reading: each start that left something on the disk is one.
const SESSIONS_KEPT: usize = 1024;

/// Of which data key, and its salt.
type SessionId = (u32, [u8; SALT_BYTES]);

/// Data keys in memory, and the one that seals.
pub struct Keyring {
    io: Arc<dyn Io>,
    root: Arc<dyn RootKey>,
    chance: Chance,
    /// Held while the file is written.
    ring: Mutex<Ring>,
    /// What the file held when it was read.
    found: Option<Vec<u8>>,
    keys: RwLock<HashMap<u32, Arc<Key>>>,
    session: RwLock<Session>,
    /// Of earlier starts.
    sessions: RwLock<HashMap<SessionId, Arc<Key>>>,
    /// Under the newest key, since this start.
    seals: AtomicU64,
}

/// What this start seals with.
struct Session {
    key_id: u32,
    salt: [u8; SALT_BYTES],
    key: Key,
    next: AtomicU64,
}

/// Why there are no keys.
#[derive(Debug)]
pub enum KeyringError {
    /// The file cannot be read.
    File(OpenError),
    /// The file cannot be written.
    Store(StoreError),
    /// The root key does not open it.
    Root(RootKeyError),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the file of data keys was not written: {error}"),
            Self::Root(error) => write!(f, "the data keys in the file `{KEYS}` cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for KeyringError {}

impl KeyringError {
    /// As an open of the store would say it.
    pub fn into_open(self) -> OpenError {
        let write = |error: String| journal::Fault {
            file: KEYS.into(),
            operation: "write",
            offset: None,
            error: std::io::Error::other(error),
        };
        match self {
            Self::File(error) => error,
            Self::Store(StoreError::Fault(fault)) => OpenError::Io(fault),
            Self::Store(error) => OpenError::Io(write(error.to_string())),
            Self::Root(error) => OpenError::Corrupt { file: KEYS.into(), offset: 0, why: error.to_string() },
        }
    }
}

impl From<RootKeyError> for KeyringError {
    fn from(error: RootKeyError) -> Self {
        Self::Root(error)
    }
}

/// Why sealed bytes stay closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Nobody gave a root key.
    NoKeys,
    /// The folder's keys do not include the one that sealed it.
    UnknownKey(u32),
    /// The key is there; the bytes are not what was sealed, or not where it belongs.
    Broken,
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("it is sealed, and no root key was given"),
            Self::UnknownKey(id) => {
                write!(f, "it is sealed with the data key {id:08x}, which is not in the folder's file `{KEYS}`")
            }
            Self::Broken => f.write_str("its seal does not fit: it was changed, or moved from another place"),
        }
    }
}

impl std::error::Error for Sealed {}

impl Keyring {
    /// What the folder's file of keys says without the root key; `None` if there is none yet.
    pub fn look(io: &dyn Io) -> Result<Option<Wrapped>, OpenError> {
        read_keys(io)?.map(|keys| Wrapped::decode(&keys.body)).transpose()
    }

    /// Whether the data keys in one body of the file are all in another. Of what cannot be read that is not known, so no.
    pub fn has_all_of(body: &[u8], other: &[u8]) -> bool {
        let (Ok(one), Ok(other)) = (Wrapped::decode(body), Wrapped::decode(other)) else { return false };
        other.keys.iter().all(|(id, _)| one.keys.iter().any(|(known, _)| known == id))
    }

    /// Opens the folder's keys, or makes some in memory where it has none. Nothing is written before the store is open.
    /// `passphrase` says how `root` came from one, and is kept beside the keys.
    pub fn load(
        io: Arc<dyn Io>,
        root: Arc<dyn RootKey>,
        passphrase: Option<Passphrase>,
        now: Instant,
        chance: Chance,
    ) -> Result<Self, KeyringError> {
        let found = read_keys(&*io).map_err(KeyringError::File)?.map(|keys| keys.body);
        let ring = match &found {
            Some(body) => Wrapped::decode(body).map_err(KeyringError::File)?.open(&*root)?,
            None => Ring::new(passphrase, now, &chance),
        };
        let newest = newest(&ring);
        let session = Session::new(newest.id, &key_of(newest), &chance);
        let keys = ring.keys.iter().map(|key| (key.id, Arc::new(key_of(key)))).collect();
        Ok(Self {
            io,
            root,
            chance,
            ring: Mutex::new(ring),
            found,
            keys: RwLock::new(keys),
            session: RwLock::new(session),
            sessions: RwLock::default(),
            seals: AtomicU64::new(0),
        })
    }

    /// Wraps the folder's keys by another root key. Nothing else changes: all that is sealed stays as it is. The caller
    /// holds the folder's lock.
    pub fn rewrap(
        io: &dyn Io,
        old: &dyn RootKey,
        new: &dyn RootKey,
        passphrase: Option<Passphrase>,
        chance: &Chance,
    ) -> Result<(), KeyringError> {
        let wrapped = Self::look(io).map_err(KeyringError::File)?;
        let wrapped = wrapped.ok_or(KeyringError::Root(RootKeyError::Malformed))?;
        let ring = Ring { passphrase, ..wrapped.open(old)? };
        write_keys(io, &ring.encode(new, chance)?).map_err(KeyringError::Store)
    }

    /// The store is open, its folder locked, and nothing was sealed yet: sees to it that the file holds these keys.
    pub(crate) fn settle(&self) -> Result<(), OpenError> {
        let there = read_keys(&*self.io)?;
        let (body, hurt) = there.map_or((None, None), |keys| (Some(keys.body), keys.hurt));
        if body != self.found {
            let why = "another process wrote it while the store was opened; start again";
            return Err(OpenError::Corrupt { file: KEYS.into(), offset: 0, why: why.into() });
        }
        if let Some(hurt) = &hurt {
            tracing::error!(%hurt, "it is written again from the copy that is whole");
        }
        if body.is_some() && hurt.is_none() {
            return Ok(());
        }
        self.write(&self.ring()).map_err(KeyringError::into_open)
    }

    fn write(&self, ring: &Ring) -> Result<(), KeyringError> {
        let body = ring.encode(&*self.root, &self.chance)?;
        write_keys(&*self.io, &body).map_err(KeyringError::Store)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // It is replaced by one assignment.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A root key for services that keep secrets of their own in their records. It lies among the data keys, so changing the
    /// root key changes nothing that it wrapped.
    pub fn services(&self) -> Arc<dyn RootKey> {
        let ring = self.ring();
        let bytes = ring.services.expose().try_into().expect("every key has 32 bytes");
        Arc::new(LocalRootKey::new(bytes))
    }

    /// Which key seals, how old it is, and how many keys there are.
    pub fn newest(&self) -> (u32, Instant, usize) {
        let ring = self.ring();
        let newest = newest(&ring);
        (newest.id, newest.made_at, ring.keys.len())
    }

    /// Makes a new data key for all that is sealed from now on; earlier ones stay, for what they sealed. If it fails, the
    /// earlier key goes on.
    pub fn rotate(&self, now: Instant) -> Result<u32, KeyringError> {
        let mut ring = self.ring();
        let mut next = ring.clone();
        let id = next.add(now, &self.chance);
        self.write(&next)?;
        let key = key_of(newest(&next));
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Session::new(id, &key, &self.chance);
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(key));
        self.seals.store(0, Ordering::Relaxed);
        *ring = next;
        Ok(id)
    }

    /// Whether the newest key is old or has sealed much.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let (_, made_at, _) = self.newest();
        made_at.plus_millis(KEY_MILLIS_MAX) <= now || self.seals.load(Ordering::Relaxed) >= KEY_SEALS_MAX
    }

    /// Nonces for so many seals under one key.
    pub(crate) fn begin(&self, count: usize) -> Sealing<'_> {
        let count = count as u64;
        self.seals.fetch_add(count, Ordering::Relaxed);
        loop {
            let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
            let first = session.next.fetch_add(count, Ordering::Relaxed);
            if first + count <= SESSION_SEALS_MAX {
                return Sealing { session, next: first };
            }
            let (key_id, salt) = (session.key_id, session.salt);
            drop(session);
            self.begin_session_after(key_id, salt);
        }
    }

    /// The session is used up. Whoever sees it first begins the next.
    fn begin_session_after(&self, key_id: u32, salt: [u8; SALT_BYTES]) {
        let mut session = self.session.write().unwrap_or_else(PoisonError::into_inner);
        if (session.key_id, session.salt) == (key_id, salt) {
            let key = self.data_key(key_id).expect("the key that seals is there");
            *session = Session::new(key_id, &key, &self.chance);
        }
    }

    fn data_key(&self, id: u32) -> Option<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Seals a snapshot's state.
    pub(crate) fn seal_snapshot<'a>(&self, snapshot: Snapshot<'a>) -> Snapshot<'a> {
        if snapshot.over {
            return snapshot;
        }
        let place = Place::of_snapshot(&snapshot);
        let mut sealing = self.begin(1);
        let mut state = Vec::with_capacity(KEY_ID_BYTES + HEAD_BYTES + snapshot.state.len() + seal::TAG_BYTES);
        state.extend(sealing.key_id().to_le_bytes());
        state.extend([0; HEAD_BYTES]);
        state.extend_from_slice(&snapshot.state);
        sealing.seal_place(place, None, &mut state, KEY_ID_BYTES);
        Snapshot { sealed: true, state: state.into(), ..snapshot }
    }

    fn open_bytes(&self, key_id: u32, place: Place, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Sealed> {
        let stamp = Stamp::of(key_id, bytes).ok_or(Sealed::Broken)?;
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
        if (session.key_id, session.salt) == (key_id, stamp.salt) {
            return sealed::open(&session.key, stamp, place, bytes, out).map_err(|_| Sealed::Broken);
        }
        drop(session);
        let key = self.session_key(key_id, stamp.salt)?;
        sealed::open(&key, stamp, place, bytes, out).map_err(|_| Sealed::Broken)
    }

    /// The key of an earlier session.
    fn session_key(&self, key_id: u32, salt: [u8; SALT_BYTES]) -> Result<Arc<Key>, Sealed> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = sessions.get(&(key_id, salt)) {
            return Ok(Arc::clone(key));
        }
        drop(sessions);
        let key = self.data_key(key_id).ok_or(Sealed::UnknownKey(key_id))?;
        let key = Arc::new(derive(&key, &salt));
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_KEPT {
            sessions.clear();
        }
        sessions.insert((key_id, salt), Arc::clone(&key));
        Ok(key)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

fn newest(ring: &Ring) -> &DataKey {
    ring.keys.last().expect("a ring has at least one key")
}

fn key_of(data: &DataKey) -> Key {
    let bytes: &[u8; KEY_BYTES] = data.bytes.expose().try_into().expect("every key has 32 bytes");
    Key::new(bytes)
}

fn derive(key: &Key, salt: &[u8; SALT_BYTES]) -> Key {
    key.derive(b"tidewire session", salt)
}

impl Session {
    fn new(key_id: u32, key: &Key, chance: &Chance) -> Self {
        let mut salt = [0; SALT_BYTES];
        chance(&mut salt);
        Self { key_id, salt, key: derive(key, &salt), next: AtomicU64::new(0) }
    }
}

/// A session as long as one change is sealed.
pub(crate) struct Sealing<'a> {
    session: RwLockReadGuard<'a, Session>,
    next: u64,
}

/// What a record is, of which the payload is to be sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) partition: PartitionId,
    pub(crate) sequence: u64,
    pub(crate) kind: u8,
    pub(crate) version: u8,
}

impl Sealing<'_> {
    /// Which data key this is of.
    pub(crate) fn key_id(&self) -> u32 {
        self.session.key_id
    }

    /// Seals the payload that `encode` puts behind what `out` holds. `content` reads its key and moment, if it carries any.
    pub(crate) fn seal(
        &mut self,
        label: Label,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>),
        content: impl FnOnce(&[u8]) -> Option<(u64, Instant)>,
    ) {
        let start = out.len();
        out.extend([0; HEAD_BYTES]);
        encode(out);
        let content = content(&out[start + HEAD_BYTES..]);
        let Label { partition, sequence, kind, version } = label;
        self.seal_place(Place::record(partition, sequence, kind, version), content, out, start);
    }

    fn seal_place(&mut self, place: Place, content: Option<(u64, Instant)>, out: &mut Vec<u8>, start: usize) {
        let counter = u32::try_from(self.next).expect("nonces were reserved for this many seals");
        self.next += 1;
        let stamp = Stamp { key_id: self.session.key_id, salt: self.session.salt, counter };
        sealed::seal(&self.session.key, stamp, place, content, out, start);
    }
}

/// The record with its payload in the clear, which `plain` holds if it was sealed.
pub fn open_record<'a>(
    keys: Option<&Keyring>,
    record: &Record<'a>,
    plain: &'a mut Vec<u8>,
) -> Result<Record<'a>, Sealed> {
    if record.key_id == 0 {
        return Ok(*record);
    }
    plain.clear();
    let keys = keys.ok_or(Sealed::NoKeys)?;
    keys.open_bytes(record.key_id, Place::of_record(record), record.payload, plain)?;
    Ok(Record { key_id: 0, payload: plain, ..*record })
}

/// The snapshot with its state in the clear.
pub fn open_snapshot<'a>(keys: Option<&Keyring>, snapshot: &'a Snapshot<'a>) -> Result<Cow<'a, Snapshot<'a>>, Sealed> {
    if !snapshot.sealed {
        return Ok(Cow::Borrowed(snapshot));
    }
    let keys = keys.ok_or(Sealed::NoKeys)?;
    let (id, sealed) = snapshot.state.split_first_chunk::<KEY_ID_BYTES>().ok_or(Sealed::Broken)?;
    let mut state = Vec::new();
    keys.open_bytes(u32::from_le_bytes(*id), Place::of_snapshot(snapshot), sealed, &mut state)?;
    let pieces = Cow::Borrowed(&*snapshot.pieces);
    Ok(Cow::Owned(Snapshot { sealed: false, state: state.into(), pieces, ..*snapshot }))
}

/// Key and moment of the content in a sealed record, which anybody may know; `None` if it carries none, or is not sealed.
pub fn content_of_sealed(record: &Record<'_>) -> Option<(u64, Instant)> {
    (record.key_id != 0).then(|| sealed::content_key(record.payload)).flatten()
}

impl Keyring {
    /// For simulations: a root key that everybody knows, and the chance of a simulated disk, which a seed repeats.
    pub fn simulated(io: &Arc<dyn Io>) -> Result<Arc<Self>, KeyringError> {
        let entropy = Arc::clone(io);
        let chance: Chance = Arc::new(move |out: &mut [u8]| {
            for part in out.chunks_mut(8) {
                part.copy_from_slice(&entropy.entropy().to_le_bytes()[..part.len()]);
            }
        });
        let root = Arc::new(LocalRootKey::new(&[7; KEY_BYTES]));
        Self::load(Arc::clone(io), root, None, Instant::EPOCH, chance).map(Arc::new)
    }
}

#[cfg(test)]
mod tests;
