//! What is sealed opens in its place and nowhere else, with the bytes that the first version wrote; keys come and go.

use super::*;
use journal::sim::SimDisk;
use names::Position;
use std::sync::atomic::AtomicU8;

const PARTITION: PartitionId = PartitionId::of_family(1, 5);
const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn root() -> Arc<dyn RootKey> {
    Arc::new(LocalRootKey::new(&[7; 32]))
}

/// 1, 2, 3 …: what chance gives here.
fn counting() -> Chance {
    let last = AtomicU8::new(0);
    Arc::new(move |out: &mut [u8]| out.iter_mut().for_each(|byte| *byte = last.fetch_add(1, Ordering::Relaxed) + 1))
}

fn disk() -> Arc<dyn Io> {
    Arc::new(SimDisk::new(3))
}

fn load(io: &Arc<dyn Io>, root: Arc<dyn RootKey>) -> Result<Keyring, KeyringError> {
    Keyring::load(Arc::clone(io), root, None, NOW, counting())
}

fn new() -> Keyring {
    load(&disk(), root()).unwrap()
}

fn sealed_record(keys: &Keyring, content: Option<(u64, Instant)>) -> (u32, Vec<u8>) {
    let label = Label { partition: PARTITION, sequence: 9, kind: 3, version: 2 };
    let mut out = b"before".to_vec();
    let mut sealing = keys.begin(1);
    sealing.seal(
        label,
        &mut out,
        |out| out.extend(b"a message"),
        |plain| {
            assert_eq!(plain, b"a message");
            content
        },
    );
    (sealing.key_id(), out.split_off(6))
}

fn record(key_id: u32, payload: &[u8]) -> Record<'_> {
    let position = Position::new(44);
    Record { position, partition: PARTITION, sequence: 9, kind: 3, version: 2, key_id, checksum: 0, payload }
}

fn opened(keys: &Keyring, record: &Record<'_>) -> Result<Vec<u8>, Sealed> {
    let mut plain = Vec::new();
    open_record(Some(keys), record, &mut plain).map(|record| record.payload.to_vec())
}

fn snapshot(state: &[u8]) -> Snapshot<'_> {
    let (position, pieces) = (Position::new(44), Cow::Borrowed(&[][..]));
    Snapshot {
        partition: PARTITION,
        position,
        sequence: 9,
        version: 2,
        over: false,
        sealed: false,
        pieces,
        state: state.into(),
    }
}

#[test]
fn a_record_opens_in_its_place_and_in_no_other() {
    let keys = new();
    for content in [None, Some((77, NOW))] {
        let (key_id, payload) = sealed_record(&keys, content);
        let right = record(key_id, &payload);
        assert_eq!(opened(&keys, &right), Ok(b"a message".to_vec()));
        assert_eq!(content_of_sealed(&right), content);
        assert_eq!(opened(&keys, &Record { sequence: 8, ..right }), Err(Sealed::Broken), "moved");
        let other = PartitionId::of_family(1, 6);
        assert_eq!(opened(&keys, &Record { partition: other, ..right }), Err(Sealed::Broken), "another queue's");
        assert_eq!(opened(&keys, &Record { kind: 4, ..right }), Err(Sealed::Broken));
        assert_eq!(opened(&keys, &Record { version: 1, ..right }), Err(Sealed::Broken));
        assert_eq!(opened(&keys, &Record { key_id: key_id ^ 1, ..right }), Err(Sealed::UnknownKey(key_id ^ 1)));
        let mut plain = Vec::new();
        assert_eq!(open_record(None, &right, &mut plain), Err(Sealed::NoKeys));
    }
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_sealed_record_is_refused() {
    let keys = new();
    for content in [None, Some((77, NOW))] {
        let (key_id, payload) = sealed_record(&keys, content);
        for bit in 0..8 * payload.len() {
            let mut changed = payload.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&keys, &record(key_id, &changed)), Err(Sealed::Broken), "bit {bit}");
        }
        for bytes in 0..payload.len() {
            assert_eq!(opened(&keys, &record(key_id, &payload[..bytes])), Err(Sealed::Broken), "{bytes} bytes");
            content_of_sealed(&record(key_id, &payload[..bytes]));
        }
    }
}

#[test]
fn a_plain_record_of_an_older_folder_is_read_as_it_is() {
    assert_eq!(opened(&new(), &record(0, b"plain")), Ok(b"plain".to_vec()));
    assert_eq!(content_of_sealed(&record(0, &[1; 60])), None);
}

