//! What AWS was recorded to answer, case by case, under the name of the recording.
//!
//! Source: LocalStack's AWS-validated snapshots `test_sns_filter_policy.snapshot.json` (May 2024) and `test_sns.snapshot.json`
//! (October 2025); the policies are sent as Python writes JSON, with spaces, which the places in AWS's answers do not count. The
//! last ones are of yavosh/pail's recordings, `sns-filter-policies` and `sns-filter-edge-cases`.

use filter::{Attribute, Filter, Limits, Message, Refused, Scope};

const SUBSCRIBE: &str = "Invalid parameter: Attributes Reason: ";
const SET: &str = "Invalid parameter: ";

fn refused(policy: &str, scope: Scope) -> Refused {
    Filter::compile(policy, scope, &Limits::AWS).expect_err(policy)
}

/// What Subscribe answers to each of these policies, by the name of the recording.
fn subscribing_answers(cases: &[(&str, &str, &str)]) {
    for (name, policy, answer) in cases {
        let said = format!("{SUBSCRIBE}{}", refused(policy, Scope::MessageAttributes).message());
        assert_eq!(said, *answer, "{name}");
    }
}

fn accepted(policy: &str, scope: Scope) -> Filter {
    Filter::compile(policy, scope, &Limits::AWS).expect(policy).expect("a policy that filters")
}

fn body_passes(filter: &Filter, body: &str) -> bool {
    let message = Message { attributes: &[], body };
    let passes = filter.matches(&message);
    assert_eq!(filter.explain(&message).passes, passes, "{body}");
    passes
}

fn passes(filter: &Filter, attributes: &[(&str, &str, &str)]) -> bool {
    let attribute = |(name, data_type, text)| Attribute { name, data_type, text: Some(text) };
    let attributes: Vec<Attribute> = attributes.iter().copied().map(attribute).collect();
    let message = Message { attributes: &attributes, body: "This is a test message" };
    let passes = filter.matches(&message);
    assert_eq!(filter.explain(&message).passes, passes);
    passes
}

fn values(count: usize) -> String {
    (0..count).map(|value| format!("\"value{value}\"")).collect::<Vec<_>>().join(", ")
}

#[test]
fn test_validate_policy() {
    subscribing_answers(&[
        (
            "error-condition-list",
            r#"{"key": [["value"]]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Match value must be String, number, true, false, or null\n at [Source: (String)\"{\"key\":[[\"value\"]]}\"; line: 1, column: 10]",
        ),
        (
            "error-condition-operator",
            r#"{"key": [{"wrong-operator": true}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Unrecognized match type wrong-operator\n at [Source: (String)\"{\"key\":[{\"wrong-operator\":true}]}\"; line: 1, column: 31]",
        ),
        (
            "error-condition-two-operators",
            r#"{"key": [{"suffix": "value", "prefix": "value2"}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Only one key allowed in match expression\n at [Source: (String)\"{\"key\":[{\"suffix\":\"value\",\"prefix\":\"value2\"}]}\"; line: 1, column: 37]",
        ),
    ]);
}

#[test]
fn test_validate_policy_string_operators() {
    subscribing_answers(&[
        (
            "error-condition-is-numeric",
            r#"{"key": [{"suffix": 100}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"suffix\":100}]}\"; line: 1, column: 22]",
        ),
        (
            "error-condition-is-none",
            r#"{"key": [{"suffix": null}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"suffix\":null}]}\"; line: 1, column: 23]",
        ),
        (
            "error-condition-is-not-list-and-operator",
            r#"{"key": {"suffix": "value"}}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: \"suffix\" must be an object or an array\n at [Source: (String)\"{\"key\":{\"suffix\":\"value\"}}\"; line: 1, column: 19]",
        ),
        (
            "error-condition-empty-list",
            r#"{"key": [{"suffix": []}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"suffix\":[]}]}\"; line: 1, column: 20]",
        ),
        (
            "error-condition-list-wrong-type",
            r#"{"key": [{"suffix": ["test", "test2"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"suffix\":[\"test\",\"test2\"]}]}\"; line: 1, column: 20]",
        ),
        (
            "error-condition-is-not-list-two-ops",
            r#"{"key": {"suffix": "value", "prefix": "value"}}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: \"suffix\" must be an object or an array\n at [Source: (String)\"{\"key\":{\"suffix\":\"value\",\"prefix\":\"value\"}}\"; line: 1, column: 19]",
        ),
        (
            "error-condition-is-not-list-and-no-operator",
            r#"{"key": {"not-an-operator": "value"}}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: \"not-an-operator\" must be an object or an array\n at [Source: (String)\"{\"key\":{\"not-an-operator\":\"value\"}}\"; line: 1, column: 28]",
        ),
    ]);
}

