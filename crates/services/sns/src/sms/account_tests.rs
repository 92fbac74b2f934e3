//! An account's machine by itself, its records, and the account after power cuts.

use super::*;
use crate::sms::accounts::Accounts;
use engine::{Effect as _, ManualClock, Recovery, Store};
use journal::Options;
use journal::sim::SimDisk;

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn number(text: &str) -> Number {
    Number::read(text).unwrap()
}

fn place() -> Place {
    Place { account: AccountId::DEFAULT, region: Region::parse("eu-west-1").unwrap() }
}

/// Asks, and gives the error's code if it is refused.
fn ask(account: &mut Account, now: Instant, command: Command) -> Result<(), &'static str> {
    let decision = account.decide(now, command);
    decision.effects.iter().for_each(|effect| account.apply(Position::new(1), effect, &mut Vec::new()));
    match decision.reply {
        Reply::Done => Ok(()),
        Reply::Refused(refusal) => Err(refusal.error.query_code),
    }
}

fn opened() -> Account {
    let mut account = Account::default();
    ask(&mut account, NOW, Command::Open(place())).unwrap();
    account
}

#[test]
fn a_number_is_opted_in_once_in_thirty_days() {
    let (mut account, phone) = (opened(), number("+15550100"));
    assert_eq!(ask(&mut account, NOW, Command::OptIn(phone.clone())), Ok(()), "it is in already");
    ask(&mut account, NOW, Command::OptOut(phone.clone())).unwrap();
    assert!(account.opted_out.contains_key(&phone));
    assert_eq!(ask(&mut account, NOW, Command::OptIn(phone.clone())), Ok(()));
    assert!(account.opted_out.is_empty());
    ask(&mut account, NOW, Command::OptOut(phone.clone())).unwrap();
    let after = |days: u64| NOW.plus_secs(days * 86_400);
    assert_eq!(ask(&mut account, after(29), Command::OptIn(phone.clone())), Err("InvalidParameter"));
    assert!(account.opted_out.contains_key(&phone), "what is refused changes nothing");
    assert_eq!(ask(&mut account, after(30), Command::OptIn(phone)), Ok(()));
    assert_eq!(account.opted_in.len(), 1, "who is forgotten takes no room");
}

#[test]
fn a_number_is_verified_by_the_password_that_it_was_sent() {
    let (mut account, phone) = (opened(), number("+15550100"));
    let verify = |password: &str| Command::Verify(number("+15550100"), password.into());
    assert_eq!(ask(&mut account, NOW, verify("123456")), Err("ResourceNotFound"));
    ask(&mut account, NOW, Command::Test(phone.clone(), "123456".into())).unwrap();
    assert_eq!(ask(&mut account, NOW, verify("654321")), Err("VerificationException"));
    assert_eq!(ask(&mut account, NOW, verify("")), Err("VerificationException"));
    assert_eq!(ask(&mut account, NOW, verify("123456")), Ok(()));
    assert!(account.sandbox[&phone].is_verified && account.tested_behind("") == [(phone.clone(), true)]);
    assert_eq!(ask(&mut account, NOW, Command::Test(phone.clone(), "1".into())), Err("UserError"));
    assert_eq!(ask(&mut account, NOW, Command::Forget(phone.clone())), Err("UserError"));
    assert_eq!(ask(&mut account, NOW.plus_secs(86_400), Command::Forget(phone.clone())), Ok(()));
    assert_eq!(ask(&mut account, NOW, Command::Forget(phone)), Err("ResourceNotFound"));
}

#[test]
fn a_password_is_guessed_five_times_and_counts_for_fifteen_minutes() {
    let (mut account, phone) = (opened(), number("+15550100"));
    let verify = |password: &str| Command::Verify(number("+15550100"), password.into());
    ask(&mut account, NOW, Command::Test(phone.clone(), "123456".into())).unwrap();
    for nth in 0..5 {
        assert_eq!(ask(&mut account, NOW, verify(&format!("00000{nth}"))), Err("VerificationException"));
    }
    assert_eq!(ask(&mut account, NOW, verify("123456")), Err("VerificationException"), "too late to be right");
    ask(&mut account, NOW, Command::Test(phone.clone(), "234567".into())).unwrap();
    assert_eq!(ask(&mut account, NOW.plus_secs(900), verify("234567")), Err("VerificationException"));
    for _ in 0..3 {
        ask(&mut account, NOW, Command::Test(phone.clone(), "345678".into())).unwrap();
    }
    assert_eq!(ask(&mut account, NOW, Command::Test(phone.clone(), "4".into())), Err("UserError"), "five a day");
    assert_eq!(ask(&mut account, NOW.plus_secs(86_400), Command::Test(phone, "4".into())), Ok(()));
}

#[test]
fn a_sandbox_has_ten_numbers_and_none_that_opted_out() {
    let mut account = opened();
    for nth in 0..10 {
        let test = Command::Test(number(&format!("+1555010{nth}")), "1".into());
        assert_eq!(ask(&mut account, NOW, test), Ok(()));
    }
    assert_eq!(ask(&mut account, NOW, Command::Test(number("+15550999"), "1".into())), Err("UserError"));
    ask(&mut account, NOW, Command::OptOut(number("+15550888"))).unwrap();
    assert_eq!(ask(&mut account, NOW, Command::Test(number("+15550888"), "1".into())), Err("OptedOut"));
}

