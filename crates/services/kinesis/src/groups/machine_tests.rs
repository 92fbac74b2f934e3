//! The rules of a group, as scripts against the machine alone.

use super::*;

thread_local! {
    /// How often this thread has copied a group.
    pub(super) static COPIES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

const NOW: Instant = Instant::from_millis(1_000_000);

/// A group, and the shards of its stream.
struct Play {
    group: Group,
    shards: Vec<ShardNow>,
}

fn shard(index: u32, parents: &[u32], end: Option<u64>) -> ShardNow {
    let parents = [parents.first().copied(), parents.get(1).copied()];
    ShardNow { index, parents, first: 1, end }
}

impl Play {
    /// A group that begins at the oldest records of `count` open shards.
    fn new(count: u32) -> Self {
        let mut play =
            Self { group: Group::default(), shards: (0..count).map(|index| shard(index, &[], None)).collect() };
        let about = About { stream: PartitionId::of_family(4, 1), name: "g".into(), created_at: NOW };
        let places = (0..count).map(|index| (index, 1)).collect();
        assert!(matches!(play.ask(Command::Create { about, places }), Reply::Done(0)));
        play
    }

    fn ask(&mut self, command: Command) -> Reply {
        let decision = self.group.decide(NOW, command);
        let mut again = self.group.clone();
        for effect in &decision.effects {
            let mut bytes = Vec::new();
            engine::Effect::encode(effect, &mut bytes);
            let read =
                <Effect as engine::Effect>::decode(engine::Effect::kind(effect), records::VERSION, &bytes).unwrap();
            again.apply(Position::ZERO, &read, &mut Vec::new());
            self.group.apply(Position::ZERO, effect, &mut Vec::new());
        }
        assert_eq!(again, self.group, "what replay makes is what was decided");
        let mut snapshot = Vec::new();
        self.group.snapshot(&mut snapshot);
        if !self.group.is_over() {
            assert_eq!(Group::restore(records::VERSION, &snapshot).as_ref(), Ok(&self.group));
        }
        decision.reply
    }

    fn news(&self) -> News {
        News { silent: Vec::new(), shards: Some(self.shards.clone()) }
    }

    fn join(&mut self, member: &str) -> Lent {
        let news = self.news();
        let Reply::Lent(lent) = self.ask(Command::Join { member: member.into(), session_millis: 30_000, news }) else {
            panic!("{member} is let in")
        };
        lent
    }

    fn beat(&mut self, member: &str) -> Reply {
        let news = self.news();
        self.ask(Command::Beat { member: member.into(), news })
    }

    /// The shards of a member, with their generations.
    fn of(&self, member: &str) -> Vec<(u32, u64)> {
        let own = self.group.shards.iter().filter(|(_, place)| place.owner.as_deref() == Some(member));
        own.map(|(index, place)| (*index, place.generation)).collect()
    }

    fn commit(&mut self, member: &str, shard: u32, generation: u64, next: u64) -> Reply {
        let news = self.news();
        let (member, arrived_at) = (member.into(), NOW);
        self.ask(Command::Commit { member, shard, generation, next, arrived_at, news })
    }
}

fn refused(reply: Reply) -> Refused {
    let Reply::Refused(refused) = reply else { panic!("{reply:?}") };
    refused
}

#[test]
fn members_share_the_shards_and_those_that_move_have_a_new_generation() {
    let mut play = Play::new(4);
    assert_eq!(play.join("a").shards.len(), 4);
    let b = play.join("b");
    assert_eq!((play.of("a"), play.of("b")), (vec![(0, 1), (1, 1)], vec![(2, 2), (3, 2)]));
    assert_eq!((b.generation, b.shards.len()), (2, 2));
    let news = play.news();
    assert!(matches!(play.ask(Command::Leave { member: "a".into(), news }), Reply::Done(3)));
    assert_eq!(play.of("b"), [(0, 3), (1, 3), (2, 2), (3, 2)]);
    assert_eq!(refused(play.beat("a")), Refused::NoMember("a".into()));
}

#[test]
fn who_was_silent_for_too_long_is_let_in_again_by_the_first_join() {
    let mut play = Play::new(2);
    play.join("a");
    play.join("b");
    let news = News { silent: vec!["a".into()], ..play.news() };
    let Reply::Lent(lent) = play.ask(Command::Join { member: "a".into(), session_millis: 30_000, news }) else {
        panic!("a is let in")
    };
    assert_eq!((lent.shards.len(), play.of("a").len(), play.of("b").len()), (1, 1, 1));
    assert_eq!(play.group.members.len(), 2);
}

#[test]
fn a_commit_is_taken_from_whoever_has_the_shard_under_its_generation_alone() {
    let mut play = Play::new(2);
    play.join("a");
    assert!(matches!(play.commit("a", 1, 1, 5), Reply::Done(1)));
    play.join("b");
    let stale = Refused::Stale { shard: 1, asked: 1, owner: Some("b".into()), generation: 2 };
    assert_eq!(refused(play.commit("a", 1, 1, 9)), stale);
    assert_eq!(
        refused(play.commit("b", 0, 1, 9)),
        Refused::Stale { shard: 0, asked: 1, owner: Some("a".into()), generation: 1 }
    );
    assert_eq!(refused(play.commit("c", 0, 1, 9)), Refused::NoMember("c".into()));
    assert_eq!(refused(play.commit("a", 7, 1, 9)), Refused::NoShard(7));
    // What it kept it commits on, under the generation that it has had all along.
    assert!(matches!(play.commit("a", 0, 1, 3), Reply::Done(2)));
    assert_eq!((play.group.shards[&0].next, play.group.shards[&1].next), (3, 5), "nothing stale came in");
    let words = stale.worded("g");
    assert_eq!(words.error.name, "StaleGenerationException");
    assert!(words.message.contains("shardId-000000000001 is member b's since generation 2"), "{}", words.message);
}

#[test]
fn a_shard_that_comes_back_is_lent_under_another_generation() {
    let mut play = Play::new(1);
    play.join("b");
    let news = play.news();
    play.ask(Command::Leave { member: "b".into(), news });
    play.join("a");
    let news = play.news();
    play.ask(Command::Leave { member: "a".into(), news });
    play.join("b");
    assert!(matches!(refused(play.commit("b", 0, 1, 2)), Refused::Stale { asked: 1, generation: 5, .. }));
    assert!(matches!(play.commit("b", 0, 5, 2), Reply::Done(5)));
}

#[test]
fn one_who_joins_under_a_name_that_is_there_fences_the_one_before() {
    let mut play = Play::new(2);
    play.join("a");
    play.join("a");
    assert_eq!((play.group.members.len(), play.of("a")), (1, vec![(0, 2), (1, 2)]));
    assert!(matches!(refused(play.commit("a", 0, 1, 2)), Refused::Stale { .. }));
}

#[test]
fn those_who_were_silent_for_too_long_lose_their_shards_and_may_not_commit() {
    let mut play = Play::new(2);
    play.join("a");
    play.join("b");
    let silent = |play: &Play, name: &str| News { silent: vec![name.into()], ..play.news() };
    let news = silent(&play, "a");
    let Reply::Lent(lent) = play.ask(Command::Beat { member: "b".into(), news }) else { panic!("b is there") };
    assert_eq!((lent.shards.len(), play.group.members.len()), (2, 1));
    // Also if nobody noticed before it commits itself.
    let news = silent(&play, "b");
    let commit = Command::Commit { member: "b".into(), shard: 1, generation: 2, next: 4, arrived_at: NOW, news };
    assert_eq!(refused(play.ask(commit)), Refused::NoMember("b".into()));
    assert!(play.group.members.is_empty() && play.group.shards[&1].next == 1);
    assert!(play.group.shards.values().all(|place| place.owner.is_none()), "nobody reads");
}

#[test]
fn children_are_lent_when_their_parents_are_read_to_the_end() {
    let mut play = Play::new(1);
    play.join("a");
    // Ten records, then the shard is split.
    play.shards = vec![shard(0, &[], Some(11)), shard(1, &[0], None), shard(2, &[0], None)];
    play.beat("a");
    assert_eq!(play.of("a"), [(0, 1)]);
    play.commit("a", 0, 1, 10);
    assert_eq!(play.of("a"), [(0, 1)], "one record is left");
    play.commit("a", 0, 1, 11);
    assert_eq!(play.of("a"), [(1, 2), (2, 2)]);
    assert_eq!((play.group.shards[&1].next, play.group.shards[&2].next), (1, 1));
    // Both are merged: the last one begins when both are done.
    play.shards[1].end = Some(1);
    play.shards[2].end = Some(3);
    play.shards.push(shard(3, &[1, 2], None));
    play.beat("a");
    assert_eq!(play.of("a"), [(2, 2)], "an empty shard is done by itself");
    play.commit("a", 2, 2, 3);
    assert_eq!(play.of("a").iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3]);
    // What the stream has forgotten goes.
    play.shards.retain(|shard| shard.index > 0);
    play.beat("a");
    assert!(!play.group.shards.contains_key(&0) && play.group.shards.len() == 3);
}

