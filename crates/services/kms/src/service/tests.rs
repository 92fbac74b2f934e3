//! What the service keeps beside the machines, and what it asks before it begins what takes long.

use super::*;
use crate::machine::Known;
use crate::slow::Work;
use engine::ManualClock;
use journal::sim::SimDisk;
use journal::{Io, Options};
use names::Instant;
use seal::LocalRootKey;
use std::sync::Mutex;

/// Few keys, so that a test can have them all.
const KEYS_MAX: usize = 60;

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

struct House {
    kms: Kms,
    store: Arc<Store>,
    disk: Arc<SimDisk>,
    clock: Arc<ManualClock>,
    /// Work that was handed out; nobody does it.
    handed: Arc<Mutex<Vec<Work>>>,
}

impl House {
    fn open() -> Self {
        let (mut recovery, clock) = (Kms::recovery(), Arc::new(ManualClock::at(NOW)));
        let shown: Arc<dyn engine::Clock> = Arc::<ManualClock>::clone(&clock);
        let disk = Arc::new(SimDisk::new(1));
        let store =
            Store::open(Arc::<SimDisk>::clone(&disk), Options::small(1 << 18), shown, &mut [&mut recovery]).unwrap();
        let handed: Arc<Mutex<Vec<Work>>> = Arc::default();
        let list = Arc::clone(&handed);
        let elsewhere: Elsewhere = Arc::new(move |work| list.lock().unwrap().push(work));
        let kms =
            Kms::with_room(KEYS_MAX, Arc::clone(&store), recovery, Arc::new(LocalRootKey::new(&[7; 32])), elsewhere);
        Self { kms, store, disk, clock, handed }
    }

    fn done<T>(&self, asked: impl Future<Output = T>) -> T {
        let store = Arc::clone(&self.store);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            tokio::pin!(asked);
            loop {
                tokio::select! {
                    biased;
                    done = &mut asked => break done,
                    () = tokio::task::yield_now() => drop(store.journal().commit()),
                }
            }
        })
    }

    fn make(&self, spec: KeySpec, is_multi_region: bool) -> Result<Arc<Key>, Refusal> {
        let wanted = Wanted {
            account: AccountId::DEFAULT,
            region: region("us-east-1"),
            description: "".into(),
            spec,
            usage: spec.usages()[0],
            origin: Origin::Made,
            policy: KeyPolicy::of_account(AccountId::DEFAULT, "aws"),
            tags: Vec::new(),
            is_multi_region,
            managed: None,
        };
        self.done(self.kms.0.make(wanted)).map(|kept| kept.key)
    }

    fn change(&self, key: &Key, home: &str, change: Change) {
        let ring = self.kms.0.catalog.ring(AccountId::DEFAULT).unwrap();
        let place = (region(home), key.id);
        let command = Command::Change { place, change: Box::new(change) };
        self.done(self.kms.0.ask(&ring, command)).unwrap();
    }

    fn owned(&self) -> usize {
        self.kms.0.catalog.owned()
    }
}

fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

#[test]
fn a_key_over_the_quota_is_refused_before_it_is_made_and_leaves_nothing() {
    let house = House::open();
    let first = house.make(KeySpec::Symmetric, false).unwrap();
    for _ in 1..KEYS_MAX {
        house.make(KeySpec::Symmetric, false).unwrap();
    }
    for spec in [KeySpec::Rsa4096, KeySpec::Symmetric] {
        let refused = house.make(spec, false).unwrap_err();
        assert_eq!(refused.error.0.name, "LimitExceededException");
    }
    assert!(house.handed.lock().unwrap().is_empty(), "it was begun");
    assert_eq!(house.owned(), KEYS_MAX);
    // One that is gone makes room for one.
    house.change(&first, "us-east-1", Change::ScheduleDeletion { days: 7 });
    house.clock.advance_millis(7 * DAY_MILLIS);
    house.kms.tend();
    assert!(house.make(KeySpec::Symmetric, false).is_ok() && house.make(KeySpec::Symmetric, false).is_err());
}

