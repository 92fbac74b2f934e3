//! The oracle is worth nothing unless it finds bugs: each one that is planted must be found within a few seeds.

use sim::{Failure, Misfortunes, Plan, Sabotage, run, shrink};

/// Seeds within which every planted bug has to show.
const SEEDS: u64 = 60;

/// The same for what has to be waited for: messages in segments, letters on their way back.
const RARE_SEEDS: u64 = 16 * SEEDS;

fn found(sabotage: Sabotage, seeds: u64) -> Failure {
    found_in(&Plan::short().with(sabotage), seeds)
}

fn found_in(plan: &Plan, seeds: u64) -> Failure {
    let sabotage = plan.sabotage.expect("a bug is planted");
    let found = (0..seeds).find_map(|seed| run(seed, plan).err());
    found.unwrap_or_else(|| panic!("{sabotage:?} is not found within {seeds} seeds"))
}

#[track_caller]
fn check(sabotage: Sabotage, expected: &[&str]) {
    check_within(SEEDS, sabotage, expected);
}

#[track_caller]
fn check_within(seeds: u64, sabotage: Sabotage, expected: &[&str]) {
    is_one_of(&found(sabotage, seeds), expected);
}

/// The same in histories of some length.
#[track_caller]
fn check_long(sabotage: Sabotage, expected: &[&str]) {
    is_one_of(&found_in(&Plan { steps: 800, ..Plan::short().with(sabotage) }, RARE_SEEDS), expected);
}

#[track_caller]
fn is_one_of(failure: &Failure, expected: &[&str]) {
    let is_expected = expected.iter().any(|words| failure.what.contains(words));
    assert!(is_expected, "{:?} is found as something else: {failure}", failure.plan.sabotage);
}

#[test]
fn a_disk_that_lies_about_syncs_is_found() {
    check(Sabotage::SyncsDoNothing, &["is lost", "cannot be opened", "QueueDoesNotExist", "came back"]);
}

#[test]
fn a_disk_that_hides_its_errors_is_found() {
    check(Sabotage::WriteErrorsAreHidden, &["is lost", "cannot be opened", "QueueDoesNotExist", "InvalidParameter"]);
}

#[test]
fn deletes_and_purges_that_are_forgotten_are_found() {
    // Whoever forgets what was asked of it forgets that it was used, too.
    let used = "QueueDoesNotExist";
    let expected = ["its deletion was acknowledged", "after it was a dead letter, or deleted", used];
    check(Sabotage::DeletesAreForgotten, &expected);
    check(Sabotage::PurgesAreForgotten, &expected);
}

#[test]
fn a_lease_that_ends_early_is_found() {
    // A FIFO queue's message is not deleted by whoever has it no more.
    check(Sabotage::LeasesAreOverstated, &["while a lease lasts", "InvalidParameterValue"]);
}

#[test]
fn a_delay_that_ends_early_is_found() {
    check(Sabotage::DelaysAreOverstated, &["its delay lasts"]);
}

#[test]
fn a_changed_body_is_found() {
    check(Sabotage::BodiesAreDamaged, &["another body"]);
}

#[test]
fn a_long_poll_that_never_ends_is_found() {
    check(Sabotage::SleepersNeverWake, &["not answered in time"]);
}

#[test]
fn damage_that_nobody_tells_of_is_found() {
    // Long enough that messages stand in segments.
    let plan = Plan { steps: 400, ..Plan::short().with(Sabotage::DamageIsNotTold) };
    let found = (0..RARE_SEEDS).find_map(|seed| run(seed, &plan).err()).expect("it is found");
    assert!(found.what.contains("nobody says so"), "{found}");
}

#[test]
fn groups_out_of_order_are_found() {
    // A receive that is asked for again shows another part, or another order, than it did.
    let again = "the receive";
    check(Sabotage::HeadsAreSkipped, &["is handed out before", "is lost", "are missing and nobody says so", again]);
    check(Sabotage::GroupsAreReversed, &["of its group", again]);
}

#[test]
fn dead_letters_of_a_group_that_change_places_are_found() {
    check_within(RARE_SEEDS, Sabotage::LettersChangePlaces, &["have changed places"]);
}

