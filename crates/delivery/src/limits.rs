//! Every bound of delivery policies, with its source: AWS, "Amazon SNS message delivery retries".

/// Retries of one delivery over HTTP.
pub const RETRIES_MAX: u32 = 100;

/// The shortest delay that a policy may ask for, in seconds.
pub const DELAY_SECS_MIN: u32 = 1;

/// The longest delay that a policy may ask for, in seconds.
pub const DELAY_SECS_MAX: u32 = 3600;

/// All delays of a policy together, in seconds; a hard limit.
pub const TOTAL_SECS_MAX: u32 = 3600;

/// A retry comes later than planned by this part of its delay at the most, so that receivers that failed together are not tried
/// again together; never earlier, since a policy names the delay that a receiver needs. How AWS spreads them is not documented.
pub(crate) const JITTER_PART: f64 = 0.1;

/// Bytes of a policy's text: that of other policies of a topic (AWS: 30 KB), since none is documented.
pub const POLICY_BYTES_MAX: usize = 30 << 10;

/// How long a receiver may take for the whole of a request, from the first packet on. Source: AWS, "Step 1: Make sure your endpoint is
/// ready to process Amazon SNS messages" (15 seconds).
pub(crate) const RECEIVER_SECS_MAX: u64 = 15;

/// Redirects that a request follows.
pub(crate) const REDIRECTS_MAX: usize = 3;

/// Bytes of an answer that are read; a receiver that goes on behind them has answered all the same, and loses its connection.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Bytes of an answer's head: what usual servers send has one, and proxies in front of receivers allow no more (nginx: 8 KiB a header).
/// It is also what is read of an answer, and written of a request, at one time.
pub(crate) const ANSWER_HEAD_BYTES_MAX: usize = 32 << 10;

/// Bytes of an answer that are told of: an access token of Google's has up to 2048, with what stands around it.
pub(crate) const ANSWER_BYTES_TOLD: usize = 8 << 10;

/// Connections that are kept for the next request, of one receiver and of all: some 10 KiB each.
pub(crate) const IDLE_OF_ONE_MAX: usize = 16;
/// See [`IDLE_OF_ONE_MAX`].
pub const IDLE_MAX: usize = 512;

/// How long a connection is kept without a request: less than the least patient of usual servers have (Node: 5 s).
pub(crate) const IDLE_SECS_MAX: u64 = 4;

/// How long a mail server may take for one mail: those that greet slowly to drive spam away take half a minute. A letter's lease is
/// longer.
pub(crate) const MAIL_SECS_MAX: u64 = 60;

/// How long a message center may take for one message, all its parts and the wait for a session among it. A letter's lease is longer.
pub(crate) const SMS_SECS_MAX: u64 = 20;

/// A session that was not used for so long is asked whether it is alive before it is used, and how long it may take to say so.
pub(crate) const SMPP_PROBE_SECS_MAX: u64 = 5;

/// A session that was not used for so long is unbound: centers end idle ones after one to some minutes.
pub(crate) const SMPP_IDLE_SECS_MAX: u64 = 50;

/// How often a center that says nothing is asked whether it is there.
pub(crate) const SMPP_ENQUIRE_SECS: u64 = 30;

const _: () = assert!(SMPP_PROBE_SECS_MAX < SMPP_IDLE_SECS_MAX && SMPP_PROBE_SECS_MAX < SMS_SECS_MAX);

/// Bytes of a notification to Apple's service, and of one about a call. Source: Apple, "Generating a remote notification".
pub(crate) const APNS_PUSH_BYTES_MAX: usize = 4096;
/// See [`APNS_PUSH_BYTES_MAX`].
pub(crate) const APNS_VOIP_BYTES_MAX: usize = 5120;

/// Connections over HTTP/2 that are kept: one for each service and certificate, some 30 KiB each.
pub(crate) const HTTP2_CONNECTIONS_MAX: usize = 128;