#[test]
fn test_validate_policy_numeric_operator() {
    subscribing_answers(&[
        (
            "error-numeric-empty",
            r#"{"key": [{"numeric": []}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Invalid member in numeric match: ]\n at [Source: (String)\"{\"key\":[{\"numeric\":[]}]}\"; line: 1, column: 22]",
        ),
        (
            "error-numeric-wrong-operator",
            r#"{"key": [{"numeric": ["operator"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Unrecognized numeric range operator: operator\n at [Source: (String)\"{\"key\":[{\"numeric\":[\"operator\"]}]}\"; line: 1, column: 32]",
        ),
        (
            "error-numeric-operator-order",
            r#"{"key": [{"numeric": [1, "<="]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Invalid member in numeric match: 1\n at [Source: (String)\"{\"key\":[{\"numeric\":[1,\"<=\"]}]}\"; line: 1, column: 22]",
        ),
        (
            "error-numeric-type",
            r#"{"key": [{"numeric": ["=", "000"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Value of equals must be numeric\n at [Source: (String)\"{\"key\":[{\"numeric\":[\"=\",\"000\"]}]}\"; line: 1, column: 26]",
        ),
        (
            "error-numeric-missing-value",
            r#"{"key": [{"numeric": [">="]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Value of >= must be numeric\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">=\"]}]}\"; line: 1, column: 26]",
        ),
    ]);
}

#[test]
fn test_validate_policy_numeric_operator_of_ranges() {
    subscribing_answers(&[
        (
            "error-numeric-wrong-range-order",
            r#"{"key": [{"numeric": ["<", 100, ">", 10]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Too many elements in numeric expression\n at [Source: (String)\"{\"key\":[{\"numeric\":[\"<\",100,\">\",10]}]}\"; line: 1, column: 30]",
        ),
        (
            "error-numeric-wrong-range-operators",
            r#"{"key": [{"numeric": [">=", 1, ">", 2]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Bad numeric range operator: >\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">=\",1,\">\",2]}]}\"; line: 1, column: 31]",
        ),
        (
            "error-numeric-wrong-value-order",
            r#"{"key": [{"numeric": [">", 3, "<", 1]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Bottom must be less than top\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",3,\"<\",1]}]}\"; line: 1, column: 33]",
        ),
        (
            "error-numeric-missing-range-value",
            r#"{"key": [{"numeric": [">", 20, "<="]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Value of <= must be numeric\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",20,\"<=\"]}]}\"; line: 1, column: 33]",
        ),
        (
            "error-numeric-missing-range-operator",
            r#"{"key": [{"numeric": [">", 20, 30]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Bad value in numeric range: 30\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",20,30]}]}\"; line: 1, column: 30]",
        ),
        (
            "error-numeric-wrong-second-range-operator",
            r#"{"key": [{"numeric": [">", 20, "test"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Bad numeric range operator: test\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",20,\"test\"]}]}\"; line: 1, column: 34]",
        ),
        (
            "error-numeric-wrong-range-value-1-type",
            r#"{"key": [{"numeric": [">", "20", "<", "30"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Value of > must be numeric\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",\"20\",\"<\",\"30\"]}]}\"; line: 1, column: 26]",
        ),
        (
            "error-numeric-wrong-range-value-2-type",
            r#"{"key": [{"numeric": [">", 20, "<", "30"]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Value of < must be numeric\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",20,\"<\",\"30\"]}]}\"; line: 1, column: 33]",
        ),
        (
            "error-numeric-too-many-range",
            r#"{"key": [{"numeric": [">", 20, "<", 30, "<", 50]}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Too many terms in numeric range expression\n at [Source: (String)\"{\"key\":[{\"numeric\":[\">\",20,\"<\",30,\"<\",50]}]}\"; line: 1, column: 36]",
        ),
    ]);
}