#[test]
fn what_came_of_an_empty_shard_waits_for_those_that_the_empty_one_came_of() {
    let mut play = Play::new(1);
    play.join("a");
    play.shards = vec![shard(0, &[], Some(11)), shard(1, &[0], Some(1)), shard(2, &[1], None)];
    play.beat("a");
    assert_eq!(play.of("a"), [(0, 1)], "the records of a key are in 0 before they are in 2");
    play.commit("a", 0, 1, 11);
    assert_eq!(play.of("a"), [(2, 2)]);
}

#[test]
fn a_shard_whose_records_have_expired_unread_is_done() {
    let mut play = Play::new(1);
    play.join("a");
    play.shards = vec![shard(0, &[], Some(11)), shard(1, &[0], None)];
    play.beat("a");
    assert_eq!(play.of("a"), [(0, 1)]);
    play.shards[0].first = 11;
    play.beat("a");
    assert_eq!(play.of("a"), [(1, 2)]);
}

#[test]
fn a_reset_fences_who_reads_there_and_begins_with_the_parents_again() {
    let mut play = Play::new(1);
    play.join("a");
    play.shards = vec![shard(0, &[], Some(11)), shard(1, &[0], None)];
    play.commit("a", 0, 1, 11);
    play.commit("a", 1, 2, 50);
    let news = play.news();
    assert!(matches!(play.ask(Command::Reset { places: vec![(0, 4), (1, 1), (9, 1)], news }), Reply::Done(4)));
    assert_eq!((play.of("a"), play.group.shards[&1].owner.as_deref()), (vec![(0, 4)], None));
    assert!(matches!(refused(play.commit("a", 1, 2, 60)), Refused::Stale { owner: None, .. }));
    assert_eq!(play.group.shards[&0].next, 4);
}

