//! What goes into tidewire's own operations and comes out, declared as data.

use crate::limits;
use wire::Timestamp;
use wire::schema::Rules;

/// An ARN; what it names is looked at later.
const ARN: Rules = Rules { min: Some(1), max: Some(2048), ..Rules::NONE };

/// How much of a listing one answer has.
const RESULTS: Rules = Rules { min: Some(1), max: Some(limits::LISTED as i64), ..Rules::NONE };

wire::shapes! {
    /// DescribeDeliveries.
    DescribeDeliveriesInput {
        topic_arn: String = "TopicArn" if ARN;
        max_results: Option<i32> = "MaxResults" if RESULTS;
        next_token: Option<String> = "NextToken";
    }

    /// What DescribeDeliveries answers.
    DescribeDeliveriesOutput {
        subscriptions: Vec<SubscriptionDeliveries> = "Subscriptions";
        next_token: Option<String> = "NextToken";
    }

    /// A subscription and what waits for it.
    SubscriptionDeliveries {
        subscription_arn: Option<String> = "SubscriptionArn";
        protocol: String = "Protocol";
        endpoint: String = "Endpoint";
        waiting: i64 = "Waiting";
        set_aside: i64 = "SetAside";
        oldest_published_timestamp: Option<Timestamp> = "OldestPublishedTimestamp";
        next_attempt_timestamp: Option<Timestamp> = "NextAttemptTimestamp";
        last_attempt: Option<Attempt> = "LastAttempt";
        last_failure: Option<Attempt> = "LastFailure";
    }

    /// One attempt, as it went.
    Attempt {
        message_id: String = "MessageId";
        published_timestamp: Timestamp = "PublishedTimestamp";
        timestamp: Timestamp = "Timestamp";
        number: i32 = "Number";
        outcome: String = "Outcome";
        duration_millis: i64 = "DurationMilliseconds";
        status_code: Option<i32> = "StatusCode";
        response: Option<String> = "Response";
    }

    /// ListDeliveries.
    ListDeliveriesInput {
        subscription_arn: String = "SubscriptionArn" if ARN;
        max_results: Option<i32> = "MaxResults" if RESULTS;
        next_token: Option<String> = "NextToken";
    }

    /// What ListDeliveries answers.
    ListDeliveriesOutput {
        deliveries: Vec<WaitingDelivery> = "Deliveries";
        next_token: Option<String> = "NextToken";
    }

    /// A delivery that has not ended.
    WaitingDelivery {
        message_id: String = "MessageId";
        r#type: String = "Type";
        published_timestamp: Timestamp = "PublishedTimestamp";
        attempts: i32 = "Attempts";
        next_attempt_timestamp: Option<Timestamp> = "NextAttemptTimestamp";
        last_attempt: Option<Attempt> = "LastAttempt";
    }

    /// ListAttempts.
    ListAttemptsInput {
        subscription_arn: String = "SubscriptionArn" if ARN;
        ended_only: Option<bool> = "EndedOnly";
    }

    /// What ListAttempts answers, newest first.
    ListAttemptsOutput {
        attempts: Vec<Attempt> = "Attempts";
    }
}
