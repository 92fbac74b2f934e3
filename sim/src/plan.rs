//! What a run may do: how many clients and steps, which misfortunes, and for tests of the oracle one planted bug.
//!
//! Everything else is decided by the seed. `steps` only cuts a history off, so a failing one can be shortened without
//! becoming another.

/// What the clients of a history use. All kinds of history live on the same server, disk, clock and network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Queues of SQS.
    Queues,
    /// Streams of Kinesis Data Streams, and what stands on them.
    Streams,
    /// Topics of SNS, and the queues and receivers over HTTP that are subscribed to them.
    Topics,
}

impl Subject {
    /// Every one there is. A seed without a word about it is of the one that its remainder numbers.
    pub const ALL: [Self; 3] = [Self::Queues, Self::Streams, Self::Topics];

    /// What a seed's history is of, unless it is said.
    pub fn of_seed(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Streams => "streams",
            Self::Topics => "topics",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }
}

/// The bounds of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is used.
    pub subject: Subject,
    /// Clients that ask at the same time.
    pub clients: usize,
    /// Steps before the accounts are settled.
    pub steps: usize,
    /// Which misfortunes happen.
    pub misfortunes: Misfortunes,
    /// A bug planted on purpose, which the oracle has to find.
    pub sabotage: Option<Sabotage>,
    /// Keeps the text of the trace.
    pub keep_trace: bool,
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfortunes {
    /// Kills and power cuts, also in the middle of a write and during recovery.
    pub crashes: bool,
    /// Writes, syncs and reads that fail.
    pub disk_errors: bool,
    /// A disk that fills up and is emptied again.
    pub full_disk: bool,
    /// A wall clock that is set by an hour, forward or back, between two starts, and hours that pass at once.
    pub clock_jumps: bool,
    /// Connections that break at any byte.
    pub broken_connections: bool,
    /// A byte that rots on the disk while no process runs.
    pub bit_rot: bool,
}

impl Misfortunes {
    /// All of them.
    pub const ALL: Self = Self {
        crashes: true,
        disk_errors: true,
        full_disk: true,
        clock_jumps: true,
        broken_connections: true,
        bit_rot: true,
    };
    /// A calm day.
    pub const NONE: Self = Self {
        crashes: false,
        disk_errors: false,
        full_disk: false,
        clock_jumps: false,
        broken_connections: false,
        bit_rot: false,
    };
}

