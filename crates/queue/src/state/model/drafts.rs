//! The steps of a random history: what is asked, after how long, and what is done to the queue beside.
//!
//! In come ranges, out go strategies. Handles are chosen when a step is taken, mostly among the last dozen that receives gave.

use super::*;

/// A command of which the handles are still to be chosen among those that receives gave.
#[derive(Debug, Clone)]
pub(super) enum Draft {
    Send(Option<u8>, Vec<(Option<u64>, u8)>),
    Receive(Option<u8>, usize, Option<u64>),
    OfVirtual(u8, Within),
    /// So many of the latest deliveries.
    PutBack(usize),
    Delete(Vec<Choice>),
    ChangeVisibility(Vec<(Choice, u64)>),
    Purge,
    Configure(Settings),
    Count,
    SendAway(Vec<u64>),
    /// How far back from the newest, and how many at the most.
    Movable(u64, usize),
    /// Dead letters: how long ago each was sent, and its receives; and how many of them come a second time.
    Arrive(Vec<(u64, u32)>, u64),
    /// So many more have been taken.
    Taken(u64),
    Gone,
    Unreadable,
    Replay {
        only_deleted: bool,
    },
    EndReplay,
}

/// Where messages go, and where they come from.
pub(super) const ELSEWHERE: PartitionId = PartitionId::new(77);

/// One of the handles so far, and how it is spoilt.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) from_newest: prop::sample::Index,
    pub(super) sequence_off: u64,
    pub(super) receive_off: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) advance_millis: u64,
    pub(super) standby_follows: bool,
    pub(super) snapshot: Option<bool>,
    pub(super) draft: Draft,
}

fn choices() -> impl Strategy<Value = Choice> {
    let rarely = |odds: u32| prop_oneof![odds => Just(0u32), 1 => Just(1)];
    (any::<prop::sample::Index>(), rarely(30), rarely(20)).prop_map(|(from_newest, sequence_off, receive_off)| Choice {
        from_newest,
        sequence_off: u64::from(sequence_off) * 1000,
        receive_off,
    })
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 5 => 1u64..20, 5 => 0u64..4000, 1 => 0u64..70_000]
}

fn settings() -> impl Strategy<Value = Settings> {
    let backoff = (1u32..3, 100u32..300, 1u32..9).prop_map(|(base, factor_hundredths, max_secs)| {
        let base_secs = std::num::NonZeroU32::new(base).expect("it begins at one");
        Backoff { base_secs, factor_hundredths, max_secs }
    });
    let total = prop_oneof![3 => Just(43_200), 1 => Just(100_000)];
    let (backoff, dead) = (prop::option::weighted(0.3, backoff), prop::option::weighted(0.4, 1u32..4));
    let kept = prop_oneof![1 => Just(0), 2 => 1u32..90];
    (1u64..120_000, millis(), millis(), total, backoff, dead, kept).prop_map(
        |(retention_millis, visibility_millis, delay_millis, total_visibility_secs, backoff, max_receives, kept)| {
            Settings {
                total_visibility_secs,
                backoff,
                keep_deleted_secs: kept,
                dead_letters: max_receives.map(|max_receives| DeadLetters { max_receives, destination: ELSEWHERE }),
                ..Settings::plain(retention_millis, visibility_millis, delay_millis)
            }
        },
    )
}

fn drafts() -> impl Strategy<Value = Draft> {
    let message = (prop::option::weighted(0.3, millis()), 0u8..9);
    let visibility = prop_oneof![20 => millis(), 1 => Just(TOTAL_VISIBILITY_MILLIS_MAX)];
    prop_oneof![
        8 => (within(), prop::collection::vec(message, 0..6)).prop_map(|(to, messages)| Draft::Send(to, messages)),
        8 => (within(), 0usize..8, prop::option::of(millis())).prop_map(|(of, max, hide)| Draft::Receive(of, max, hide)),
        1 => (1..=VIRTUAL_QUEUES, prop_oneof![Just(Within::Purge), Just(Within::Count)])
            .prop_map(|(id, asked)| Draft::OfVirtual(id, asked)),
        3 => (0usize..9).prop_map(Draft::PutBack),
        4 => prop::collection::vec(choices(), 0..5).prop_map(Draft::Delete),
        6 => prop::collection::vec((choices(), visibility), 0..5).prop_map(Draft::ChangeVisibility),
        1 => prop_oneof![1 => Just(Draft::Purge), 3 => settings().prop_map(Draft::Configure)],
        1 => Just(Draft::Count),
        2 => prop::collection::vec(1u64..40, 0..9).prop_map(Draft::SendAway),
        1 => (0u64..20, 0usize..9).prop_map(|(back, max)| Draft::Movable(back, max)),
        2 => (prop::collection::vec((millis(), 0u32..3), 1..5), 0u64..2).prop_map(|(all, again)| Draft::Arrive(all, again)),
        2 => (0u64..5).prop_map(Draft::Taken),
        1 => prop_oneof![Just(Draft::Gone), Just(Draft::Unreadable)],
        2 => prop_oneof![4 => any::<bool>().prop_map(|only_deleted| Draft::Replay { only_deleted }), 1 => Just(Draft::EndReplay)],
    ]
}

/// How many virtual queues there are.
pub(super) const VIRTUAL_QUEUES: u8 = 3;

fn within() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![2 => Just(None), 1 => (1..=VIRTUAL_QUEUES).prop_map(Some)]
}

pub(super) fn virtual_id(id: u8) -> VirtualId {
    VirtualId(id.into())
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (millis(), any::<bool>(), prop::option::weighted(0.2, any::<bool>()), drafts());
    let step = step.prop_map(|(advance_millis, standby_follows, snapshot, draft)| Step {
        advance_millis,
        standby_follows,
        snapshot,
        draft,
    });
    prop::collection::vec(step, 1..60)
}
