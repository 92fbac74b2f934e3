//! What may be asked of a queue, and what it answers.
//!
//! Commands carry everything that is chance or time. Values are taken as they are: ranges, batch sizes and bytes are
//! checked at the service's door. Batches are answered entry by entry, in the order asked.

use crate::{
    Delivery, Handle, MessageId, NewMessage, PeekStates, Peeked, ReplayOrder, ReplayProgress, Settings, Unpark,
    VirtualId, Within,
};
use engine::Arrival;
use names::{Instant, PartitionId};

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Adds messages, all of them or none.
    Send(Vec<NewMessage>),
    /// Takes up to `max` visible messages, oldest first, and hides them for a while.
    Receive {
        /// Most messages to hand out.
        max: usize,
        /// How long they stay hidden, in milliseconds; `None` is the queue's default. Zero hides nothing: the
        /// messages are handed out and counted as received.
        visibility_millis: Option<u64>,
    },
    /// The same under a name: within five minutes the same messages with the same handles again, hidden anew, unless anything
    /// has happened to them. For FIFO queues.
    ReceiveAgain {
        /// What names this receive.
        attempt: AttemptId,
        /// As in `Receive`.
        max: usize,
        /// As in `Receive`.
        visibility_millis: Option<u64>,
    },
    /// Takes receives back that came to nothing: their messages are visible, and were never handed out. A message that something
    /// has happened to since stays as it is.
    PutBack(Vec<Delivery>),
    /// Removes messages.
    Delete(Vec<Handle>),
    /// Lets each message be visible again so many milliseconds from now; zero is at once.
    ChangeVisibility(Vec<(Handle, u64)>),
    /// Removes all messages, also those in flight and delayed.
    Purge,
    /// Replaces the settings.
    Configure(Settings),
    /// Counts the messages.
    Count,
    /// Asks a virtual queue, whose messages are received there only.
    Within(VirtualId, Within),
    /// Asks which messages could be sent away: visible ones, and of a FIFO queue those that nothing of their group is before.
    Movable {
        /// Only messages before this sequence.
        below: u64,
        /// Most messages to name.
        max: usize,
    },
    /// Sends messages to another queue, as far as they are movable. They leave at once and arrive soon.
    SendAway {
        /// Where to.
        destination: PartitionId,
        /// Which.
        sequences: Vec<u64>,
    },
    /// Takes messages in that come from another queue.
    Arrive(Arrival),
    /// Tells what became of messages that left.
    Conclude(engine::Delivery),
    /// Brings copies of what was sent within a stretch of time to another queue, or to this one.
    Replay(ReplayOrder),
    /// Ends a replay that is under way.
    EndReplay,
    /// Lets parked groups go on, or one of them that its digest names.
    Unpark {
        /// Its digest; `None` is all of them.
        group: Option<u64>,
        /// What becomes of its messages.
        how: Unpark,
    },
    /// Looks at messages and changes nothing.
    Peek {
        /// The first sequence to look at; beyond the last one is the end.
        from: u64,
        /// Most messages to show.
        max: usize,
        /// Which ones.
        states: PeekStates,
    },
}

/// What names a receive: a digest.
pub type AttemptId = [u8; 16];

impl Command {
    /// Whether it may hand out messages.
    pub(crate) fn is_receive(&self) -> bool {
        matches!(self, Self::Receive { .. } | Self::ReceiveAgain { .. })
    }

    /// Whether it may send messages away, or asks which could be.
    pub(crate) fn is_move(&self) -> bool {
        matches!(self, Self::Movable { .. } | Self::SendAway { .. })
    }

    /// Whether it has to know the groups of all messages of the window.
    pub(crate) fn asks_for_groups(&self) -> bool {
        matches!(self, Self::Unpark { how: Unpark::DropAll, .. })
    }
}

/// A message that a FIFO queue has: the one just sent, or the one that it duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in its queue.
    pub sequence: u64,
    /// Its id.
    pub id: MessageId,
}

/// What is answered, variant by variant to the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The messages were added.
    Sent {
        /// The first one's sequence; the others follow it without a gap.
        first: u64,
    },
    /// A FIFO queue has these messages, one for each that was sent.
    Accepted(Vec<Accepted>),
    /// What there was, perhaps nothing. The contents are the decision's reads, in the same order.
    Received(Vec<Delivery>),
    /// Refused: as many messages are in flight as may be ([`Settings::in_flight_max`]).
    OverLimit,
    /// The receives are taken back.
    PutBack,
    /// One outcome for each handle.
    Deleted(Vec<DeleteOutcome>),
    /// One outcome for each handle.
    VisibilityChanged(Vec<VisibilityOutcome>),
    /// Nothing is left.
    Purged,
    /// The settings are in force.
    Configured,
    /// The counts.
    Counted(Counts),
    /// These messages could be sent away. Their contents are the decision's reads, in the same order.
    Movable(Vec<u64>),
    /// These messages have left.
    SentAway(Vec<u64>),
    /// The messages are here, or were here before.
    Arrived,
    /// It is noted.
    Concluded,
    /// The replay has begun, or has ended.
    Replaying,
    /// One is under way already.
    ReplayUnderWay,
    /// So many groups go on.
    Unparked(usize),
    /// What was looked at. The contents are the decision's reads, in the same order.
    Peeked {
        /// In the queue's order.
        messages: Vec<Peeked>,
        /// From where to look on.
        next: u64,
        /// Whether there is nothing from there on.
        is_end: bool,
    },
}

/// What became of one handle of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The message was there and is gone now. An old handle does that as well: a standard queue asks no more than
    /// that the message was received once.
    Deleted,
    /// It was gone already, which is a success too.
    AlreadyGone,
    /// The message is there, in a FIFO queue, and this receive of it has ended.
    Expired,
    /// The handle is none of this queue's: no message has had that sequence yet.
    Foreign,
}

/// What became of one handle of a change of visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityOutcome {
    /// It is hidden for as long as asked, or visible if zero was asked.
    Changed,
    /// The message is there, and this receive of it is unknown: it never was, or a crash forgot it.
    NotInFlight,
    /// The message was deleted, purged, has expired, or never was in this queue; in a FIFO queue also: this receive of it
    /// has ended.
    Gone,
    /// It would be in flight longer than [`crate::TOTAL_VISIBILITY_MILLIS_MAX`] after its receive. Nothing is changed.
    BeyondTotal,
}

/// How many messages there are, and of which kind, as far as time has been let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Ready to be received.
    pub visible: usize,
    /// Received, and neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent, and not yet visible for the first time.
    pub delayed: usize,
    /// When the oldest message was sent, in whatever state it is: that moment, or one earlier by no more than messages
    /// that expire together lie apart, which is a four-thousandth of the retention and a minute at the most.
    pub oldest_sent_at: Option<Instant>,
    /// Deleted, and kept for a replay.
    pub kept: usize,
    /// Message groups that are parked.
    pub parked_groups: usize,
    /// The latest replay.
    pub replay: Option<ReplayProgress>,
}