#[test]
fn a_snapshot_opens_in_its_place_and_in_no_other() {
    let keys = new();
    let sealed = keys.seal_snapshot(snapshot(b"state"));
    assert!(sealed.sealed && !sealed.state.windows(5).any(|part| part == b"state"));
    assert_eq!(*open_snapshot(Some(&keys), &sealed).unwrap(), snapshot(b"state"));
    for other in [
        Snapshot { position: Position::new(45), ..sealed.clone() },
        Snapshot { sequence: 8, ..sealed.clone() },
        Snapshot { version: 1, ..sealed.clone() },
        Snapshot { partition: PartitionId::of_family(1, 6), ..sealed.clone() },
        Snapshot { state: sealed.state[..10].to_vec().into(), ..sealed.clone() },
    ] {
        assert_eq!(open_snapshot(Some(&keys), &other).unwrap_err(), Sealed::Broken);
    }
    assert_eq!(open_snapshot(None, &sealed).unwrap_err(), Sealed::NoKeys);
    let over = Snapshot { over: true, ..snapshot(b"") };
    assert_eq!(keys.seal_snapshot(over.clone()), over, "what is over has nothing to hide");
}

#[test]
fn no_two_seals_of_any_start_share_key_and_nonce() {
    let io = disk();
    let mut heads = std::collections::BTreeSet::new();
    let rng = Mutex::new(fastrand::Rng::with_seed(4));
    let chance: Chance = Arc::new(move |out: &mut [u8]| rng.lock().unwrap().fill(out));
    for _ in 0..3 {
        let keys = Keyring::load(Arc::clone(&io), root(), None, NOW, Arc::clone(&chance)).unwrap();
        keys.settle().unwrap();
        for _ in 0..50 {
            let (key_id, payload) = sealed_record(&keys, None);
            assert!(heads.insert((key_id, payload[1..HEAD_BYTES].to_vec())));
            let state = keys.seal_snapshot(snapshot(b"")).state.into_owned();
            assert!(heads.insert((key_id, state[KEY_ID_BYTES + 1..KEY_ID_BYTES + HEAD_BYTES].to_vec())));
        }
    }
}

#[test]
fn a_session_that_is_used_up_is_followed_by_another() {
    let keys = new();
    let before = keys.session.read().unwrap().salt;
    keys.session.read().unwrap().next.store(SESSION_SEALS_MAX - 1, Ordering::Relaxed);
    let (key_id, last) = sealed_record(&keys, None);
    assert_eq!(&last[1 + SALT_BYTES..HEAD_BYTES], u32::MAX.to_le_bytes());
    let (_, next) = sealed_record(&keys, None);
    assert_ne!(keys.session.read().unwrap().salt, before);
    assert_eq!(&next[1 + SALT_BYTES..HEAD_BYTES], 0_u32.to_le_bytes());
    for payload in [last, next] {
        assert_eq!(opened(&keys, &record(key_id, &payload)), Ok(b"a message".to_vec()));
    }
}

#[test]
fn a_new_key_seals_and_the_earlier_one_still_opens_after_a_restart_too() {
    let io = disk();
    let keys = load(&io, root()).unwrap();
    keys.settle().unwrap();
    let body = || read_keys(&*io).unwrap().unwrap().body;
    let (first_id, first) = sealed_record(&keys, None);
    let before = body();
    let second_id = keys.rotate(NOW.plus_millis(5)).unwrap();
    let (sealed_by, second) = sealed_record(&keys, None);
    assert!(sealed_by == second_id && first_id != second_id);
    let again = load(&io, root()).unwrap();
    assert_eq!(again.newest(), (second_id, NOW.plus_millis(5), 2));
    assert!(Keyring::has_all_of(&body(), &before) && Keyring::has_all_of(&before, &before));
    assert!(!Keyring::has_all_of(&before, &body()) && !Keyring::has_all_of(&body(), b"nothing that can be read"));
    for keys in [&keys, &again] {
        assert_eq!(opened(keys, &record(first_id, &first)), Ok(b"a message".to_vec()));
        assert_eq!(opened(keys, &record(second_id, &second)), Ok(b"a message".to_vec()));
    }
}

#[test]
fn a_key_is_due_by_its_age_and_by_what_it_sealed() {
    let keys = new();
    let end = NOW.plus_millis(KEY_MILLIS_MAX);
    assert!(!keys.is_due(Instant::from_millis(end.as_millis() - 1)) && keys.is_due(end));
    keys.seals.store(KEY_SEALS_MAX - 1, Ordering::Relaxed);
    assert!(!keys.is_due(NOW));
    sealed_record(&keys, None);
    assert!(keys.is_due(NOW));
}