#[test]
fn a_duplicate_that_becomes_a_second_message_is_found() {
    check(Sabotage::DuplicatesAreTaken, &["a duplicate"]);
}

#[test]
fn a_fifo_queue_that_forgets_over_a_crash_is_found() {
    check(
        Sabotage::LeasesAreNotKept,
        &[
            "while a lease lasts",
            "is lost",
            "of its group",
            "its deletion was acknowledged",
            "handle of an earlier receive",
        ],
    );
}

#[test]
fn move_tasks_that_move_nothing_or_never_end_or_leave_a_message_behind_are_found() {
    check_within(RARE_SEEDS, Sabotage::MovesAreForgotten, &["has ended and left the letters", "is not listed"]);
    check_within(RARE_SEEDS, Sabotage::MovesNeverEnd, &["a move task never ends"]);
    // Long enough that a message is seen again after it was moved.
    let expected = ["is back as it was before it was moved", "was moved, and is what it was before"];
    check_long(Sabotage::MovesAreUndone, &expected);
}

#[test]
fn cancelled_tasks_that_go_on_and_moves_that_lose_or_turn_messages_are_found() {
    check_within(RARE_SEEDS, Sabotage::CancellationsAreForgotten, &["runs on", "a task that was cancelled"]);
    check_within(
        RARE_SEEDS,
        Sabotage::MovedChangePlaces,
        &["were moved out of order", "of its group", "has another's id"],
    );
    check_within(RARE_SEEDS, Sabotage::MovesGoAstray, &["is in the wrong queue", "is lost"]);
}

#[test]
fn content_groups_and_deletions_that_a_deduplication_id_is_not_asked_for_are_found() {
    check_within(RARE_SEEDS, Sabotage::ContentIsIgnored, &["a duplicate"]);
    check_within(RARE_SEEDS, Sabotage::ScopesAreMixed, &["a duplicate of another deduplication id"]);
    // Long enough that a message is deleted and sent again.
    check_long(Sabotage::DeletedIdsAreForgotten, &["a duplicate"]);
}

#[test]
fn purges_that_reach_the_letters_are_found() {
    let expected = ["after it was a dead letter, or deleted", "its deletion was acknowledged", "is lost"];
    check_within(RARE_SEEDS, Sabotage::PurgesReachTheLetters, &expected);
}

#[test]
fn receives_that_are_not_repeated_and_such_that_are_shown_to_others_are_found() {
    check_within(RARE_SEEDS, Sabotage::AttemptsAreForgotten, &["is asked for again and shows"]);
    check(Sabotage::AttemptsAreOne, &["while a lease lasts", "by the handle of an earlier receive"]);
}

#[test]
fn rot_that_turns_groups_is_found() {
    check_within(RARE_SEEDS, Sabotage::RotTurnsGroups, &["of its group"]);
}

#[test]
fn virtual_queues_that_are_not_apart_from_their_host_are_found() {
    check(Sabotage::VirtualQueuesAreOpen, &["is in the wrong queue"]);
    check_within(RARE_SEEDS, Sabotage::VirtualPurgesReachTheHost, &["is lost"]);
}

#[test]
fn replays_that_bring_too_little_or_nothing_are_found() {
    check_within(RARE_SEEDS, Sabotage::ShelvesAreShort, &["is not replayed"]);
    check(Sabotage::ReplaysAreForgotten, &["is not completed"]);
}

#[test]
fn groups_that_are_parked_too_late_or_too_early_are_found() {
    check_within(RARE_SEEDS, Sabotage::GroupsParkTooLate, &["is not parked"]);
    check_within(RARE_SEEDS, Sabotage::GroupsParkTooEarly, &["is parked although"]);
}

#[test]
fn idle_queues_that_go_too_early_or_never_are_found() {
    check_within(RARE_SEEDS, Sabotage::IdleQueuesGoEarly, &["QueueDoesNotExist", "is lost"]);
    check(Sabotage::IdleQueuesStay, &["that nobody uses stays"]);
}

