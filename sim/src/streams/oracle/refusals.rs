//! Which errors a situation allows.

use super::places::State;
use super::{Intent, Situation, Streams};
use crate::client::Answer;
use crate::oracle::Verdict;
use crate::streams::{From, ITERATOR_MILLIS, Reshard};

impl Streams {
    /// Takes note of an answer other than 200, or says why it must not be.
    pub(super) fn refused(&mut self, intent: &Intent, now: &Situation, answer: &Answer) -> Verdict {
        // How far a group is behind is read off the records.
        let is_read = matches!(intent, Intent::Read { .. } | Intent::Receive { .. } | Intent::DescribeGroup);
        if !now.excuses(answer, is_read) && !self.is_allowed(intent, now, answer) {
            let Answer { status, code, body } = answer;
            return Err(format!("{intent:?} is answered with {status} {code}: {body}"));
        }
        if let Intent::Put { records, .. } = intent {
            // Of several records some may have been taken before the stream was gone, or before the log stopped.
            let is_whole = answer.status == 408;
            let state = if is_whole { State::Never } else { State::Unknown };
            records.iter().for_each(|number| self.records[*number].becomes(state));
        }
        Ok(())
    }

    fn is_allowed(&self, intent: &Intent, now: &Situation, answer: &Answer) -> bool {
        let stream = &self.streams[intent.stream()];
        let may_be_gone = !stream.must_exist(now.asked);
        match (answer.status, answer.code.as_str()) {
            (400, "ResourceNotFoundException") => match intent {
                Intent::Read { reader, .. } => {
                    let is_forgotten = self.may_be_forgotten(reader.stream, reader.index);
                    is_forgotten || stream.may_be_deleted_since(reader.began.0) || may_be_gone
                }
                // A shard whose records have all expired is forgotten.
                Intent::Iterate { shard: (index, _), known, .. } => {
                    !stream.must_exist(*known) || may_be_gone || self.may_be_forgotten(intent.stream(), *index)
                }
                Intent::Reshard { listed, reshard, .. } => {
                    let mut named = reshard.shards().iter();
                    !stream.must_exist(*listed)
                        || may_be_gone
                        || named.any(|key| self.may_be_forgotten(intent.stream(), key.index))
                }
                Intent::Create { .. } => false,
                Intent::Commit { of: (index, _), .. } => self.may_be_forgotten(intent.stream(), *index),
                _ => may_be_gone,
            },
            (400, "ConditionalCheckFailedException") => match intent {
                Intent::Take { lease, from, .. } => self.may_be_taken(*lease, *from),
                _ => false,
            },
            // Who was silent for too long, or has left.
            (400, "UnknownMemberException") => {
                matches!(intent, Intent::Join { comes: false, .. } | Intent::Leave { .. } | Intent::Commit { .. })
            }
            (400, "StaleGenerationException") => matches!(intent, Intent::Commit { .. }),
            (400, "ResourceInUseException") => matches!(intent, Intent::Create { .. }) && !stream.is_gone(now.asked),
            (400, "ExpiredIteratorException") => match intent {
                Intent::Read { reader, .. } => now.wall > reader.made.0 + ITERATOR_MILLIS,
                _ => false,
            },
            (400, "InvalidArgumentException") => match intent {
                Intent::Reshard { listed, reshard, .. } => {
                    let is_known = stream.must_exist(*listed) && stream.is_undisturbed(*listed, now.asked);
                    !is_known || matches!(reshard, Reshard::Count(_))
                }
                Intent::Commit { of: (index, _), number, .. } => self.may_be_behind(*index, *number),
                Intent::Retain { hours, is_more: true, .. } => *hours < stream.hours_max(),
                Intent::Retain { hours, .. } => *hours > stream.hours_min(),
                // A number of a stream before this one.
                Intent::Iterate { from: From::At(_) | From::After(_), known, .. } => !stream.must_exist(*known),
                // The shard of the iterator is forgotten.
                Intent::Read { reader, .. } => self.may_be_forgotten(reader.stream, reader.index),
                _ => false,
            },
            _ => false,
        }
    }

    fn may_be_forgotten(&self, stream: usize, index: u32) -> bool {
        let stream = &self.streams[stream];
        let mut named = stream.shards.iter().filter(|(key, _)| key.index == index).peekable();
        named.peek().is_none() || named.any(|(_, shard)| shard.may_be_forgotten(stream.horizon_max))
    }
}
