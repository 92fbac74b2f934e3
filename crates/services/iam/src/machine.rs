//! The partition of identities as a machine.
//!
//! An operation hands in what it wants as a plan: a pure function of the state and the moment, which says what changes and
//! what is answered, or refuses. So what an operation checks and what it changes is decided in one step, and stands in the
//! operation's own file. Plans are never kept; effects are, and they alone make the state anew.

use crate::records::{Change, Effect};
use crate::refusal::Refusal;
use crate::snapshot;
use crate::state::Realm;
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{Instant, Position};

/// What an operation wants.
pub(crate) type Plan = Box<dyn FnOnce(&Realm, Instant) -> Result<Planned, Refusal> + Send>;

/// What changes, and what is answered.
pub(crate) type Planned = (Vec<Effect>, Box<dyn wire::Write + Send>);

/// What is answered.
pub(crate) type Reply = Result<Replied, Refusal>;

/// The answer to a plan that was carried out.
pub(crate) struct Replied {
    pub(crate) output: Box<dyn wire::Write + Send>,
    /// Whether anything changed.
    pub(crate) is_change: bool,
    /// Access keys that were changed.
    pub(crate) keys: Vec<Box<str>>,
}

fn changed_key(effect: &Effect) -> Option<Box<str>> {
    match effect {
        Effect::Of(_, Change::KeyPut(key)) => Some(key.id.clone()),
        Effect::Of(_, Change::KeyRemoved(id)) => Some(id.clone()),
        _ => None,
    }
}

impl Machine for Realm {
    type Command = Plan;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = snapshot::VERSION;

    fn decide(&self, now: Instant, plan: Plan) -> Decision<Effect, Reply> {
        match plan(self, now) {
            Err(refusal) => Decision::answer(Err(refusal)),
            Ok((mut effects, output)) => {
                if let Some(Effect::Of(account, _)) = effects.first()
                    && self.account(*account).is_none()
                {
                    effects.insert(0, Effect::Of(*account, Change::Opened(now)));
                }
                let (is_change, keys) = (!effects.is_empty(), effects.iter().filter_map(changed_key).collect());
                Decision::change(effects, Ok(Replied { output, is_change, keys }))
            }
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        Realm::apply(self, effect);
    }

    /// Accounts, users and roles, and keys.
    fn tally(&self) -> Tally {
        let entities: usize = self.accounts.values().map(|account| account.entities.len()).sum();
        Tally([self.accounts.len() as u64, entities as u64, self.owners.len() as u64])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        snapshot::write(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        snapshot::read(version, state)
    }
}
