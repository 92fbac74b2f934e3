//! What an account says of its short messages in a region, as a machine: settings, who opted out, the numbers of its sandbox, and what
//! this month has cost.
//!
//! One partition is one account in one region; its first record says which. Time and one-time passwords come inside the command. Who
//! opted in is remembered for thirty days, since a number is opted in once in so long.

use super::limits::{
    DAY_MILLIS, OPT_IN_MILLIS, OPTED_OUT_MAX, PASSWORD_MILLIS, PASSWORD_TRIES_MAX, PASSWORDS_MAX, SANDBOX_MAX,
};
use super::number::Number;
use super::records::{self, Effect};
use super::settings::Micros;
use crate::api::errors;
use crate::refusal::Refusal;
use crate::topic::Pairs;
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{AccountId, Instant, Position, Region};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Whose settings they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

/// A number of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tested {
    pub(crate) is_verified: bool,
    /// The latest one-time password; none when it has been used or given up.
    pub(crate) password: Box<str>,
    /// When it was last sent one, or verified, or tried to be.
    pub(crate) at: Instant,
    /// Wrong passwords since the latest one was sent.
    pub(crate) tries: u8,
    /// When the first one within a day was sent, and how many since.
    pub(crate) day: Instant,
    pub(crate) passwords: u8,
}

/// What a month has cost; the month is counted from January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    pub(crate) month: u32,
    pub(crate) micros: Micros,
}

/// The state of an account in a region.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Account {
    /// None before its first record.
    pub(crate) place: Option<Place>,
    pub(crate) settings: Arc<Pairs>,
    pub(crate) opted_out: BTreeMap<Number, Instant>,
    pub(crate) opted_in: BTreeMap<Number, Instant>,
    pub(crate) sandbox: BTreeMap<Number, Tested>,
    pub(crate) spent: Spent,
    pub(crate) is_over: bool,
}

/// What may be asked.
#[derive(Debug)]
pub(crate) enum Command {
    Open(Place),
    /// Settings to values; an empty one takes it away.
    Set(Vec<(String, String)>),
    OptOut(Number),
    OptIn(Number),
    /// A number into the sandbox, or its next one-time password.
    Test(Number, Box<str>),
    /// A number and the password that somebody says it got.
    Verify(Number, Box<str>),
    Forget(Number),
    /// What a message has cost.
    Spend(Micros),
    /// Everything goes.
    Close,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Done,
    Refused(Refusal),
}

type Decided = Result<Vec<Effect>, Refusal>;

/// The month of a moment.
pub(crate) fn month(at: Instant) -> u32 {
    // Days from the civil calendar's eras, as in `wire::Timestamp`, which shows year and month first.
    let text = wire::Timestamp::from_millis(at.as_millis().cast_signed()).to_string();
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    (number(0..4).saturating_sub(1970)) * 12 + number(5..7).saturating_sub(1)
}

impl Account {
    /// What this month has cost.
    pub(crate) fn spent(&self, now: Instant) -> Micros {
        if self.spent.month == month(now) { self.spent.micros } else { 0 }
    }

    /// Who opted out, in the order of their digits behind a text.
    pub(crate) fn opted_out_behind(&self, after: &str, most: usize) -> Vec<String> {
        // A number sorts as its text does.
        let from = Number::read(after).map_or(Bound::Unbounded, Bound::Excluded);
        self.opted_out
            .range((from, Bound::Unbounded))
            .take(most)
            .map(|(number, _)| number.as_str().to_owned())
            .collect()
    }

    /// The numbers of the sandbox behind a text, and whether each is verified.
    pub(crate) fn tested_behind(&self, after: &str) -> Vec<(Number, bool)> {
        let behind = self.sandbox.iter().filter(|(number, _)| number.as_str() > after);
        behind.map(|(number, tested)| (number.clone(), tested.is_verified)).collect()
    }

    fn decide_change(&self, now: Instant, command: Command) -> Decided {
        match command {
            Command::Open(_) => Ok(Vec::new()),
            Command::Set(given) => Ok(self.set(given)),
            Command::OptOut(number) => self.opt_out(number, now),
            Command::OptIn(number) => self.opt_in(number, now),
            Command::Test(number, password) => self.test(number, password, now),
            Command::Verify(number, password) => self.verify(number, &password, now),
            Command::Forget(number) => self.forget(number, now),
            Command::Spend(micros) => {
                let micros = self.spent(now).saturating_add(micros);
                Ok(vec![Effect::Spent(Spent { month: month(now), micros })])
            }
            Command::Close => Ok(vec![Effect::Closed]),
        }
    }

    fn set(&self, given: Vec<(String, String)>) -> Vec<Effect> {
        let mut after = Pairs::clone(&self.settings);
        for (name, value) in given {
            match value.is_empty() {
                true => _ = after.remove(name.as_str()),
                false => _ = after.insert(name.into(), value.into()),
            }
        }
        if after == *self.settings { Vec::new() } else { vec![Effect::SettingsPut(Arc::new(after))] }
    }

    fn opt_out(&self, number: Number, now: Instant) -> Decided {
        match (self.opted_out.contains_key(&number), self.opted_out.len() < OPTED_OUT_MAX) {
            (true, _) => Ok(Vec::new()),
            (false, true) => Ok(vec![Effect::OptedOut(number, now)]),
            (false, false) => {
                Err(Refusal::new(&errors::INTERNAL_ERROR_EXCEPTION, "Too many numbers of this account have opted out"))
            }
        }
    }

