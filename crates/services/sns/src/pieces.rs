//! How much of all publishes is on its way to the log at one time.
//!
//! A message to many subscriptions becomes as many letters, and the log refuses what it has no room for. So letters go in pieces, and all
//! pieces together have a bound well below the log's: a publish waits for its turn, in the order of coming, rather than fail in the middle
//! with some of its letters delivered. What a letter takes is reckoned before it is made, attributes included.

use crate::limits;
use crate::message::Message;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for: a semaphore's permits are asked for by numbers of 32 bits.
const UNIT_BYTES: usize = 1 << 10;
const UNITS: usize = limits::LETTERS_BYTES_MAX / UNIT_BYTES;

/// The letters of all publishes that are on their way.
#[derive(Debug)]
pub(crate) struct OnTheWay(Arc<Semaphore>);

/// The room of a piece, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

/// How a message is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Bytes that a letter takes, in units.
    units: usize,
    /// Letters of a piece.
    pub(crate) letters: usize,
}

impl Pieces {
    /// Those of no message.
    pub(crate) const NONE: Self = Self { units: 0, letters: 1 };

    pub(crate) fn of(message: &Message) -> Self {
        // An envelope escapes, and base64 lengthens, what the message says once.
        let units = (2 * message.bytes).div_ceil(UNIT_BYTES) + limits::LETTER_BASE_BYTES / UNIT_BYTES;
        let letters = (limits::PIECE_BYTES / UNIT_BYTES / units).clamp(1, limits::PIECE_LETTERS);
        Self { units, letters }
    }

    fn units_of(self, letters: usize) -> u32 {
        u32::try_from((self.units * letters).min(UNITS)).expect("all of the room is less than that")
    }
}

impl Default for OnTheWay {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS)))
    }
}

impl OnTheWay {
    /// Room for so many letters of a message, a piece at the most. Who has room waits here for no more of it: others may wait for his.
    pub(crate) async fn room(&self, pieces: Pieces, letters: usize) -> Room {
        let permit = Arc::clone(&self.0).acquire_many_owned(pieces.units_of(letters)).await;
        Room { _permit: Some(permit.expect("the room of letters is never closed")) }
    }

    /// The same, if there is room at this moment and nobody waits for it.
    pub(crate) fn room_now(&self, pieces: Pieces, letters: usize) -> Option<Room> {
        let permit = Arc::clone(&self.0).try_acquire_many_owned(pieces.units_of(letters)).ok()?;
        Some(Room { _permit: Some(permit) })
    }
}

const _: () = assert!(UNITS <= u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MessageAttributeValue;
    use crate::message::Draft;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn message(body: usize, attribute: usize) -> Message {
        let value = MessageAttributeValue {
            data_type: "String".into(),
            string_value: Some("x".repeat(attribute)),
            ..MessageAttributeValue::default()
        };
        let attributes = if attribute > 0 { vec![("a".into(), value)] } else { Vec::new() };
        let message = "x".repeat(body);
        Message::new(Draft { message, subject: None, structure: None, attributes, group: None, deduplication: None })
            .unwrap()
    }

    #[test]
    fn a_piece_is_as_large_as_its_letters_are_wherever_they_keep_it() {
        assert_eq!(Pieces::of(&message(1, 0)).letters, limits::PIECE_LETTERS);
        let [in_body, in_attributes] = [message(200_000, 0), message(1, 200_000)].map(|message| Pieces::of(&message));
        assert!((9..=11).contains(&in_body.letters) && in_body.letters == in_attributes.letters);
        assert!(Pieces::of(&message(1 << 20, 0)).letters >= 1);
    }

    #[test]
    fn pieces_of_all_publishes_have_a_bound_and_take_turns() {
        let (on_the_way, mut context) = (OnTheWay::default(), Context::from_waker(Waker::noop()));
        let pieces = Pieces::of(&message(200_000, 0));
        let mut held = Vec::new();
        loop {
            let mut room = pin!(on_the_way.room(pieces, pieces.letters));
            match room.as_mut().poll(&mut context) {
                std::task::Poll::Ready(room) => held.push(room),
                std::task::Poll::Pending => break,
            }
        }
        let most = limits::LETTERS_BYTES_MAX / limits::PIECE_BYTES;
        assert!((most..=most + 1).contains(&held.len()), "{}", held.len());
        let small = Pieces::of(&message(1, 0));
        let (mut first, mut second) = (pin!(on_the_way.room(pieces, pieces.letters)), pin!(on_the_way.room(small, 1)));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending(), "it came later");
        held.pop();
        assert!(first.as_mut().poll(&mut context).is_ready());
    }
}
