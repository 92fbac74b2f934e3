//! An SQS queue's state as bytes: what it is called and set to, then the queue machine's own snapshot. Integers are
//! big-endian.
//!
//! ```text
//! version 2   created at 8 │ modified at 8 │ account 12 │ region length 1, region │ name length 1, name
//!             │ attributes (as in records.rs) │ version of the queue machine's snapshot 1 │ that snapshot
//! version 1   the same; its attributes have no durability, and that is durable
//! ```

use crate::machine::About;
use crate::records::{Fields, encode_attributes, encode_short_text};
use engine::MalformedRecord;
use queue::Queue;

/// The version of the layout that `write` writes.
pub(crate) const VERSION: u8 = 2;

/// The version before durability was among the attributes.
const WITHOUT_DURABILITY: u8 = 1;

/// Stands for a snapshot where the kind of a malformed record is told. No record has it.
const SNAPSHOT: u8 = 0;

/// Appends a queue's state.
pub(crate) fn write(about: &About, queue: &Queue, out: &mut Vec<u8>) {
    out.extend(about.created_at.as_millis().to_be_bytes());
    out.extend(about.modified_at.as_millis().to_be_bytes());
    out.extend(about.account.as_str().as_bytes());
    encode_short_text(about.region.as_str(), out);
    encode_short_text(about.name.as_str(), out);
    encode_attributes(&about.attributes, out);
    out.push(Queue::SNAPSHOT_VERSION);
    queue.snapshot(out);
}

/// Reads what `write` wrote.
pub(crate) fn read(version: u8, state: &[u8]) -> Result<(About, Queue), MalformedRecord> {
    let malformed = |why| MalformedRecord { kind: SNAPSHOT, version, why };
    if ![VERSION, WITHOUT_DURABILITY].contains(&version) {
        return Err(malformed("a version of a queue's snapshot that this program does not know"));
    }
    let mut fields = Fields(state);
    let (about, queue_version) =
        head(&mut fields).ok_or_else(|| malformed("the fields of a queue's snapshot do not fit its length"))?;
    let queue = Queue::restore(queue_version, fields.0)?;
    if queue.settings() != about.attributes.settings() {
        return Err(malformed("a queue's attributes are not what its messages follow"));
    }
    Ok((about, queue))
}