#[test]
fn a_position_goes_back_by_a_reset_alone() {
    let mut play = Play::new(1);
    play.join("a");
    play.commit("a", 0, 1, 5);
    assert_eq!(refused(play.commit("a", 0, 1, 4)), Refused::Backwards(0));
    assert!(matches!(play.commit("a", 0, 1, 5), Reply::Done(1)), "again is no error");
    let news = play.news();
    play.ask(Command::Reset { places: vec![(0, 2)], news });
    assert_eq!(play.of("a"), [(0, 2)], "it reads on, from elsewhere");
    assert!(matches!(play.commit("a", 0, 2, 3), Reply::Done(2)));
}

#[test]
fn a_heartbeat_without_news_changes_nothing() {
    let mut play = Play::new(3);
    play.join("a");
    let decision = play.group.decide(NOW, Command::Beat { member: "a".into(), news: News::default() });
    assert!(decision.effects.is_empty() && matches!(decision.reply, Reply::Lent(Lent { generation: 1, .. })));
    let decision = play.group.decide(NOW, Command::Beat { member: "a".into(), news: play.news() });
    assert!(decision.effects.is_empty(), "the same shards are no news: {:?}", decision.effects);
}

#[test]
fn a_group_with_members_is_deleted_by_whoever_insists_and_then_gone() {
    let mut play = Play::new(1);
    play.join("a");
    assert_eq!(refused(play.ask(Command::Delete { with_members: false })), Refused::HasMembers(1));
    assert!(matches!(play.ask(Command::Delete { with_members: true }), Reply::Done(_)));
    assert!(play.group.is_over() && matches!(play.beat("a"), Reply::Gone));
}

#[test]
fn a_group_has_a_bound_of_members() {
    let mut play = Play::new(1);
    (0..limits::MEMBERS_MAX).for_each(|nth| drop(play.join(&format!("m{nth}"))));
    let news = play.news();
    let one_more = Command::Join { member: "late".into(), session_millis: 30_000, news };
    assert_eq!(refused(play.ask(one_more)), Refused::TooManyMembers);
    play.join("m0");
}

#[test]
fn a_commit_that_comes_with_no_news_changes_one_place_and_copies_no_group() {
    let mut play = Play::new(100);
    let generation = play.join("a").shards[7].1.generation;
    let before = COPIES.get();
    let commit = |shard, generation, next| Command::Commit {
        member: "a".into(),
        shard,
        generation,
        next,
        arrived_at: NOW,
        news: News::default(),
    };
    let decision = play.group.decide(NOW, commit(7, generation, 5));
    assert!(matches!(decision.effects.as_slice(), [Effect::Committed { shard: 7, next: 5, .. }]));
    assert!(matches!(play.ask(commit(7, generation, 5)), Reply::Done(_)));
    assert!(play.group.decide(NOW, commit(7, generation, 5)).effects.is_empty(), "it is there already");
    assert_eq!(refused(play.ask(commit(7, generation, 4))), Refused::Backwards(7));
    assert!(matches!(refused(play.ask(commit(7, generation + 1, 6))), Refused::Stale { shard: 7, .. }));
    assert_eq!(refused(play.ask(commit(200, generation, 6))), Refused::NoShard(200));
    assert_eq!(COPIES.get(), before);
}
