//! What the file `keys` holds (`docs/formats/keys.md`): data keys, sealed under a key that serves for this alone, which the root
//! key wraps.
//!
//! ```text
//!  0             16              36     40              44
//! +-------------+---------------+------+---------------+----------------------------------+-----------+----------------------------+
//! | root key id | of passphrase | keys | wrapped bytes | each: id 4 | zero 4 | made at 8  | wrapped … | sealed: services' key, keys |
//! +-------------+---------------+------+---------------+----------------------------------+-----------+----------------------------+
//! ```
//!
//! The wrapping key is made anew with each writing and used once, so its nonce is zero; all before the sealed part is bound to
//! it. A root key in a device is thus asked once for each start and each change, however many data keys there are.

use super::Chance;
use journal::KEYS;
use journal::OpenError;
use names::Instant;
use seal::{KEY_BYTES, Key, Passphrase, RootKey, RootKeyError, SALT_BYTES, Secret, TAG_BYTES};

const ROOT_ID_BYTES: usize = 16;
const FIXED_BYTES: usize = ROOT_ID_BYTES + SALT_BYTES + 8;
const ENTRY_BYTES: usize = 16;
/// What the root key binds the wrapping key to.
const CONTEXT: &[u8] = b"tidewire keys";
const ONCE: [u8; 12] = [0; 12];

/// A key under which sessions seal.
#[derive(Clone)]
pub(super) struct DataKey {
    pub(super) id: u32,
    pub(super) made_at: Instant,
    pub(super) bytes: Secret,
}

impl DataKey {
    fn new(id: u32, made_at: Instant, chance: &Chance) -> Self {
        let mut bytes = vec![0; KEY_BYTES];
        chance(&mut bytes);
        Self { id, made_at, bytes: bytes.into() }
    }
}

/// All keys of a folder, in the clear.
#[derive(Clone)]
pub(super) struct Ring {
    /// How a passphrase becomes the root key, if it is one.
    pub(super) passphrase: Option<Passphrase>,
    /// Under which services keep secrets of their own.
    pub(super) services: Secret,
    /// The newest last.
    pub(super) keys: Vec<DataKey>,
}

impl Ring {
    /// With one key.
    pub(super) fn new(passphrase: Option<Passphrase>, now: Instant, chance: &Chance) -> Self {
        let services = DataKey::new(0, now, chance).bytes;
        let mut ring = Self { passphrase, services, keys: Vec::new() };
        ring.add(now, chance);
        ring
    }

    /// Adds a key. Its id is by chance, so that the keys of two folders are not taken for each other's.
    pub(super) fn add(&mut self, now: Instant, chance: &Chance) -> u32 {
        let mut id = [0; 4];
        while u32::from_le_bytes(id) == 0 || self.keys.iter().any(|key| key.id == u32::from_le_bytes(id)) {
            chance(&mut id);
        }
        let id = u32::from_le_bytes(id);
        self.keys.push(DataKey::new(id, now, chance));
        id
    }

    /// The file's body.
    pub(super) fn encode(&self, root: &dyn RootKey, chance: &Chance) -> Result<Vec<u8>, RootKeyError> {
        let wrapping = DataKey::new(0, Instant::EPOCH, chance).bytes;
        let mut nonce = [0; 12];
        chance(&mut nonce);
        let wrapped = root.wrap(wrapping.expose(), CONTEXT, nonce)?;
        let count = |items: usize| u32::try_from(items).expect("a few keys are fewer than 2^32").to_le_bytes();
        let mut out = root.id().to_vec();
        out.extend(self.passphrase.map_or([0; SALT_BYTES], |passphrase| passphrase.encode()));
        out.extend(count(self.keys.len()));
        out.extend(count(wrapped.len()));
        for key in &self.keys {
            out.extend(key.id.to_le_bytes());
            out.extend([0; 4]);
            out.extend(key.made_at.as_millis().to_le_bytes());
        }
        out.extend(wrapped);
        let plain =
            self.keys.iter().fold(self.services.expose().to_vec(), |all, key| [&all, key.bytes.expose()].concat());
        let plain = Secret::new(plain);
        let bound = out.clone();
        key_of(&wrapping)?.seal(&ONCE, &bound, plain.expose(), &mut out);
        Ok(out)
    }
}