#[test]
fn what_was_spent_counts_for_its_month() {
    let mut account = opened();
    let (january, february) = (Instant::from_millis(1_706_659_200_000), Instant::from_millis(1_706_745_600_000));
    ask(&mut account, january, Command::Spend(6450)).unwrap();
    ask(&mut account, january, Command::Spend(50)).unwrap();
    assert_eq!((account.spent(january), account.spent(february)), (6500, 0));
    ask(&mut account, february, Command::Spend(1)).unwrap();
    assert_eq!(account.spent(february), 1);
    assert_eq!((month(Instant::EPOCH), month(january), month(february)), (0, 648, 649));
}

#[test]
fn settings_are_set_beside_each_other_and_an_empty_one_goes() {
    let mut account = opened();
    let set = |pairs: &[(&str, &str)]| {
        Command::Set(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    ask(&mut account, NOW, set(&[("a", "1"), ("b", "2")])).unwrap();
    ask(&mut account, NOW, set(&[("a", ""), ("c", "3")])).unwrap();
    let kept: Vec<(&str, &str)> = account.settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(kept, [("b", "2"), ("c", "3")]);
}

fn tested() -> Tested {
    let at = Instant::from_millis(2);
    Tested { is_verified: false, password: "12345".into(), at, tries: 1, day: Instant::from_millis(1), passwords: 2 }
}

fn golden() -> Vec<(Effect, &'static str)> {
    let settings: Pairs = [("a".into(), "b".into())].into();
    vec![
        (Effect::Opened(place()), "3030303030303030303030300000000965752d776573742d31"),
        (Effect::SettingsPut(Arc::new(settings)), "0000000100000001610000000162"),
        (Effect::OptedOut(number("+15"), Instant::from_millis(1)), "000000032b31350000000000000001"),
        (Effect::OptedIn(number("+15"), Instant::from_millis(1)), "000000032b31350000000000000001"),
        (
            Effect::Tested(number("+15"), tested()),
            "000000032b313500000000053132333435000000000000000201000000000000000102",
        ),
        (Effect::Forgotten(number("+15")), "000000032b3135"),
        (Effect::Spent(Spent { month: 3, micros: 4 }), "000000030000000000000004"),
        (Effect::Closed, ""),
    ]
}

#[test]
fn records_are_what_they_were() {
    for (effect, bytes) in golden() {
        let mut out = Vec::new();
        effect.encode(&mut out);
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, bytes, "{effect:?}");
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &out), Ok(effect.clone()));
        for length in 0..out.len() {
            assert!(Effect::decode(effect.kind(), 1, &out[..length]).is_err(), "{effect:?} cut at {length}");
        }
        out.push(0);
        assert!(Effect::decode(effect.kind(), 1, &out).is_err());
    }
    assert!(Effect::decode(99, 1, &[]).is_err() && Effect::decode(8, 2, &[]).is_err());
}

#[test]
fn a_snapshot_says_the_whole_account() {
    let mut account = opened();
    for (effect, _) in golden().iter().filter(|(effect, _)| !matches!(effect, Effect::Closed | Effect::Forgotten(_))) {
        account.apply(Position::new(1), effect, &mut Vec::new());
    }
    account.apply(Position::new(1), &Effect::OptedOut(number("+16"), NOW), &mut Vec::new());
    let mut state = Vec::new();
    account.snapshot(&mut state);
    assert_eq!(Account::restore(1, &state).as_ref(), Ok(&account));
    assert!((0..state.len()).all(|length| Account::restore(1, &state[..length]).is_err()));
    assert!(Account::restore(2, &state).is_err());
}

/// Opens the accounts of a disk, and does something with them while their log is committed.
fn with<T>(disk: &Arc<SimDisk>, act: impl AsyncFnOnce(&Accounts) -> T) -> T {
    let mut recovery = Recovery::new(crate::sms::FAMILY, Account::default);
    let clock: Arc<dyn engine::Clock> = Arc::new(ManualClock::at(NOW));
    let disk = Arc::<SimDisk>::clone(disk);
    let store = Store::open(disk, Options::small(1 << 18), clock, &mut [&mut recovery]).unwrap();
    let accounts = Accounts::recovered(Arc::clone(&store), recovery);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut acting = std::pin::pin!(act(&accounts));
        loop {
            tokio::select! {
                biased;
                done = &mut acting => break done,
                () = tokio::task::yield_now() => drop(store.journal().commit()),
            }
        }
    })
}

#[test]
fn every_acknowledged_change_survives_a_power_cut_at_any_moment() {
    let seeds = std::env::var("TIDEWIRE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40_u64);
    for seed in 1..=seeds {
        let (mut disk, mut known) = (Arc::new(SimDisk::new(seed)), 0);
        for life in 0..4 {
            known = with(&disk, async |accounts| {
                let out = accounts.look(&place(), |account| account.opted_out.len()).unwrap();
                // What was acknowledged is there, and behind it the one change at the most that was not answered.
                assert!((known..=known + usize::from(life > 0)).contains(&out), "seed {seed}: {out} of {known}");
                disk.power_off_at(disk.ops() + 1 + queue::spread(seed * 31 + life) % 40);
                let phones = (out..).map(|nth| number(&format!("+1{nth:09}")));
                let mut done = out;
                for phone in phones {
                    if accounts.ask(&place(), Command::OptOut(phone)).await.is_err() {
                        break;
                    }
                    done += 1;
                }
                done
            });
            disk = Arc::new(disk.crash());
        }
        let out = with(&disk, async |accounts| accounts.look(&place(), |account| account.opted_out.len()).unwrap());
        assert!((known..=known + 1).contains(&out), "seed {seed}: {out} of {known}");
    }
}
