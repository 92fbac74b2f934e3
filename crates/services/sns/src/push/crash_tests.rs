//! Applications in a real store on the simulated disk: what was answered is there after every crash, nothing is there that nobody asked
//! for, and a token is one endpoint's. And what an endpoint takes in memory.

use super::applications::Applications;
use super::limits::PAGE_ENDPOINTS;
use super::page::{About, Credentials, Endpoint, Page};
use super::platform::{AppKey, EndpointId, Platform};
use super::records::FAMILY;
use crate::topic::Pairs;
use crate::topic_key::SubscriptionId;
use access::Secret;
use engine::{Clock, Keyring, ManualClock, Recovery, Store, StoreOptions};
use journal::sim::SimDisk;
use journal::{Io, Options, RealDisk};
use names::{AccountId, Instant, Region};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

struct House {
    store: Arc<Store>,
    applications: Applications,
}

/// Everything there is: of each application its endpoints' tokens, with their ids and whether they are enabled.
type Seen = BTreeMap<String, BTreeMap<String, (EndpointId, bool)>>;

impl House {
    fn open(disk: &SimDisk) -> Self {
        Self::over(Arc::new(disk.clone()))
    }

    fn over(io: Arc<dyn Io>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let keyring = Some(Keyring::simulated(&io).unwrap());
        let mut pages = Recovery::new(FAMILY, Page::default);
        let options = StoreOptions { journal: Options::small(128 << 10), memory_bytes: 8_000, keyring };
        let store = Store::open(io, options, clock, &mut [&mut pages]).unwrap();
        let applications = Applications::recovered(Arc::clone(&store), pages);
        Self { store, applications }
    }

    fn commit(&self) {
        self.store.journal().commit().unwrap();
    }

    fn make(&self, name: &str, id: u128) {
        let region = Region::parse("us-east-1").unwrap();
        let key = AppKey { account: AccountId::DEFAULT, region, platform: Platform::Gcm, name: name.into() };
        let credentials = Credentials { credential: Secret::from("s3cret"), principal: Secret::from("") };
        let id = SubscriptionId(id);
        let about = About { id, key, created_at: NOW, attributes: Pairs::new(), credentials };
        drop(self.applications.create(about, |_| Ok(())).unwrap());
    }

    fn entry(&self, name: &str) -> Arc<super::applications::AppEntry> {
        self.applications.all().into_iter().find(|entry| &*entry.key.name == name).unwrap()
    }

    fn endpoint(&self, name: &str, token: u128) -> EndpointId {
        let chance = EndpointId(token.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let asked = Endpoint { id: chance, token: token.to_string().into(), user_data: "".into(), is_enabled: true };
        self.applications.create_endpoint(&self.entry(name), asked).unwrap().0
    }

    fn seen(&self) -> Seen {
        let endpoints = |entry: &Arc<super::applications::AppEntry>| {
            let found = self.applications.endpoints(entry, None, usize::MAX);
            let seen = |(_, one): (_, Endpoint)| (one.token.to_string(), (one.id, one.is_enabled));
            (entry.arn.to_string(), found.into_iter().map(seen).collect())
        };
        self.applications.all().iter().map(endpoints).collect()
    }
}

#[test]
fn what_was_answered_of_applications_is_there_after_every_crash() {
    let disk = SimDisk::new(13);
    let house = House::open(&disk);
    disk.record_moments();
    let mut told = vec![(disk.ops(), house.seen())];
    let note = |house: &House, told: &mut Vec<(u64, Seen)>| {
        house.commit();
        told.push((disk.ops(), house.seen()));
    };
    for name in ["one", "two"] {
        house.make(name, name.len() as u128 + u128::from(name == "two"));
        note(&house, &mut told);
    }
    let mut made = Vec::new();
    for token in 0..u128::from(PAGE_ENDPOINTS) * 2 + 40 {
        made.push(house.endpoint("one", token));
        if token % 64 == 0 {
            note(&house, &mut told);
        }
        match token % 200 {
            50 => drop(house.applications.delete_endpoint(&house.entry("one"), made[token as usize / 2]).unwrap()),
            100 => {
                let change = |one: &mut Endpoint| {
                    one.is_enabled = false;
                    Ok(())
                };
                let id = made[token as usize - 1];
                drop(house.applications.change_endpoint(&house.entry("one"), id, change).unwrap());
            }
            150 => house.store.checkpoint().unwrap(),
            190 => drop(house.store.tend().unwrap()),
            _ => {}
        }
    }
    note(&house, &mut told);
    house.endpoint("two", 7);
    note(&house, &mut told);
    drop(house.applications.delete(&house.entry("one").key).unwrap());
    note(&house, &mut told);
    let moments = disk.take_moments();
    assert!(moments.len() > 50, "{} moments are no test", moments.len());
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let house = House::open(&if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) });
        let found = house.seen();
        // What was answered last, or something on the way to what would have been next.
        let answered = told.iter().rposition(|(ops, _)| *ops <= moment.op()).unwrap_or(0);
        check(&found, &told, answered, moment.op());
        for (name, endpoints) in &found {
            if let (Some((token, (id, enabled))), true) = (endpoints.first_key_value(), name.ends_with("one")) {
                let asked = Endpoint {
                    id: EndpointId(1),
                    token: token.as_str().into(),
                    user_data: "".into(),
                    is_enabled: *enabled,
                };
                let again = house.applications.create_endpoint(&house.entry("one"), asked).unwrap();
                assert!(again.0 == *id && again.1.is_none(), "a token that is known is its endpoint's");
            }
        }
    }
}