#[test]
fn a_panic_in_an_operation_is_found() {
    check(Sabotage::ReceivesPanic, &["InternalFailure"]);
}

#[test]
fn a_failing_history_shrinks_to_one_that_still_fails() {
    let failure = found(Sabotage::DeletesAreForgotten, SEEDS);
    let smaller = shrink(failure.clone());
    assert!(smaller.plan.steps <= failure.step, "{smaller}");
    assert_eq!(run(smaller.seed, &smaller.plan).unwrap_err().what, smaller.what);
    assert!(smaller.to_string().contains(&format!("cargo xtask sim --seed {}", smaller.seed)));
}

#[test]
fn a_calm_day_has_no_crash() {
    let plan = Plan { misfortunes: Misfortunes::NONE, ..Plan::short() };
    let report = run(1, &plan).unwrap();
    assert_eq!((report.crashes(), report.failed_starts, report.unavailable), (0, 0, 0), "{report}");
}

#[track_caller]
fn check_of_streams(sabotage: Sabotage, expected: &[&str]) {
    let plan = Plan { steps: 400, ..Plan::short_of_streams().with(sabotage) };
    is_one_of(&found_in(&plan, RARE_SEEDS), expected);
}

#[test]
fn streams_on_a_disk_that_lies_are_found() {
    let expected = ["is lost", "cannot be opened", "ResourceNotFound", "is not listed", "was closed", "was at"];
    check_of_streams(Sabotage::SyncsDoNothing, &expected);
    check_of_streams(Sabotage::WriteErrorsAreHidden, &expected);
}

#[test]
fn records_that_are_skipped_repeated_or_turned_round_are_found() {
    check_of_streams(Sabotage::RecordsAreSkipped, &["is lost or passed over"]);
    check_of_streams(Sabotage::RecordsAreRepeated, &["before", "stands where record", "of one key are out of order"]);
    check_of_streams(Sabotage::RecordsChangePlaces, &["is shown before"]);
}

#[test]
fn keys_hashes_and_arrivals_that_are_wrong_are_found() {
    check_of_streams(Sabotage::KeysAreDamaged, &["has the key"]);
    check_of_streams(Sabotage::ArrivalsAreDamaged, &["arrived at"]);
    check_of_streams(Sabotage::HashKeysAreIgnored, &["does not fall to"]);
}

#[test]
fn readers_that_begin_elsewhere_or_end_too_early_are_found() {
    check_of_streams(Sabotage::AfterIsAt, &["stands before that"]);
    check_of_streams(Sabotage::LatestIsOldest, &["stands before that"]);
    check_of_streams(Sabotage::MomentsAreLate, &["is lost or passed over", "stands before that"]);
    check_of_streams(Sabotage::ReadersAreToldTheyHaveAll, &["is lost or passed over"]);
}

#[test]
fn shards_that_do_not_change_or_stay_or_are_not_told_are_found() {
    check_of_streams(Sabotage::SplitsAreForgotten, &["was closed", "was split at"]);
    check_of_streams(Sabotage::MergesAreForgotten, &["was closed"]);
    check_of_streams(Sabotage::StreamDeletionsAreForgotten, &["is gone", "was deleted", "ResourceInUse"]);
    check_of_streams(Sabotage::ShardsAreHidden, &["the open shards are", "the children of shard"]);
    check_of_streams(Sabotage::ChildrenAreHidden, &["has no children"]);
    check_of_streams(Sabotage::ParentsAreHidden, &["the children of shard"]);
}

#[test]
fn records_that_stay_too_long_or_go_too_early_are_found() {
    check_of_streams(Sabotage::RetentionIsLonger, &["has expired", "can not be longer than existing"]);
    check_of_streams(Sabotage::RetentionIsShorter, &["is lost or passed over"]);
}

#[test]
fn queues_on_streams_that_forget_or_hide_are_found() {
    check_of_streams(Sabotage::QueuesForgetAcknowledgements, &["is back after its acknowledgement"]);
    check_of_streams(Sabotage::QueuesForgetLeases, &["while it is in flight"]);
    check_of_streams(Sabotage::QueuesForgetCounts, &["was received 1 times"]);
    check_of_streams(Sabotage::QueuesGiveUpLate, &["make a dead letter"]);
    check_of_streams(Sabotage::QueuesHideRecords, &["never comes out"]);
}