fn key_of(secret: &Secret) -> Result<Key, RootKeyError> {
    let bytes: &[u8; KEY_BYTES] = secret.expose().try_into().map_err(|_| RootKeyError::Malformed)?;
    Ok(Key::new(bytes))
}

/// What the file says without the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// By which root key.
    pub root: [u8; ROOT_ID_BYTES],
    /// How a passphrase becomes that root key, if it is one.
    pub passphrase: Option<Passphrase>,
    /// The data keys, the newest last: id, and when each was made.
    pub keys: Vec<(u32, Instant)>,
    wrapping: Vec<u8>,
    /// All before the sealed part.
    bound: Vec<u8>,
    sealed: Vec<u8>,
}

impl Wrapped {
    /// Reads a body.
    pub(super) fn decode(body: &[u8]) -> Result<Self, OpenError> {
        Self::fields(body).ok_or_else(|| OpenError::Corrupt {
            file: KEYS.into(),
            offset: 0,
            why: "its checksum is right, but it is not what this version writes".into(),
        })
    }

    fn fields(body: &[u8]) -> Option<Self> {
        let (fixed, rest) = body.split_at_checked(FIXED_BYTES)?;
        let (root, salt) = fixed.split_at(ROOT_ID_BYTES);
        let (salt, counts) = salt.split_at(SALT_BYTES);
        let count = |at: usize| u32::from_le_bytes(counts[at..at + 4].try_into().expect("four bytes")) as usize;
        let (entries, rest) = rest.split_at_checked(count(0).checked_mul(ENTRY_BYTES)?)?;
        let (wrapping, sealed) = rest.split_at_checked(count(4))?;
        let key = |entry: &[u8]| {
            let id = u32::from_le_bytes(entry[..4].try_into().expect("four bytes"));
            let made_at = u64::from_le_bytes(entry[8..].try_into().expect("eight bytes"));
            (id, Instant::from_millis(made_at))
        };
        let sealed_bytes = (count(0) + 1).checked_mul(KEY_BYTES)? + TAG_BYTES;
        let passphrase = if salt.iter().all(|byte| *byte == 0) { None } else { Some(Passphrase::decode(salt).ok()?) };
        (count(0) > 0 && sealed.len() == sealed_bytes).then(|| Self {
            root: root.try_into().expect("sixteen bytes"),
            passphrase,
            keys: entries.chunks_exact(ENTRY_BYTES).map(key).collect(),
            wrapping: wrapping.to_vec(),
            bound: body[..body.len() - sealed_bytes].to_vec(),
            sealed: sealed.to_vec(),
        })
    }

    /// The keys in the clear.
    pub(super) fn open(&self, root: &dyn RootKey) -> Result<Ring, RootKeyError> {
        if root.id() != self.root {
            return Err(RootKeyError::Other { wrapped_by: self.root, own: root.id() });
        }
        let wrapping = root.unwrap(&self.wrapping, CONTEXT)?;
        let plain = key_of(&wrapping)?.open(&ONCE, &self.bound, &self.sealed).map_err(|_| RootKeyError::Broken)?;
        let plain = Secret::new(plain);
        let mut parts = plain.expose().chunks_exact(KEY_BYTES).map(Secret::from);
        let services = parts.next().ok_or(RootKeyError::Malformed)?;
        let keys = self.keys.iter().zip(parts).map(|(&(id, made_at), bytes)| DataKey { id, made_at, bytes });
        Ok(Ring { passphrase: self.passphrase, services, keys: keys.collect() })
    }
}