fn head(fields: &mut Fields<'_>) -> Option<(About, u8)> {
    let (created_at, modified_at) = (fields.instant()?, fields.instant()?);
    let (account, region, name) = (fields.account()?, fields.region()?, fields.name()?);
    let about = About { account, region, name, attributes: fields.attributes()?, created_at, modified_at };
    Some((about, fields.byte()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{AttributeChanges, Durability};
    use crate::machine::{Command, SqsQueue};
    use bytes::Bytes;
    use engine::Machine;
    use names::{AccountId, Instant, Position, QueueName, Region};
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use queue::{MessageId, NewMessage};

    const NOW: Instant = Instant::from_millis(1_700_000_000_123);

    fn run(machine: &mut SqsQueue, command: Command) {
        machine.advance(NOW);
        for effect in machine.decide(NOW, command).effects {
            machine.apply(Position::ZERO, &effect, &mut Vec::new());
        }
    }

    fn message() -> NewMessage {
        NewMessage { id: MessageId([1; 16]), body_bytes: 1, bytes: Bytes::from_static(b"xp"), delay_millis: None }
    }

    fn sample() -> SqsQueue {
        let mut machine = SqsQueue::unborn();
        let attributes = crate::attributes::Attributes { wait_secs: 7, visibility_secs: 77, ..Default::default() };
        let region = Region::parse("eu-central-1").unwrap();
        let name = QueueName::parse("jobs").unwrap();
        run(&mut machine, Command::Create { account: AccountId::DEFAULT, region, name, attributes });
        run(&mut machine, Command::Messages(queue::Command::Send(vec![message(); 3])));
        run(&mut machine, Command::Messages(queue::Command::Receive { max: 1, visibility_millis: None }));
        machine
    }

    fn bytes_of(machine: &SqsQueue) -> Vec<u8> {
        let mut out = Vec::new();
        machine.snapshot(&mut out);
        out
    }

    #[test]
    fn a_queue_comes_back_as_it_was() {
        let machine = sample();
        let restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
        assert_eq!(restored.about(), machine.about());
        assert_eq!((restored.counts(), restored.counts().in_flight), (machine.counts(), 1));
        assert_eq!((restored.bounds().wait_secs(), restored.bounds().maximum_message_bytes()), (7, 1_048_576));
        assert_eq!(bytes_of(&restored), bytes_of(&machine));
        assert_eq!((restored.first_held(), restored.held_within(1..9), restored.is_over()), (1, 3, false));
    }

    /// The golden bytes of a version, with its list of attributes.
    fn golden(attributes: &str) -> String {
        let about = "0000018bcfe5687b0000018bcfe5687b3030303030303030303030300c65752d63656e7472616c2d31046a6f6273";
        let messages = "0280e0e5a401c8d904000004fbd095ffbc31010202010103000090b3090101fbd095ffbc310000";
        format!("{about}{attributes}{messages}")
    }

    #[test]
    fn the_bytes_of_version_2_stay_what_they_are() {
        let hex: String = bytes_of(&sample()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden("06010000004d02001000000300054600040000000005000000070600000000"));
    }

    #[test]
    fn version_1_is_read_as_a_durable_queue() {
        let newer = "0280e0e5a401c8d904000004fbd095ffbc31010202010103000090b3090101fbd095ffbc310000";
        let messages = "0180e0e5a401c8d9040004fbd095ffbc31010202010103000090b3090101fbd095ffbc3100";
        let hex = golden("05010000004d0200100000030005460004000000000500000007").replace(newer, messages);
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let state: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let restored = SqsQueue::restore(1, &state).unwrap();
        assert_eq!(restored.about(), sample().about());
        assert_eq!(bytes_of(&restored), bytes_of(&sample()), "and written as version 2");
    }

    #[test]
    fn only_a_relaxed_queue_passes_over_numbers_at_a_start() {
        for (durability, first) in
            [(Durability::Durable, 4), (Durability::Relaxed, 4 + 3 * engine::UNSYNCED_RECORDS_MAX)]
        {
            let mut machine = sample();
            let word = if durability == Durability::Relaxed { "relaxed" } else { "durable" };
            let given = [("TidewireDurability".to_string(), word.to_string())];
            run(&mut machine, Command::SetAttributes(AttributeChanges::parse(&given).unwrap()));
            let mut restored = SqsQueue::restore(VERSION, &bytes_of(&machine)).unwrap();
            assert_eq!(restored.about().unwrap().attributes.durability, durability);
            restored.resume(3);
            run(&mut restored, Command::Messages(queue::Command::Send(vec![message()])));
            assert!(restored.holds(first) && restored.held_within(4..u64::MAX) == 1);
        }
    }

    #[test]
    fn a_deleted_queue_is_over_and_holds_nothing() {
        let mut machine = sample();
        run(&mut machine, Command::Delete);
        assert_eq!((machine.is_over(), machine.first_held(), machine.holds(2)), (true, u64::MAX, false));
        assert!(bytes_of(&machine).is_empty());
        assert!(SqsQueue::restore(VERSION, &[]).is_err());
        assert!(!SqsQueue::unborn().is_over());
    }

    #[test]
    fn a_snapshot_cut_lengthened_or_of_another_version_is_malformed() {
        let mut bytes = bytes_of(&sample());
        for end in 0..bytes.len() {
            assert!(SqsQueue::restore(VERSION, &bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(SqsQueue::restore(VERSION + 1, &bytes).is_err());
        bytes.push(0);
        assert!(SqsQueue::restore(VERSION, &bytes).is_err());
    }

    #[test]
    fn attributes_that_contradict_the_messages_settings_are_malformed() {
        let mut bytes = bytes_of(&sample());
        let visibility = bytes.windows(5).position(|five| five == [1, 0, 0, 0, 77]).unwrap();
        bytes[visibility + 4] = 78;
        let why = SqsQueue::restore(VERSION, &bytes).unwrap_err().why;
        assert_eq!(why, "a queue's attributes are not what its messages follow");
    }

    proptest! {
        #[test]
        fn no_bytes_make_restore_panic(bytes in vec(any::<u8>(), 0..200), place in 0usize..200, byte in any::<u8>()) {
            let _ = SqsQueue::restore(VERSION, &bytes);
            let mut spoilt = bytes_of(&sample());
            let place = place % spoilt.len();
            spoilt[place] = byte;
            let _ = SqsQueue::restore(VERSION, &spoilt);
        }
    }
}
