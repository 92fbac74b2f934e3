//! Every bound of short messages, with its source: the API reference and "Mobile text messaging" unless said otherwise.

/// Characters of a message ("The total size quota for a single SMS publish action is 1,600 characters").
pub(crate) const TEXT_LEN_MAX: usize = 1600;

/// Characters of a sender's name.
pub(crate) const SENDER_LEN_MAX: usize = 11;

/// Characters of a topic's display name that stand before a message.
pub(crate) const PREFIX_LEN_MAX: usize = 10;

/// Numbers in a piece of ListPhoneNumbersOptedOut ("up to 100 phone numbers").
pub(crate) const OPTED_OUT_LISTED: usize = 100;

/// Numbers in a piece of ListSMSSandboxPhoneNumbers and of ListOriginationNumbers, where nobody says fewer.
pub(crate) const SANDBOX_LISTED: usize = 100;
pub(crate) const ORIGINATION_LISTED: usize = 30;

/// Numbers of an account in a region that opted out: some 60 bytes each, in memory. Who opts out behind them is told no, and stays in.
/// AWS names none.
pub(crate) const OPTED_OUT_MAX: usize = 1_000_000;

/// How long a number that was opted in cannot be again ("once every 30 days").
pub(crate) const OPT_IN_MILLIS: u64 = 30 * 24 * 3_600_000;

/// Numbers of a sandbox ("up to 10 verified destination phone numbers").
pub(crate) const SANDBOX_MAX: usize = 10;

/// How long a one-time password counts, and how often a wrong one may be given for it ("SMS sandbox" says 15 minutes).
pub(crate) const PASSWORD_MILLIS: u64 = 15 * 60_000;
pub(crate) const PASSWORD_TRIES_MAX: u8 = 5;

/// One-time passwords for a number within a day ("up to five times in each 24-hour period").
pub(crate) const PASSWORDS_MAX: u8 = 5;
pub(crate) const DAY_MILLIS: u64 = 24 * 3_600_000;

/// Digits of a one-time password; the operation takes five to eight.
pub(crate) const PASSWORD_DIGITS: u32 = 6;

/// Messages that `/_aws/sns/sms-messages` shows, of all accounts: some 10 KiB each at the most. The oldest go first.
pub(crate) const KEPT_MAX: usize = 1000;
