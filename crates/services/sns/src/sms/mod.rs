//! Short messages: to numbers that a publish names, and to subscriptions of the protocol `sms`.
//!
//! What an account says of them (settings, who opted out, the sandbox) is a machine of its own (`account.rs`), durable as all else. A
//! message for a number waits in an outbox as one for a subscription does: `direct.rs` makes one for each account and region. When its
//! turn comes `sending.rs` asks the account whether it may go, and hands it to the operator's gateway, or to `kept.rs`, which shows the
//! latest. ADR 0046.

mod account;
mod accounts;
mod direct;
mod kept;
mod limits;
mod number;
mod records;
mod sending;
mod settings;

pub(crate) use account::{Account, Command, Place};
pub(crate) use direct::{DIRECT, publish, publish_text, served};
pub(crate) use limits::{OPTED_OUT_LISTED, ORIGINATION_LISTED, PASSWORD_DIGITS, SANDBOX_LISTED};
pub(crate) use number::Number;
pub(crate) use records::Effect;
pub use records::FAMILY;
pub(crate) use sending::{ATTRIBUTES, Facts, deliver, destination};
pub use sending::{Gateway, Options};
pub use settings::micros;
pub(crate) use settings::{Settings, check};

use crate::service::Inner;
use crate::topic::Pairs;
use crate::topic_key::TopicKey;
use accounts::Accounts;
use engine::{Recovery, Store, Unavailable};
use kept::Latest;
use std::sync::Arc;

/// What an account asks to be told of its messages, as a topic's attributes say it of other protocols.
pub(crate) fn feedback(inner: &Inner, key: &TopicKey) -> Pairs {
    let place = Place { account: key.account, region: key.region.clone() };
    let asked = inner.messages.accounts.look(&place, |account| Settings(&account.settings).feedback());
    asked.unwrap_or_default()
}

/// The answers by which a phone opts out. Source: Developer Guide, "Opting out of receiving SMS messages".
const OPT_OUT_WORDS: [&str; 8] = ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP"];

/// All that is of short messages.
pub(crate) struct Messages {
    pub(crate) accounts: Accounts,
    pub(crate) latest: Latest,
    pub(crate) options: Options,
}

impl Messages {
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Account>, options: Options) -> Self {
        Self { accounts: Accounts::recovered(store, recovery), latest: Latest::default(), options }
    }

    /// Takes what a phone answers; whether what follows from it is kept.
    pub(crate) async fn hear(&self, number: &str, text: &str) -> bool {
        let word = text.trim().trim_end_matches(['.', '!']).to_uppercase();
        let Some(number) = Number::read(number).filter(|_| OPT_OUT_WORDS.contains(&word.as_str())) else {
            return true;
        };
        match self.accounts.opt_out_everywhere(&number).await {
            Ok(accounts) => {
                tracing::info!(accounts, "a phone opts out of short messages");
                true
            }
            Err(refusal) => {
                tracing::warn!(why = %refusal.message, "that a phone opts out cannot be kept now");
                false
            }
        }
    }

    /// Forgets all that accounts ever said, and what went out.
    pub(crate) async fn delete_all(&self) -> Result<(), Unavailable> {
        self.latest.clear_all();
        self.accounts.delete_all().await
    }
}
