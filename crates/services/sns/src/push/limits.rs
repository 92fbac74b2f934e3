//! Every bound of mobile push, with its source: the API reference of SNS unless said otherwise.

/// Characters of an application's name.
pub(crate) const NAME_LEN_MAX: usize = 256;

/// Applications of an account in a region. AWS names no number; here each takes some KiB, and a queue for what is published to it.
pub(crate) const APPLICATIONS_MAX: usize = 10_000;

/// Endpoints of a page, which is a partition: what is written anew when one of them changes, and what is read to find one.
pub(crate) const PAGE_ENDPOINTS: u16 = 512;

/// Pages of an application: four million endpoints. AWS names no number; here each takes 234 bytes of memory with a token of 64 characters
/// (measured: `bytes_an_endpoint_takes` in `crash_tests.rs`), so a full application takes one GB.
pub(crate) const PAGES_MAX: u32 = 8192;

/// Bytes of a device's token, and characters of one of Apple's (refusals of AWS, as clients quote them).
pub(crate) const TOKEN_BYTES_MAX: usize = 8192;
/// See [`TOKEN_BYTES_MAX`].
pub(crate) const APPLE_TOKEN_LEN_MAX: usize = 400;

/// Bytes of what an endpoint's owner keeps beside it.
pub(crate) const USER_DATA_BYTES_MAX: usize = 2048;

/// Bytes of a credential or principal: a chain of certificates, or a service account, with room.
pub(crate) const CREDENTIAL_BYTES_MAX: usize = 32 << 10;

/// Bytes of a notification to Google's and Amazon's services (Firebase, "About FCM messages"; Amazon, "Send a message").
pub(crate) const FCM_BYTES_MAX: usize = 4096;
/// See [`FCM_BYTES_MAX`].
pub(crate) const ADM_BYTES_MAX: usize = 6144;

/// Messages that are kept for whoever looks at what was sent, of all endpoints together, and their bytes.
pub(crate) const SHOWN_MESSAGES_MAX: usize = 1000;
/// See [`SHOWN_MESSAGES_MAX`].
pub(crate) const SHOWN_BYTES_MAX: usize = 8 << 20;

/// How long a token that we sign for Apple is used: it counts for an hour, and Apple's clock may differ.
pub(crate) const APNS_TOKEN_SECS: u64 = 50 * 60;

/// How long before its end an access token is not used any more.
pub(crate) const ACCESS_SPARE_SECS: u64 = 60;

/// How long nobody asks for access again that was asked for in vain.
pub(crate) const ACCESS_PAUSE_SECS: u64 = 5;

/// How long a dependency's access token is used that says nothing of its end.
pub(crate) const ACCESS_SECS_DEFAULT: u64 = 5 * 60;

const _: () = assert!(PAGES_MAX as u64 * PAGE_ENDPOINTS as u64 <= u32::MAX as u64);