#[test]
fn test_validate_policy_exists_operator() {
    subscribing_answers(&[
        (
            "error-condition-none",
            r#"{"key": [{"exists": null}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: exists match pattern must be either true or false.\n at [Source: (String)\"{\"key\":[{\"exists\":null}]}\"; line: 1, column: 23]",
        ),
        (
            "error-condition-string",
            r#"{"key": [{"exists": "no"}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: exists match pattern must be either true or false.\n at [Source: (String)\"{\"key\":[{\"exists\":\"no\"}]}\"; line: 1, column: 20]",
        ),
    ]);
}

#[test]
fn test_validate_policy_nested_anything_but_operator() {
    subscribing_answers(&[
        (
            "error-condition-wrong-operator",
            r#"{"key": [{"anything-but": {"wrong-operator": null}}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Unsupported anything-but pattern: wrong-operator\n at [Source: (String)\"{\"key\":[{\"anything-but\":{\"wrong-operator\":null}}]}\"; line: 1, column: 47]",
        ),
        (
            "error-condition-anything-but-suffix",
            r#"{"key": [{"anything-but": {"suffix": "test"}}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Unsupported anything-but pattern: suffix\n at [Source: (String)\"{\"key\":[{\"anything-but\":{\"suffix\":\"test\"}}]}\"; line: 1, column: 36]",
        ),
        (
            "error-condition-anything-but-exists",
            r#"{"key": [{"anything-but": {"exists": false}}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: Unsupported anything-but pattern: exists\n at [Source: (String)\"{\"key\":[{\"anything-but\":{\"exists\":false}}]}\"; line: 1, column: 40]",
        ),
        (
            "error-condition-anything-but-prefix-wrong-type",
            r#"{"key": [{"anything-but": {"prefix": false}}]}"#,
            "Invalid parameter: Attributes Reason: FilterPolicy: prefix match pattern must be a string\n at [Source: (String)\"{\"key\":[{\"anything-but\":{\"prefix\":false}}]}\"; line: 1, column: 40]",
        ),
    ]);
    for policy in [
        r#"{"key": [{"anything-but": {"prefix": "test-"}}]}"#,
        r#"{"key": [{"anything-but": ["test", "test2"]}]}"#,
        r#"{"key": [{"anything-but": "test"}]}"#,
    ] {
        accepted(policy, Scope::MessageAttributes);
    }
}