#[test]
fn another_root_key_opens_nothing_and_both_are_named() {
    let io = disk();
    load(&io, root()).unwrap().settle().unwrap();
    let before = read_keys(&*io).unwrap();
    let other: Arc<dyn RootKey> = Arc::new(LocalRootKey::new(&[8; 32]));
    let refused = load(&io, Arc::clone(&other)).unwrap_err();
    let own = other.id();
    assert!(
        matches!(&refused, KeyringError::Root(RootKeyError::Other { wrapped_by, own: here }) if *wrapped_by == root().id() && *here == own)
    );
    assert_eq!(read_keys(&*io).unwrap(), before);
}

#[test]
fn a_change_of_the_root_key_changes_nothing_that_is_sealed_or_wrapped_by_services() {
    let io = disk();
    let keys = load(&io, root()).unwrap();
    keys.settle().unwrap();
    let (key_id, payload) = sealed_record(&keys, None);
    let secret = keys.services().wrap(b"of a service", b"", [1; 12]).unwrap();
    let next: Arc<dyn RootKey> = Arc::new(LocalRootKey::new(&[8; 32]));
    let passphrase = Passphrase::new([3; 16]);
    Keyring::rewrap(&*io, &*root(), &*next, Some(passphrase), &counting()).unwrap();
    assert!(load(&io, root()).is_err());
    let looked = Keyring::look(&*io).unwrap().unwrap();
    assert_eq!((looked.root, looked.passphrase, looked.keys), (next.id(), Some(passphrase), vec![(key_id, NOW)]));
    let keys = load(&io, next).unwrap();
    assert_eq!(opened(&keys, &record(key_id, &payload)), Ok(b"a message".to_vec()));
    assert_eq!(keys.services().unwrap(&secret, b"").unwrap().expose(), b"of a service");
}

#[test]
fn a_damaged_copy_of_the_keys_is_written_again_at_the_next_start() {
    let io = disk();
    load(&io, root()).unwrap().settle().unwrap();
    let sound = read_keys(&*io).unwrap().unwrap();
    io.open(KEYS).unwrap().write_at(0, &journal::AlignedBuf::new(4096)).unwrap();
    assert!(read_keys(&*io).unwrap().unwrap().hurt.is_some());
    let keys = load(&io, root()).unwrap();
    keys.settle().unwrap();
    let mended = read_keys(&*io).unwrap().unwrap();
    assert!(mended.hurt.is_none());
    let (before, after) = (Wrapped::decode(&sound.body).unwrap(), Wrapped::decode(&mended.body).unwrap());
    assert_eq!(before.keys, after.keys);
}

#[test]
fn keys_that_another_process_wrote_meanwhile_refuse_the_start() {
    let io = disk();
    let ours = load(&io, root()).unwrap();
    load(&io, root()).unwrap().settle().unwrap();
    assert!(ours.settle().unwrap_err().to_string().contains("another process"));
}

#[test]
fn no_bytes_panic_the_decoder_of_keys() {
    let mut chance = fastrand::Rng::with_seed(1);
    let ring = Ring::new(None, NOW, &counting());
    let body = ring.encode(&*root(), &counting()).unwrap();
    for _ in 0..2000 {
        let mut body = body.clone();
        body[chance.usize(..80)] = chance.u8(..);
        body.truncate(chance.usize(..=body.len()));
        if let Ok(wrapped) = Wrapped::decode(&body) {
            assert!(wrapped.open(&*root()).is_err() || body == ring.encode(&*root(), &counting()).unwrap());
        }
    }
}

#[test]
fn what_the_first_version_wrote_is_written_and_read_today() {
    let keys = new();
    let body = keys.ring().encode(&*root(), &counting()).unwrap();
    let (key_id, payload) = sealed_record(&keys, Some((77, NOW)));
    let state = keys.seal_snapshot(snapshot(b"state")).state.into_owned();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let all = format!("keys {}\nkey {key_id:08x}\nrecord {}\nstate {}\n", hex(&body), hex(&payload), hex(&state));
    // Computed by another program too: crates/engine/src/keyring/golden.py.
    assert_eq!(all, include_str!("golden.txt"));
    let ring = Wrapped::decode(&body).unwrap().open(&*root()).unwrap();
    assert_eq!(ring.keys.len(), 1);
}