/// Every endpoint that was there when something was answered last and is there in the next answer is there, as one of the two has it.
fn check(found: &Seen, told: &[(u64, Seen)], answered: usize, op: u64) {
    let (before, after) = (&told[answered].1, &told[(answered + 1).min(told.len() - 1)].1);
    let empty = BTreeMap::new();
    for arn in before.keys().chain(after.keys()).chain(found.keys()) {
        let [before, after, found] = [before, after, found].map(|seen| seen.get(arn).unwrap_or(&empty));
        for (token, known) in before {
            if after.get(token) == Some(known) {
                assert_eq!(found.get(token), Some(known), "boundary {op}: {token} of {arn}");
            }
        }
        for (token, one) in found {
            let known = before.get(token) == Some(one) || after.get(token) == Some(one);
            // What came and changed between two answers is seen in neither as it was between them.
            let between = before.get(token).is_none() && one.1;
            assert!(known || between, "boundary {op}: {token} of {arn} is nobody's");
        }
    }
}

#[test]
fn pages_of_an_application_that_is_gone_are_closed_at_the_next_start() {
    let disk = SimDisk::new(17);
    let house = House::open(&disk);
    house.make("one", 1);
    (0..u128::from(PAGE_ENDPOINTS) + 1).for_each(|token| _ = house.endpoint("one", token));
    house.commit();
    drop(house.applications.delete(&house.entry("one").key).unwrap());
    house.commit();
    let house = House::open(&disk.kill());
    assert!(house.seen().is_empty());
    house.make("one", 2);
    assert_eq!(
        house.seen().values().map(BTreeMap::len).sum::<usize>(),
        0,
        "a new one of the name has nothing of the old one"
    );
}

/// Resident bytes of this process.
#[expect(clippy::disallowed_methods, reason = "a measurement of this process, by hand")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// `cargo test -p sns -- --ignored --nocapture bytes_an_endpoint`. Over a real disk, so that what is written takes no memory.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement of this process, by hand")]
fn bytes_an_endpoint_takes() {
    let folder = std::env::temp_dir().join(format!("tidewire-endpoints-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let house = House::over(Arc::new(RealDisk::open(&folder).unwrap()));
    house.make("one", 1);
    let fill = |range: Range<u128>| {
        for token in range {
            let asked = Endpoint {
                id: EndpointId(token.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
                token: format!("{token:064x}").into(),
                user_data: "".into(),
                is_enabled: true,
            };
            drop(house.applications.create_endpoint(&house.entry("one"), asked).unwrap());
            if token % 1000 == 0 {
                house.commit();
                house.store.tend().unwrap();
            }
        }
    };
    // What the store has at the most whatever is in it is there before.
    fill(0..20_000);
    let (before, count) = (resident(), 200_000);
    fill(20_000..20_000 + count);
    eprintln!("{} bytes an endpoint", (resident() - before) / count as usize);
    drop(house);
    std::fs::remove_dir_all(&folder).unwrap();
}