#[test]
fn test_policy_complexity() {
    let (one, two) = (values(151), format!(r#"{{"key1": [{}], "key2": [{}]}}"#, values(100), values(51)));
    let six: Vec<String> = (1..=6).map(|key| format!(r#""key{key}": ["value{key}"]"#)).collect();
    subscribing_answers(&[
        (
            "error-complexity-in-one-condition",
            &format!(r#"{{"key": [{one}]}}"#),
            "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex",
        ),
        (
            "error-complexity-in-two-conditions",
            &two,
            "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex",
        ),
        (
            "error-complexity-too-many-fields",
            &format!("{{{}}}", six.join(", ")),
            "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy can not have more than 5 keys",
        ),
    ]);
    accepted(&format!(r#"{{"key": [{}]}}"#, values(150)), Scope::MessageAttributes);
}

#[test]
fn test_policy_complexity_with_or() {
    // 4 × 6 + 4 × 4 × 4 + 4 × 4 × 4 = 152.
    let flat = r#"{"source": ["aws.cloudwatch", "aws.events", "aws.test", "aws.test2"], "$or": [
        {"metricName": ["CPUUtilization", "ReadLatency", "t1", "t2", "t3", "t4"]},
        {"metricType": ["MetricType", "TestType", "TestType2", "TestType3"],
         "$or": [{"metricId": [1234, 4321, 5678, 9012]}, {"spaceId": [1, 2, 3, 4]}]}]}"#;
    let said = format!("{SUBSCRIBE}{}", refused(flat, Scope::MessageAttributes).message());
    assert_eq!(
        said, "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex",
        "error-complexity-or-flat"
    );
    // 24 + 72 + 16 + 48 = 160: what is nested counts by its depth.
    let nested = r#"{"$or": [{"metricName": ["CPUUtilization", "ReadLatency", "TestValue"]}, {"namespace": ["AWS/EC2", "AWS/ES"]}],
        "detail": {"scope": ["Service", "Test"],
         "$or": [{"source": ["aws.cloudwatch"]}, {"type": ["CloudWatch Alarm State Change", "TestValue", "TestValue2"]}]}}"#;
    let said = format!("{SUBSCRIBE}{}", refused(nested, Scope::MessageBody).message());
    assert_eq!(
        said, "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex",
        "error-complexity-or-nested"
    );
    // 3 × 6 + 3 × 4 × 4 + 3 × 4 × 7 = 150.
    let taken = r#"{"source": ["aws.cloudwatch", "aws.events", "aws.test"], "$or": [
        {"metricName": ["CPUUtilization", "ReadLatency", "TestVal", "TestVal2", "TestVal3", "TestVal4"]},
        {"metricType": ["MetricType", "TestType", "TestType2", "TestType3"],
         "$or": [{"metricId": [1234, 4321, 5678, 9012]}, {"spaceId": [1, 2, 3, 4, 5, 6, 7]}]}]}"#;
    accepted(taken, Scope::MessageAttributes);
}

#[test]
fn test_sub_filter_policy_nested_property() {
    let policy = r#"{"object": {"key": [{"prefix": "auto-"}]}}"#;
    let said = format!("{SET}{}", refused(policy, Scope::MessageAttributes).message());
    assert_eq!(said, "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy");
    accepted(policy, Scope::MessageBody);
}

#[test]
fn test_sub_filter_policy_nested_property_constraints() {
    let answer = |policy: &str| format!("{SET}{}", refused(policy, Scope::MessageBody).message());
    // 3 × 4 × 2 × 3 × 1 × 3 = 216.
    let combinations = r#"{"key_a": {"key_b": {"key_c": ["value_one", "value_two", "value_three", "value_four"]}},
        "key_d": {"key_e": ["value_one", "value_two", "value_three"]}, "key_f": ["value_one", "value_two", "value_three"]}"#;
    assert_eq!(answer(combinations), "Invalid parameter: FilterPolicy: Filter policy is too complex");
    let keys = r#"{"key_a": ["value_one"], "key_b": ["value_two"], "key_c": ["value_three"], "key_d": ["value_four"],
        "key_e": ["value_five"], "key_f": ["value_six"]}"#;
    assert_eq!(answer(keys), "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys");
    assert_eq!(
        answer(r#"{"key_a": "value_one"}"#),
        "Invalid parameter: FilterPolicy: \"key_a\" must be an object or an array\n at [Source: (String)\"{\"key_a\":\"value_one\"}\"; line: 1, column: 11]"
    );
}

#[test]
fn test_set_subscription_filter_policy_scope() {
    let refused = Scope::parse("RandomValue").unwrap_err();
    let answer = "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes";
    assert_eq!(format!("{SET}{}", refused.message()), answer);
    for scope in [Scope::MessageAttributes, Scope::MessageBody] {
        assert_eq!(Scope::parse(scope.name()), Ok(scope));
    }
}

#[test]
fn test_validate_set_sub_attributes_invalid_json_filter_policy() {
    let said = format!("{SET}{}", refused("{invalidjson}", Scope::MessageAttributes).message());
    assert_eq!(
        said,
        "Invalid parameter: FilterPolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
    );
}

#[test]
fn test_filter_policy() {
    let filter = accepted(r#"{"attr1": [{"numeric": [">", 0, "<=", 100]}]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("attr1", "Number", "99")]), "messages-1");
    assert!(passes(&filter, &[("attr1", "Number", "99.12")]), "test_subscribe_sqs_queue");
    assert!(!passes(&filter, &[("attr1", "Number", "111")]), "messages-2");
    let filter = accepted(r#"{"attr1": [null, {"anything-but": "whatever"}]}"#, Scope::MessageAttributes);
    assert!(!passes(&filter, &[]), "messages-3");
    assert_eq!(Filter::compile("", Scope::MessageAttributes, &Limits::AWS), Ok(None), "messages-4");
}

#[test]
fn test_exists_filter_policy() {
    let filter = accepted(r#"{"store": [{"exists": true}]}"#, Scope::MessageAttributes);
    let both: &[_] = &[("store", "Number", "99"), ("def", "Number", "99")];
    assert!(passes(&filter, both), "messages-1");
    assert!(!passes(&filter, &[("attr1", "Number", "111")]), "messages-2");
    let filter = accepted(r#"{"store": [{"exists": false}]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("def", "Number", "99")]), "messages-3");
    assert!(!passes(&filter, both), "messages-4");
}

#[test]
fn test_exists_filter_policy_attributes_array() {
    let filter = accepted(r#"{"store": ["value1"]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("store", "String", "value1")]), "messages-1");
    assert!(passes(&filter, &[("store", "String.Array", r#"["value1", "value2"]"#)]), "messages-2");
    assert!(!passes(&filter, &[("store", "String.Array", r#"["value2", "value3"]"#)]), "messages-3");
}

#[test]
fn test_filter_policy_on_message_body() {
    let policy = r#"{"object": {"key": [{"prefix": "auto-"}, "hardcodedvalue"], "nested_key": [{"exists": false}]},
        "test": [{"exists": false}]}"#;
    let filter = accepted(policy, Scope::MessageBody);
    for body in [r#"{"object": {"key": "auto-test"}}"#, r#"{"object": {"key": "hardcodedvalue"}}"#] {
        assert!(body_passes(&filter, body), "{body}");
    }
    for body in [
        r#"{"object": {"key": "test-auto"}}"#,
        r#"{"object": {"key": "auto-test"}, "test": "just-exists"}"#,
        r#"{"object": {"key": "auto-test", "nested_key": "just-exists"}}"#,
        r#"{"object": {"test": "auto-test"}}"#,
        r#"{"test": "auto-test"}"#,
        "Regular string message",
        "\"Regular string message\"",
    ] {
        assert!(!body_passes(&filter, body), "{body}");
    }
}

#[test]
fn test_filter_policy_for_batch() {
    let filter = accepted(r#"{"attr1": [{"numeric": [">", 0, "<=", 100]}]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("attr1", "Number", "99")]), "messages-with-filter-after-publish-ok");
    assert!(!passes(&filter, &[("attr1", "Number", "111")]), "messages-with-filter-after-publish-filtered");
}

#[test]
fn test_filter_policy_on_message_body_dot_attribute() {
    let filter = accepted(r#"{"object.nested": ["string.value"]}"#, Scope::MessageBody);
    for body in [r#"{"object": {"nested": "string.value"}}"#, r#"{"object.nested": "string.value"}"#] {
        assert!(body_passes(&filter, body), "{body}");
    }
    assert!(!body_passes(&filter, r#"{"object": {"nested": "test-auto"}}"#));
    let filter = accepted(r#"{"object.nested.test": ["string.value"]}"#, Scope::MessageBody);
    for body in [
        r#"{"object": {"nested": {"test": "string.value"}}}"#,
        r#"{"object.nested.test": "string.value"}"#,
        r#"{"object.nested": {"test": "string.value"}}"#,
        r#"{"object": {"nested.test": "string.value"}}"#,
    ] {
        assert!(body_passes(&filter, body), "{body}");
    }
    assert!(!body_passes(&filter, r#"{"object": {"nested": {"test": "string.notvalue"}}}"#));
}

#[test]
fn test_filter_policy_on_message_body_array_attributes() {
    let queue = |name: &str| accepted(&format!(r#"{{"headers": {{"route-to": ["{name}"]}}}}"#), Scope::MessageBody);
    let (one, two) = (queue("queue1"), queue("queue2"));
    let passing = |body: &str| (body_passes(&one, body), body_passes(&two, body));
    assert_eq!(passing(r#"{"headers": {"route-to": ["queue3"]}}"#), (false, false));
    assert_eq!(passing(r#"{"headers": {"route-to": ["queue1"]}}"#), (true, false));
    assert_eq!(passing(r#"{"headers": {"route-to": ["queue2"]}}"#), (false, true));
    assert_eq!(passing(r#"{"headers": {"route-to": ["queue1", "queue2"]}}"#), (true, true));
}

#[test]
fn test_filter_policy_on_message_body_array_of_object_attributes() {
    let policy = r#"{"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}}"#;
    let filter = accepted(policy, Scope::MessageBody);
    let record = |event: &str, key: &str| {
        format!(
            r#"{{"Records": [{{"eventSource": "aws:s3", "eventName": "{event}", "s3": {{"bucket": {{"name": "demo"}},
                "object": {{"key": "{key}", "size": 17}}}}}}]}}"#
        )
    };
    let several = r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {"object": [[{"key": "auto-insurance-2314.xml", "size": 17}]]}},
        {"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete",
            "s3": {"object": {"key": "home-insurance-2314.xml", "size": 17}}}]}"#;
    assert!(body_passes(&filter, several));
    assert!(body_passes(&filter, &record("ObjectCreated:Put", "auto-insurance-2314.xml")));
    assert!(!body_passes(&filter, &record("ObjectRemoved:Delete", "auto-insurance-2314.xml")));
    assert!(!body_passes(&filter, &record("ObjectCreated:Put", "home-insurance-2314.xml")));
}

#[test]
fn test_filter_policy_on_message_body_or_attribute() {
    let policy = r#"{"$or": [{"metricName": ["CPUUtilization", "ReadLatency"]}, {"namespace": ["AWS/EC2", "AWS/ES"]}],
        "detail": {"scope": ["Service"], "$or": [{"source": ["aws.cloudwatch"]}, {"type": ["CloudWatch Alarm State Change"]}]}}"#;
    let filter = accepted(policy, Scope::MessageBody);
    for body in [
        r#"{"metricName": "CPUUtilization", "detail": {"scope": "aws.cloudwatch", "type": "CloudWatch Alarm State Change"}}"#,
        r#"{"metricName": "CPUUtilization", "detail": {"scope": "Service", "type": "CPUUtilization"}}"#,
        r#"{"metricName": "CPUUtilization", "detail": {"type": "CloudWatch Alarm State Change"}}"#,
        r#"{"metricName": "CPUUtilization", "detail": {"scope": "Service"}}"#,
        r#"{"metricName": "CPUUtilization", "scope": "Service"}"#,
    ] {
        assert!(!body_passes(&filter, body), "{body}");
    }
    for body in [
        r#"{"metricName": "CPUUtilization", "detail": {"scope": "Service", "source": "aws.cloudwatch"}}"#,
        r#"{"metricName": "ReadLatency", "detail": {"scope": "Service", "source": "aws.cloudwatch"}}"#,
        r#"{"namespace": "AWS/EC2", "detail": {"scope": "Service", "source": "aws.cloudwatch"}}"#,
        r#"{"namespace": "AWS/ES", "detail": {"scope": "Service", "source": "aws.cloudwatch"}}"#,
        r#"{"metricName": "CPUUtilization", "detail": {"scope": "Service", "type": "CloudWatch Alarm State Change"}}"#,
    ] {
        assert!(body_passes(&filter, body), "{body}");
    }
}

#[test]
fn sns_filter_policies() {
    let filter =
        accepted(r#"{"color":["blue","green"],"size":[{"numeric":[">",10,"<=",20]}]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("color", "String", "blue"), ("size", "Number", "15")]), "publish-match");
    assert!(!passes(&filter, &[("color", "String", "red"), ("size", "Number", "15")]), "publish-wrong-color");
    assert!(!passes(&filter, &[("color", "String", "blue"), ("size", "String", "15")]), "publish-size-as-string");
    let filter = accepted(r#"{"order":{"total":[{"numeric":[">=",100]}],"kind":["book"]}}"#, Scope::MessageBody);
    assert!(body_passes(&filter, r#"{"order":{"total":150,"kind":["book","pen"]}}"#), "publish-body-match");
    assert!(!body_passes(&filter, "not json"), "publish-body-not-json");
    assert_eq!(Filter::compile("{}", Scope::MessageBody, &Limits::AWS), Ok(None), "set-empty-policy");
}

#[test]
fn sns_filter_edge_cases() {
    let filter = accepted(r#"{"env":[{"anything-but":["prod"]}]}"#, Scope::MessageAttributes);
    assert!(!passes(&filter, &[]), "publish-anything-but-absent");
    assert!(passes(&filter, &[("env", "String", "dev")]), "publish-anything-but-sentinel");
    assert!(passes(&filter, &[("env", "Number", "5")]), "publish-anything-but-number");
    let filter = accepted(r#"{"size":[{"anything-but":[10]}]}"#, Scope::MessageAttributes);
    assert!(passes(&filter, &[("size", "String", "abc")]), "publish-anything-but-string");
    let six = r#"{"order":{"a":["x"],"b":["x"],"c":["x"],"d":["x"],"e":["x"],"f":["x"]}}"#;
    assert_eq!(refused(six, Scope::MessageBody), Refused::TooManyKeys(5), "set-nested-six-leaves");
    accepted(r#"{"order":{"a":["x"],"b":["x"],"c":["x"]},"more":{"d":["x"],"e":["x"]}}"#, Scope::MessageBody);
    let filter = accepted(r#"{"order":{"coupon":[{"exists":false}]}}"#, Scope::MessageBody);
    assert!(body_passes(&filter, r#"{"order":{"total":1}}"#), "publish-missing-leaf");
    assert!(body_passes(&filter, r#"{"other":1}"#), "publish-missing-parent");
}