#[test]
fn an_alias_that_a_request_names_twice_is_of_one_key_for_all_of_it() {
    let house = House::open();
    let [one, other] = [(); 2].map(|()| house.make(KeySpec::Symmetric, false).unwrap());
    let point = |target: &Key, known| {
        let ring = house.kms.0.catalog.ring(AccountId::DEFAULT).unwrap();
        let alias = Command::SetAlias { region: region("us-east-1"), name: "alias/a".into(), target: target.id, known };
        house.done(house.kms.0.ask(&ring, alias)).unwrap();
    };
    point(&one, Known::Nothing);
    let caller = Caller::for_test(AccountId::DEFAULT, region("us-east-1"), NOW);
    let asking = Asking::new(&house.kms.0, &caller);
    let resource = |action: &str| asking.on(action, "alias/a").unwrap()[0].resource.to_string();
    assert_eq!(resource("ReEncryptFrom"), one.arn());
    point(&other, Known::Key(None));
    assert_eq!(resource("ReEncryptTo"), one.arn(), "it was asked about this key, and gets this key");
    let meant = asking.meant.into_inner().reference(&caller, "alias/a").unwrap();
    assert_eq!(meant.target, Target::Key(one.id));
}

#[test]
fn a_key_that_is_gone_from_its_last_region_is_nobodys() {
    let house = House::open();
    let (single, multi) =
        (house.make(KeySpec::Symmetric, false).unwrap(), house.make(KeySpec::Symmetric, true).unwrap());
    let policy = KeyPolicy::of_account(AccountId::DEFAULT, "aws");
    let (home, description) = (region("eu-west-1"), "".into());
    let replica = crate::change::Replica { region: home, policy, description, tags: Vec::new() };
    house.change(&multi, "us-east-1", Change::Replicate(Box::new(replica)));
    let go = || Change::ScheduleDeletion { days: 7 };
    house.change(&single, "us-east-1", go());
    house.change(&multi, "eu-west-1", go());
    house.change(&multi, "us-east-1", go());
    for left in [1, 0] {
        house.clock.advance_millis(7 * DAY_MILLIS);
        house.kms.tend();
        assert_eq!(house.owned(), left);
        let is_known = house.kms.0.catalog.owner(multi.id.bytes()).is_some();
        assert_eq!((is_known, house.kms.0.catalog.owner(single.id.bytes())), (left == 1, None));
    }
}

#[test]
fn who_makes_a_managed_key_second_leaves_none_behind() {
    let house = House::open();
    let reference = Reference { account: AccountId::DEFAULT, target: Target::Alias("alias/aws/sqs".into()) };
    let (inner, home) = (&house.kms.0, region("us-east-1"));
    let one = house.done(inner.make_managed(&reference, &home)).unwrap().key;
    let two = house.done(inner.make_managed(&reference, &home)).unwrap().key;
    assert_eq!((one.id == two.id, house.owned()), (true, 1));
}

/// The files of a disk that hold these bytes.
fn files_with(disk: &SimDisk, wanted: &[u8]) -> Vec<String> {
    let holds =
        |name: &String| disk.bytes(name).is_some_and(|bytes| bytes.windows(wanted.len()).any(|it| it == wanted));
    Io::list(disk).unwrap().into_iter().filter(holds).collect()
}

#[test]
fn what_sealed_a_deleted_key_is_in_no_file_once_the_log_went_on() {
    let house = House::open();
    let (gone, stays) =
        (house.make(KeySpec::Symmetric, false).unwrap(), house.make(KeySpec::Symmetric, false).unwrap());
    let sealed = |key: &Key| key.current().unwrap().sealed.clone().unwrap();
    // Checkpoints that add to earlier ones stay until they come to a megabyte; then a whole one is written, and those go.
    let go_on = || {
        for nth in 0..40 {
            house.change(&stays, "us-east-1", Change::Describe(format!("{nth:050000}").into()));
            house.store.tend().unwrap();
            house.store.checkpoint().unwrap();
        }
    };
    go_on();
    for key in [&gone, &stays] {
        assert!(!files_with(&house.disk, &sealed(key)).is_empty(), "the search finds what is there");
    }
    house.change(&gone, "us-east-1", Change::ScheduleDeletion { days: 7 });
    house.clock.advance_millis(7 * DAY_MILLIS);
    house.kms.tend();
    go_on();
    assert_eq!(files_with(&house.disk, &sealed(&gone)), Vec::<String>::new());
    assert!(!files_with(&house.disk, &sealed(&stays)).is_empty());
}
