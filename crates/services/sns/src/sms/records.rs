//! Every record of an account's short messages, on one screen. Written with `engine::fields`.
//!
//! ```text
//! kind 1 v1     opened         account 12 │ region text
//! kind 2 v1     settings put   count 4 × ( name text │ value text )
//! kind 3 v1     opted out      number text │ at 8
//! kind 4 v1     opted in       number text │ at 8
//! kind 5 v1     tested         number text │ tested
//! kind 6 v1     forgotten      number text
//! kind 7 v1     spent          spent
//! kind 8 v1     closed         (nothing)
//! tested        verified 1 │ password text │ at 8 │ wrong tries 1 │ first password of the day 8 │ passwords of the day 1
//! spent         month 4, from January 1970 │ millionths of a US dollar 8
//! snapshot v1   as opened │ settings │ count 4 × opted out │ count 4 × opted in │ count 4 × ( number text │ tested ) │ spent
//! ```

use super::account::{Account, Place, Spent, Tested};
use super::number::Number;
use crate::records::pairs;
use crate::topic::Pairs;
use engine::MalformedRecord;
use engine::fields::{Fields, put_count, put_instant, put_pairs, put_text};
use names::Instant;
use std::sync::Arc;

/// The family of partitions that hold what accounts say of short messages.
pub const FAMILY: u8 = 12;

const VERSION: u8 = 1;
pub(super) const SNAPSHOT_VERSION: u8 = 1;

const OPENED: u8 = 1;
const SETTINGS_PUT: u8 = 2;
const OPTED_OUT: u8 = 3;
const OPTED_IN: u8 = 4;
const TESTED: u8 = 5;
const FORGOTTEN: u8 = 6;
const SPENT: u8 = 7;
const CLOSED: u8 = 8;

/// A journaled change of an account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Opened(Place),
    SettingsPut(Arc<Pairs>),
    OptedOut(Number, Instant),
    OptedIn(Number, Instant),
    Tested(Number, Tested),
    Forgotten(Number),
    Spent(Spent),
    Closed,
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => OPENED,
            Self::SettingsPut(_) => SETTINGS_PUT,
            Self::OptedOut(..) => OPTED_OUT,
            Self::OptedIn(..) => OPTED_IN,
            Self::Tested(..) => TESTED,
            Self::Forgotten(_) => FORGOTTEN,
            Self::Spent(_) => SPENT,
            Self::Closed => CLOSED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened(place) => put_place(place, out),
            Self::SettingsPut(settings) => put_pairs(pairs(settings), out),
            Self::OptedOut(number, at) | Self::OptedIn(number, at) => put_moment((number, at), out),
            Self::Tested(number, tested) => put_tested((number, tested), out),
            Self::Forgotten(number) => put_text(number.as_str(), out),
            Self::Spent(spent) => put_spent(*spent, out),
            Self::Closed => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            OPENED => place(&mut fields).map(Self::Opened),
            SETTINGS_PUT => fields.pairs().map(|settings| Self::SettingsPut(Arc::new(settings))),
            OPTED_OUT => moment(&mut fields).map(|(number, at)| Self::OptedOut(number, at)),
            OPTED_IN => moment(&mut fields).map(|(number, at)| Self::OptedIn(number, at)),
            TESTED => tested(&mut fields).map(|(number, tested)| Self::Tested(number, tested)),
            FORGOTTEN => number(&mut fields).map(Self::Forgotten),
            SPENT => spent(&mut fields).map(Self::Spent),
            CLOSED => Some(Self::Closed),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::OptedIn(..) | Self::Forgotten(_) | Self::Closed)
    }
}

/// The whole state; before its first record an account has none.
pub(super) fn put_account(account: &Account, out: &mut Vec<u8>) {
    let Some(place) = &account.place else { return };
    put_place(place, out);
    put_pairs(pairs(&account.settings), out);
    for numbers in [&account.opted_out, &account.opted_in] {
        put_count(numbers.len(), out);
        numbers.iter().for_each(|pair| put_moment(pair, out));
    }
    put_count(account.sandbox.len(), out);
    account.sandbox.iter().for_each(|pair| put_tested(pair, out));
    put_spent(account.spent, out);
}

/// Reads what [`put_account`] wrote.
pub(super) fn account(state: &[u8]) -> Option<Account> {
    let mut fields = Fields::new(state);
    let account = Account {
        place: Some(place(&mut fields)?),
        settings: Arc::new(fields.pairs()?),
        opted_out: fields.list(moment)?,
        opted_in: fields.list(moment)?,
        sandbox: fields.list(tested)?,
        spent: spent(&mut fields)?,
        is_over: false,
    };
    fields.end(account)
}

fn put_place(place: &Place, out: &mut Vec<u8>) {
    out.extend(place.account.as_str().as_bytes());
    put_text(place.region.as_str(), out);
}

fn place(fields: &mut Fields<'_>) -> Option<Place> {
    Some(Place { account: fields.account()?, region: fields.region()? })
}

fn number(fields: &mut Fields<'_>) -> Option<Number> {
    Number::read(&fields.text()?)
}

fn put_moment((number, at): (&Number, &Instant), out: &mut Vec<u8>) {
    put_text(number.as_str(), out);
    put_instant(*at, out);
}

fn moment(fields: &mut Fields<'_>) -> Option<(Number, Instant)> {
    Some((number(fields)?, fields.instant()?))
}

fn put_tested((number, tested): (&Number, &Tested), out: &mut Vec<u8>) {
    put_text(number.as_str(), out);
    out.push(u8::from(tested.is_verified));
    put_text(&tested.password, out);
    put_instant(tested.at, out);
    out.push(tested.tries);
    put_instant(tested.day, out);
    out.push(tested.passwords);
}

fn tested(fields: &mut Fields<'_>) -> Option<(Number, Tested)> {
    let number = number(fields)?;
    let tested = Tested {
        is_verified: fields.flag()?,
        password: fields.text()?,
        at: fields.instant()?,
        tries: fields.byte()?,
        day: fields.instant()?,
        passwords: fields.byte()?,
    };
    Some((number, tested))
}

fn put_spent(spent: Spent, out: &mut Vec<u8>) {
    out.extend(spent.month.to_be_bytes());
    out.extend(spent.micros.to_be_bytes());
}

fn spent(fields: &mut Fields<'_>) -> Option<Spent> {
    Some(Spent { month: fields.u32()?, micros: fields.u64()? })
}