#[test]
fn positions_and_generations_of_a_group_that_go_back_are_found() {
    check_of_streams(Sabotage::PositionsAreForgotten, &["and is read on from"]);
    check_of_streams(Sabotage::GenerationsStandStill, &["under the generation"]);
}

#[test]
fn leases_that_two_take_or_that_go_back_are_found() {
    check_of_streams(Sabotage::ConditionsAreIgnored, &["a lease"]);
    check_of_streams(Sabotage::LeasesGoBack, &["a lease"]);
}

/// Seeds within which a bug around topics has to show; each takes as long as ten about queues.
const SEEDS_OF_TOPICS: u64 = 60;

#[track_caller]
fn check_of_topics(sabotage: Sabotage, expected: &[&str]) {
    let plan = Plan { steps: 300, ..Plan::short_of_topics().with(sabotage) };
    is_one_of(&found_in(&plan, SEEDS_OF_TOPICS), expected);
}

#[test]
fn topics_on_a_disk_that_lies_are_found() {
    let expected = [
        "never reaches",
        "cannot be opened",
        "NotFound",
        "QueueDoesNotExist",
        "before",
        "is made once more",
        "told",
        "InvalidParameter",
    ];
    check_of_topics(Sabotage::SyncsDoNothing, &expected);
    check_of_topics(Sabotage::WriteErrorsAreHidden, &expected);
}

#[test]
fn letters_that_are_forgotten_or_doubled_or_go_astray_are_found() {
    check_of_topics(Sabotage::LettersAreForgotten, &["never reaches", "of its group", "nobody was answered"]);
    check_of_topics(Sabotage::LettersComeTwice, &["twice, sent at"]);
    check_of_topics(Sabotage::LettersGoAstray, &["was not published for its subscription"]);
    check_of_topics(Sabotage::DeadLettersAreForgotten, &["never reaches"]);
}

#[test]
fn groups_of_topics_that_change_places_are_found() {
    check_of_topics(
        Sabotage::LettersWait,
        &["of its group", "never reaches", "the topic told otherwise", "nobody was answered"],
    );
    check_of_topics(Sabotage::SequencesFall, &["has the sequence number"]);
}

#[test]
fn publishes_that_repeat_others_and_are_taken_or_do_not_and_are_not_are_found() {
    check_of_topics(Sabotage::PublishesAreNeverDuplicates, &["is published twice", "twice, sent at"]);
    check_of_topics(Sabotage::TopicScopesAreMixed, &["of another"]);
}

#[test]
fn filters_ends_and_confirmations_that_are_forgotten_are_found() {
    let not_meant = "was not published for its subscription, or does not match";
    check_of_topics(Sabotage::FiltersAreForgotten, &[not_meant, "never reaches", "is tried again"]);
    check_of_topics(Sabotage::UnsubscribesAreForgotten, &[not_meant, "is back after its end"]);
    check_of_topics(
        Sabotage::TopicDeletionsAreForgotten,
        &["is gone", not_meant, "is back after its end", "was ended at"],
    );
    check_of_topics(Sabotage::ConfirmationsAreForgotten, &["never reaches"]);
}

#[test]
fn deliveries_that_do_not_keep_to_their_schedule_are_found() {
    check_of_topics(Sabotage::RetriesAreEarly, &["is tried again after", "is given up before its last retry"]);
    check_of_topics(Sabotage::RetriesAreFew, &["is given up before its last retry"]);
    check_of_topics(Sabotage::ReceiversAreBelieved, &["never reaches", "is never told its token"]);
    check_of_topics(Sabotage::NobodyDelivers, &["is never told its token"]);
}

#[test]
fn envelopes_and_reasons_that_are_wrong_are_found() {
    check_of_topics(Sabotage::EnvelopesAreDamaged, &["in the envelope of another"]);
    check_of_topics(Sabotage::ReasonsAreHidden, &["a dead letter without a reason"]);
}