    fn opt_in(&self, number: Number, now: Instant) -> Decided {
        if !self.opted_out.contains_key(&number) {
            return Ok(Vec::new());
        }
        match self.opted_in.get(&number).filter(|at| now < at.plus_millis(OPT_IN_MILLIS)) {
            Some(at) => Err(Refusal::invalid(format!(
                "PhoneNumber Reason: Cannot opt in right now, latest opt in is too recent: {}",
                crate::message::show_time(*at)
            ))),
            None => Ok(vec![Effect::OptedIn(number, now)]),
        }
    }

    fn test(&self, number: Number, password: Box<str>, now: Instant) -> Decided {
        let user = |why: &'static str| Err(Refusal::new(&errors::USER_ERROR_EXCEPTION, why));
        if self.opted_out.contains_key(&number) {
            return Err(Refusal::new(&errors::OPTED_OUT_EXCEPTION, "Phone number is opted out"));
        }
        let fresh = Tested { is_verified: false, password, at: now, tries: 0, day: now, passwords: 1 };
        let tested = match self.sandbox.get(&number) {
            None if self.sandbox.len() >= SANDBOX_MAX => {
                return user("The SMS sandbox has 10 destination phone numbers, which is the limit");
            }
            None => fresh,
            Some(known) if known.is_verified => return user("The phone number is verified already"),
            Some(known) if now >= known.day.plus_millis(DAY_MILLIS) => fresh,
            Some(known) if known.passwords >= PASSWORDS_MAX => {
                return user("The phone number was sent five one-time passwords within 24 hours, which is the limit");
            }
            Some(known) => Tested { day: known.day, passwords: known.passwords + 1, ..fresh },
        };
        Ok(vec![Effect::Tested(number, tested)])
    }

    /// A wrong password is noted, and refused all the same: see [`Account::decide`].
    fn verify(&self, number: Number, password: &str, now: Instant) -> Decided {
        let known = self.sandbox.get(&number).ok_or_else(Refusal::no_number)?;
        if known.is_verified {
            return Ok(Vec::new());
        }
        let is_right = is_same(&known.password, password)
            && known.tries < PASSWORD_TRIES_MAX
            && now < known.at.plus_millis(PASSWORD_MILLIS);
        let after = match is_right {
            true => Tested { is_verified: true, password: "".into(), at: now, ..known.clone() },
            false => Tested { tries: known.tries.saturating_add(1), ..known.clone() },
        };
        Ok(vec![Effect::Tested(number, after)])
    }

    fn forget(&self, number: Number, now: Instant) -> Decided {
        let known = self.sandbox.get(&number).ok_or_else(Refusal::no_number)?;
        match now < known.at.plus_millis(DAY_MILLIS) && known.is_verified {
            true => Err(Refusal::new(
                &errors::USER_ERROR_EXCEPTION,
                "A phone number can be deleted 24 hours after it was verified",
            )),
            false => Ok(vec![Effect::Forgotten(number)]),
        }
    }
}

/// Takes as long whatever is wrong.
fn is_same(ours: &str, theirs: &str) -> bool {
    !ours.is_empty()
        && ours.len() == theirs.len()
        && ours.bytes().zip(theirs.bytes()).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs)) == 0
}

/// Whether an effect is the note of a wrong password.
fn is_wrong_try(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Tested(_, Tested { is_verified: false, .. })])
}

impl Machine for Account {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::SNAPSHOT_VERSION;

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        if let (Command::Open(place), None) = (&command, &self.place) {
            return Decision::change(vec![Effect::Opened(place.clone())], Reply::Done);
        }
        let is_verifying = matches!(command, Command::Verify(..));
        match self.decide_change(now, command) {
            Ok(effects) if effects.is_empty() => Decision::answer(Reply::Done),
            Ok(effects) if is_verifying && is_wrong_try(&effects) => {
                let error = &errors::VERIFICATION_EXCEPTION;
                Decision::change(effects, Reply::Refused(Refusal::new(error, "The one-time password is not valid")))
            }
            Ok(effects) => Decision::change(effects, Reply::Done),
            Err(refusal) => Decision::answer(Reply::Refused(refusal)),
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        match effect {
            Effect::Opened(place) => self.place = Some(place.clone()),
            Effect::SettingsPut(settings) => self.settings = Arc::clone(settings),
            Effect::OptedOut(number, at) => _ = self.opted_out.insert(number.clone(), *at),
            Effect::OptedIn(number, at) => {
                self.opted_out.remove(number);
                self.opted_in.retain(|_, before| *at < before.plus_millis(OPT_IN_MILLIS));
                self.opted_in.insert(number.clone(), *at);
            }
            Effect::Tested(number, tested) => _ = self.sandbox.insert(number.clone(), tested.clone()),
            Effect::Forgotten(number) => _ = self.sandbox.remove(number),
            Effect::Spent(spent) => self.spent = *spent,
            Effect::Closed => self.is_over = true,
        }
    }

    fn tally(&self) -> Tally {
        Tally([u64::from(!self.is_over), self.opted_out.len() as u64, self.sandbox.len() as u64])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_account(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::SNAPSHOT_VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::account(state).ok_or_else(|| malformed("an account's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