/// Bugs that are planted around the product, never in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The disk reports syncs that it did not do.
    SyncsDoNothing,
    /// The disk reports success for writes and syncs that failed.
    WriteErrorsAreHidden,
    /// The service acknowledges deletes that it does not carry out.
    DeletesAreForgotten,
    /// The service acknowledges purges that it does not carry out.
    PurgesAreForgotten,
    /// The oracle is told longer leases than were asked for.
    LeasesAreOverstated,
    /// The oracle is told of longer delays than were asked for.
    DelaysAreOverstated,
    /// A letter of each body is changed on its way to the oracle.
    BodiesAreDamaged,
    /// Nobody who sleeps is woken, so long polls never end.
    SleepersNeverWake,
    /// Now and then an operation panics.
    ReceivesPanic,
    /// The first of several messages of a FIFO queue is left out on its way to the oracle.
    HeadsAreSkipped,
    /// Several messages of a FIFO queue are turned round on their way to the oracle.
    GroupsAreReversed,
    /// What says the same is sent with a deduplication id each.
    ContentIsIgnored,
    /// The queue whose deduplication ids are those of groups has them for all of it.
    ScopesAreMixed,
    /// A deduplication id is forgotten when its message is deleted.
    DeletedIdsAreForgotten,
    /// A cancellation of a message move task is acknowledged and not carried out.
    CancellationsAreForgotten,
    /// Moved messages of a FIFO queue get numbers that fall, on their way to the oracle.
    MovedChangePlaces,
    /// What is to be moved to another queue goes to one of which the oracle does not know that.
    MovesGoAstray,
    /// A purge of a queue with dead letters reaches these in its place.
    PurgesReachTheLetters,
    /// A receive that is asked for again by its name is another one.
    AttemptsAreForgotten,
    /// All receives of a FIFO queue have one name.
    AttemptsAreOne,
    /// When a bit has rotted, messages of a FIFO queue are turned round on their way to the oracle.
    RotTurnsGroups,
    /// Messages of a FIFO queue are sent with a deduplication id each, and the oracle believes that some share one.
    DuplicatesAreTaken,
    /// The FIFO queue answers before the disk has it, and the oracle believes that it waits.
    LeasesAreNotKept,
    /// The service acknowledges message move tasks that it does not begin.
    MovesAreForgotten,
    /// Nobody takes message move tasks further.
    MovesNeverEnd,
    /// Messages that were moved, and were seen so, are shown as they were before on their way to the oracle.
    MovesAreUndone,
    /// Dead letters of a FIFO queue get numbers that fall, on their way to the oracle.
    LettersChangePlaces,
    /// Messages that cannot be read are not counted.
    DamageIsNotTold,
    /// A queue that nobody uses goes earlier than the oracle believes.
    IdleQueuesGoEarly,
    /// It does not go.
    IdleQueuesStay,
    /// The queue that parks groups does so one receive later than the oracle believes.
    GroupsParkTooLate,
    /// It does so one receive earlier.
    GroupsParkTooEarly,
    /// What is deleted is kept for a moment only, and the oracle believes that it is kept for long.
    ShelvesAreShort,
    /// The service acknowledges replays that it does not begin.
    ReplaysAreForgotten,
    /// What is meant for a virtual queue goes to its host, and what is received from one comes from there.
    VirtualQueuesAreOpen,
    /// Purging a virtual queue purges its host.
    VirtualPurgesReachTheHost,
    /// Of several records the first is left out on its way to the oracle.
    RecordsAreSkipped,
    /// Of several records the first is shown in the place of the second, too.
    RecordsAreRepeated,
    /// Of several records the first two are shown in each other's places.
    RecordsChangePlaces,
    /// Records carry another partition key on their way to the oracle.
    KeysAreDamaged,
    /// What arrived a day ago is told to have arrived now.
    ArrivalsAreDamaged,
    /// What has not all is told to have.
    ReadersAreToldTheyHaveAll,
    /// An explicit hash key is not sent.
    HashKeysAreIgnored,
    /// AFTER_SEQUENCE_NUMBER is sent as AT_SEQUENCE_NUMBER.
    AfterIsAt,
    /// LATEST is sent as TRIM_HORIZON.
    LatestIsOldest,
    /// AT_TIMESTAMP is sent with a later moment.
    MomentsAreLate,
    /// The service acknowledges splits that it does not carry out.
    SplitsAreForgotten,
    /// It acknowledges merges that it does not carry out.
    MergesAreForgotten,
    /// It acknowledges deletions of streams that it does not carry out.
    StreamDeletionsAreForgotten,
    /// Records are kept for longer than the oracle believes.
    RetentionIsLonger,
    /// They are kept for a shorter time.
    RetentionIsShorter,
    /// What is written to a lease table is written whatever its condition says.
    ConditionsAreIgnored,
    /// Leases are shown as they were first.
    LeasesGoBack,
    /// Positions of a consumer group are not told to the oracle.
    PositionsAreForgotten,
    /// The generations of a group's shards are told as the first.
    GenerationsStandStill,
    /// Queues on streams acknowledge what they go on handing out.
    QueuesForgetAcknowledgements,
    /// What they hand out is in flight for no time.
    QueuesForgetLeases,
    /// They count every receive as the first.
    QueuesForgetCounts,
    /// They give a record up one receive later than the oracle believes.
    QueuesGiveUpLate,
    /// Of several records the first does not reach the oracle.
    QueuesHideRecords,
    /// The last shard of a listing is left out.
    ShardsAreHidden,
    /// At the end of a shard no children are told.
    ChildrenAreHidden,
    /// A child is told to have no parent.
    ParentsAreHidden,
    /// Now and then a topic's letter is acknowledged to it and put into no queue.
    LettersAreForgotten,
    /// A topic's letter to a FIFO queue comes twice, under another deduplication id.
    LettersComeTwice,
    /// What is for one queue goes to another one.
    LettersGoAstray,
    /// A letter of a group goes behind the next one of it.
    LettersWait,
    /// Letters to dead-letter queues of subscriptions are acknowledged and put nowhere.
    DeadLettersAreForgotten,
    /// Each publish is sent with a deduplication id of its own.
    PublishesAreNeverDuplicates,
    /// The topic whose deduplication ids are those of groups has them for all of it.
    TopicScopesAreMixed,
    /// The service acknowledges filter policies and their scopes that it does not set.
    FiltersAreForgotten,
    /// It acknowledges the ends of subscriptions that it does not end.
    UnsubscribesAreForgotten,
    /// It acknowledges deletions of topics that it does not carry out.
    TopicDeletionsAreForgotten,
    /// It acknowledges confirmations that it does not note.
    ConfirmationsAreForgotten,
    /// Deliveries are tried again sooner than the oracle believes.
    RetriesAreEarly,
    /// They are given up sooner.
    RetriesAreFew,
    /// Whatever a receiver answers is taken for a success.
    ReceiversAreBelieved,
    /// Nobody delivers to receivers that are no queues.
    NobodyDelivers,
    /// Dead letters do not say why they are such on their way to the oracle.
    ReasonsAreHidden,
    /// What stands in envelopes is changed on its way to the oracle.
    EnvelopesAreDamaged,
    /// Sequence numbers of topics are told backwards.
    SequencesFall,
}

impl Plan {
    /// A short history, of which thousands are run.
    pub fn short() -> Self {
        let subject = Subject::Queues;
        Self { subject, clients: 3, steps: 160, misfortunes: Misfortunes::ALL, sabotage: None, keep_trace: false }
    }

    /// The same about streams.
    pub fn short_of_streams() -> Self {
        Self { subject: Subject::Streams, ..Self::short() }
    }

    /// The same about topics.
    pub fn short_of_topics() -> Self {
        Self { subject: Subject::Topics, ..Self::short() }
    }

    /// A long history, for runs of hours.
    pub fn long() -> Self {
        Self { clients: 6, steps: 3_000, ..Self::short() }
    }

    /// The same with a bug.
    #[must_use]
    pub fn with(self, sabotage: Sabotage) -> Self {
        Self { sabotage: Some(sabotage), ..self }
    }
}
