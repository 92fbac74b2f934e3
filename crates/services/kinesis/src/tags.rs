//! Tags: what is taken. The model bounds keys and values; how many a resource has is decided by its machine.

use crate::refusal::Refusal;
use crate::settings::Tags;

/// The tags of a request.
pub(crate) fn checked(tags: Vec<(String, String)>) -> Result<Tags, Refusal> {
    match tags.iter().find(|(key, _)| key.to_ascii_lowercase().starts_with("aws:")) {
        Some((key, _)) => {
            Err(Refusal::invalid(format!("Tag keys that begin with aws: are reserved, and so is {key}.")))
        }
        None => Ok(tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
    }
}
