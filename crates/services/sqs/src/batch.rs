//! What all batch operations check alike, before anything of the batch is carried out.

use crate::api::BatchResultErrorEntry;
use crate::limits;
use crate::refusal::Refusal;
use wire::schema::Fault;

/// Refuses a batch whose number of entries or whose ids AWS refuses as a whole. `entry` is the name of an entry's shape.
pub(crate) fn check<'a>(entry: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Refusal> {
    match ids.len() {
        0 => return Err(Refusal::empty_batch(entry)),
        count if count > limits::BATCH_ENTRIES_MAX => return Err(Refusal::too_many_entries(count)),
        _ => {}
    }
    // So few are compared with each other sooner than they are hashed.
    let mut seen = Vec::with_capacity(limits::BATCH_ENTRIES_MAX);
    for id in ids {
        if !is_entry_id(id) {
            return Err(Refusal::invalid_entry_id());
        }
        if seen.contains(&id) {
            return Err(Refusal::entry_ids_not_distinct(id));
        }
        seen.push(id);
    }
    Ok(())
}

/// What became of the entries of a batch, by their ids.
#[derive(Default)]
pub(crate) struct Outcomes {
    pub(crate) successful: Vec<String>,
    pub(crate) failed: Vec<BatchResultErrorEntry>,
}

impl Outcomes {
    /// An entry that came to this.
    pub(crate) fn add(&mut self, id: String, outcome: Result<(), Refusal>) {
        match outcome {
            Ok(()) => self.successful.push(id),
            Err(refusal) => self.failed(id, refusal),
        }
    }

    /// An entry that was refused.
    pub(crate) fn failed(&mut self, id: String, refusal: Refusal) {
        self.failed.push(failure(id, refusal));
    }
}

/// How a batch's reply shows an entry that was refused.
pub(crate) fn failure(id: String, refusal: Refusal) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        sender_fault: refusal.error.fault == Fault::Sender,
        code: refusal.error.query_code.to_string(),
        message: Some(refusal.message.into_owned()),
    }
}

fn is_entry_id(id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=limits::BATCH_ENTRY_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(ids: &[&str]) -> Option<&'static str> {
        check("Entry", ids.iter().copied()).err().map(|refusal| refusal.error.name)
    }

    #[test]
    fn a_batch_is_refused_whole_for_its_ids() {
        let eleven: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
        let long = "x".repeat(81);
        for (ids, expected) in [
            (&[][..], Some("EmptyBatchRequest")),
            (&eleven, Some("TooManyEntriesInBatchRequest")),
            (&["a", "b", "a"], Some("BatchEntryIdsNotDistinct")),
            (&["a b"], Some("InvalidBatchEntryId")),
            (&[""], Some("InvalidBatchEntryId")),
            (&[&long], Some("InvalidBatchEntryId")),
            (&["a", "B-2_c", &long[..80]], None),
        ] {
            assert_eq!(code(ids), expected, "{ids:?}");
        }
    }
}
