//! What names a record to the consumers of a queue: a receipt handle for one receive, and a record id for ever.
//!
//! ```text
//! receipt handle  version 1 │ queue's partition 8 │ shard 4 │ counter 8 │ receipt 8, in base64
//! record id       stream's partition 16 │ shard 8 │ counter 16 digits of base 16
//! ```
//! The receipt is a random number of the receive, which the queue remembers until the record is received again: who was not given it does
//! not guess it, and a handle of another queue is none of this one. The record id is made of what names the record in its stream, and
//! so it is the same in all queues; no partition's number is given twice, no counter within a shard either.

use super::held::Place;
use super::machine::Claim;
use engine::fields::Fields;
use gateway::RequestId;
use names::PartitionId;

const VERSION: u8 = 1;

/// A receipt handle.
pub(crate) fn handle(queue: PartitionId, claim: &Claim) -> String {
    let (shard, counter) = claim.place;
    let mut bytes = vec![VERSION];
    bytes.extend(queue.get().to_be_bytes());
    bytes.extend(shard.to_be_bytes());
    bytes.extend(counter.to_be_bytes());
    bytes.extend(claim.receipt.to_be_bytes());
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// What a handle of this queue claims.
pub(crate) fn claimed(queue: PartitionId, handle: &str) -> Option<Claim> {
    let bytes = base64_simd::STANDARD.decode_to_vec(handle).ok()?;
    let mut fields = Fields::new(&bytes);
    fields.byte().filter(|version| *version == VERSION)?;
    fields.u64().filter(|of| *of == queue.get())?;
    let place = fields.u32().zip(fields.u64())?;
    let receipt = fields.u64()?;
    fields.end(Claim { place, receipt })
}

/// The name of a record in all queues of its stream.
pub(crate) fn record_id(stream: PartitionId, (shard, counter): Place) -> String {
    format!("{:016x}{shard:08x}{counter:016x}", stream.get())
}

/// A random number of a request, never 0: its id is one, which nobody but the caller and the logs of the server's owner get to see. Of
/// the id's halves none has its fixed bits where the other has.
pub(crate) fn chance(id: RequestId) -> u64 {
    let bits = bits(id);
    ((bits >> 64) as u64 ^ bits as u64).max(1)
}

/// What the ARN of a queue ends with that a request makes.
pub(crate) fn queue_id(id: RequestId) -> Box<str> {
    format!("{:032x}", bits(id)).into()
}

fn bits(id: RequestId) -> u128 {
    let digits = id.as_str().chars().filter_map(|digit| digit.to_digit(16));
    digits.fold(0, |bits, digit| bits << 4 | u128::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: PartitionId = PartitionId::of_family(6, 3);

    #[test]
    fn a_handle_is_good_for_its_queue_alone() {
        let claim = Claim { place: (2, 9), receipt: 0x1234_5678_9abc_def0 };
        let shown = handle(QUEUE, &claim);
        assert_eq!(claimed(QUEUE, &shown), Some(claim));
        assert_eq!(claimed(PartitionId::of_family(6, 4), &shown), None);
        for wrong in ["", "AAAA", "no base64!", &shown[4..]] {
            assert_eq!(claimed(QUEUE, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_record_id_has_digits_and_small_letters_and_no_two_records_the_same() {
        let (one, other) =
            (record_id(PartitionId::of_family(4, 1), (1, 16)), record_id(PartitionId::of_family(4, 1), (11, 6)));
        assert_ne!(one, other);
        assert!(one.len() <= 64 && one.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
    }

    #[test]
    fn all_bits_of_a_requests_number_are_chance() {
        let all: [u64; 2] = [0, u128::MAX].map(|bits| chance(RequestId::from_random(bits)));
        let each = (0..128).map(|bit| chance(RequestId::from_random(1 << bit)) ^ all[0]);
        assert_eq!(each.fold(0, |seen, one| seen | one), u64::MAX, "each bit of it follows one of the id");
        assert_eq!(queue_id(RequestId::from_random(0)).len(), 32);
    }
}
