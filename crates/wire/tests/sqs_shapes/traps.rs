//! The wire traps that emulators of SQS are known to fall into, and the forms that clients of every age send.

use crate::api::{
    CreateQueueRequest, GetQueueAttributesRequest, GetQueueAttributesResult, ListQueuesRequest, ListQueuesResult,
    Message, MessageAttributeValue, ReceiveMessageRequest, ReceiveMessageResult, SendMessageBatchRequest,
    SendMessageBatchResult, SendMessageRequest, SetQueueAttributesRequest, XML_NAMESPACE, errors, operations,
};
use bytes::Bytes;
use expect_test::{Expect, expect};
use wire::query::Form;
use wire::{Expected, Found, Nothing, Problem, Read, Segment, cbor, json, query, xml};

fn form<T: Read>(body: &str) -> Result<T, wire::Invalid> {
    query::decode(&Form::parse(b"", body.as_bytes())?)
}

fn check_json(value: &dyn wire::Write, expected: &Expect) {
    expected.assert_eq(std::str::from_utf8(&json::encode(value)).unwrap());
}

#[test]
fn an_empty_receive_has_no_messages_key() {
    check_json(&ReceiveMessageResult { messages: None }, &expect!["{}"]);
}

#[test]
fn an_empty_half_of_a_batch_result_is_left_out() {
    check_json(&SendMessageBatchResult::default(), &expect!["{}"]);
}

#[test]
fn nulls_and_unknown_members_are_as_if_absent() {
    let text =
        br#"{"QueueUrl":"q","MessageBody":"b","DelaySeconds":null,"Unknown":[1,{"a":[]},"\u00e9",-0.5e3,true,null],
        "MessageAttributes":{"gone":null,"kept":{"DataType":"String","StringValue":null}}}"#;
    let request: SendMessageRequest = json::decode(text).unwrap();
    assert_eq!(request.delay_seconds, None);
    let kept = MessageAttributeValue { data_type: "String".into(), ..Default::default() };
    assert_eq!(request.message_attributes, Some(vec![("kept".into(), kept)]));
}

#[test]
fn a_null_required_member_is_missing() {
    let invalid = json::decode::<SendMessageRequest>(br#"{"QueueUrl":"q","MessageBody":null}"#).unwrap_err();
    assert!(matches!(invalid.problem(), Problem::Missing { member } if member.name == "MessageBody"));
}

#[test]
fn an_absent_batch_reads_as_an_empty_one() {
    assert_eq!(json::decode::<SendMessageBatchRequest>(br#"{"QueueUrl":"q"}"#).unwrap().entries, []);
    assert_eq!(form::<SendMessageBatchRequest>("QueueUrl=q").unwrap().entries, []);
}

#[test]
fn an_empty_body_asks_an_operation_that_demands_nothing() {
    assert_eq!(json::decode::<ListQueuesRequest>(b"").unwrap(), ListQueuesRequest::default());
    assert_eq!(json::decode::<ListQueuesRequest>(b" \r\n").unwrap(), ListQueuesRequest::default());
    assert_eq!(cbor::decode::<ListQueuesRequest>(b"").unwrap(), ListQueuesRequest::default());
    assert!(json::decode::<SendMessageRequest>(b"").is_err());
}

#[test]
fn the_path_of_a_mistake_is_told_in_both_spellings() {
    let text = br#"{"QueueUrl":"q","Entries":[{"Id":"a","MessageBody":"b"},{"Id":"c"}]}"#;
    let invalid = json::decode::<SendMessageBatchRequest>(text).unwrap_err();
    assert_eq!(invalid.path().to_string(), "Entries.1.MessageBody");
    assert_eq!(invalid.path().query(), "SendMessageBatchRequestEntry.2.MessageBody");
    assert!(matches!(invalid.path().last(), Some(Segment::Member(member)) if member.name == "MessageBody"));

    let text =
        br#"{"QueueUrl":"q","MessageBody":"b","MessageAttributes":{"n":{"DataType":"Binary","BinaryValue":"%"}}}"#;
    let invalid = json::decode::<SendMessageRequest>(text).unwrap_err();
    assert_eq!(invalid.to_string(), "MessageAttributes.n.BinaryValue: text is not base64");
}

#[test]
fn a_value_of_the_wrong_type_is_described() {
    for (text, expected, found) in [
        (r#"{"MaxResults":"10"}"#, Expected::Integer, Found::String),
        (r#"{"MaxResults":1.5}"#, Expected::Integer, Found::Fraction),
        (r#"{"MaxResults":true}"#, Expected::Integer, Found::Boolean),
        (r#"{"MaxResults":[1]}"#, Expected::Integer, Found::List),
        (r#"{"NextToken":7}"#, Expected::String, Found::Integer),
        (r#"{"NextToken":{}}"#, Expected::String, Found::Object),
        (r#"[]"#, Expected::Structure, Found::List),
        (r#"null"#, Expected::Structure, Found::Null),
    ] {
        let invalid = json::decode::<ListQueuesRequest>(text.as_bytes()).unwrap_err();
        let seen =
            matches!(invalid.problem(), Problem::WrongType { expected: e, found: f } if (*e, *f) == (expected, found));
        assert!(seen, "{text}: {invalid}");
    }
}

#[test]
fn integers_may_be_written_as_floats_and_have_to_fit() {
    for (text, value) in
        [("10", 10), ("10.0", 10), ("1e3", 1000), ("-0", 0), ("-2.5E+1", -25), ("2147483647", i32::MAX)]
    {
        let request: ListQueuesRequest = json::decode(format!("{{\"MaxResults\":{text}}}").as_bytes()).unwrap();
        assert_eq!(request.max_results, Some(value), "{text}");
    }
    for text in ["2147483648", "-2147483649", "99999999999999999999", "1e300"] {
        let invalid = json::decode::<ListQueuesRequest>(format!("{{\"MaxResults\":{text}}}").as_bytes()).unwrap_err();
        assert!(matches!(invalid.problem(), Problem::OutOfRange { .. }), "{text}: {invalid}");
    }
}

#[test]
fn old_and_new_clients_ask_for_attributes_in_their_own_form() {
    for body in [
        "QueueUrl=q&AttributeName.1=All&AttributeName.2=Policy",
        "QueueUrl=q&AttributeName.7=Policy&AttributeName.3=All",
        "QueueUrl=q&AttributeName.member.1=All&AttributeName.member.2=Policy",
        "QueueUrl=q&AttributeNames.1=All&AttributeNames.2=Policy",
        "QueueUrl=q&AttributeNames.member.1=All&AttributeNames.member.10=Policy",
    ] {
        let names = form::<GetQueueAttributesRequest>(body).unwrap().attribute_names.unwrap();
        assert_eq!(names, ["All", "Policy"], "{body}");
    }
    let one = form::<GetQueueAttributesRequest>("QueueUrl=q&AttributeName=All").unwrap();
    assert_eq!(one.attribute_names.unwrap(), ["All"]);
    let none = form::<GetQueueAttributesRequest>("QueueUrl=q&AttributeNames=").unwrap();
    assert_eq!(none.attribute_names.unwrap(), Vec::<String>::new());
}

#[test]
fn queue_attributes_are_read_with_and_without_an_index() {
    let expected = vec![("VisibilityTimeout".to_owned(), "5".to_owned())];
    for body in [
        "QueueUrl=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=5",
        "QueueUrl=q&Attribute.Name=VisibilityTimeout&Attribute.Value=5",
        "QueueUrl=q&Attributes.entry.1.key=VisibilityTimeout&Attributes.entry.1.value=5",
    ] {
        assert_eq!(form::<SetQueueAttributesRequest>(body).unwrap().attributes, expected, "{body}");
    }
    let invalid = form::<SetQueueAttributesRequest>("QueueUrl=q&Attribute.1.Value=5").unwrap_err();
    assert!(matches!(invalid.problem(), Problem::MissingKey));
    assert_eq!(invalid.path().query(), "Attribute.1");
}

#[test]
fn both_lists_of_system_attributes_are_read() {
    let body =
        "QueueUrl=q&AttributeName.1=SenderId&MessageSystemAttributeName.1=SentTimestamp&MessageAttributeName.1=All";
    let request = form::<ReceiveMessageRequest>(body).unwrap();
    assert_eq!(request.attribute_names.unwrap(), ["SenderId"]);
    assert_eq!(request.message_system_attribute_names.unwrap(), ["SentTimestamp"]);
    assert_eq!(request.message_attribute_names.unwrap(), ["All"]);
}

#[test]
fn tags_of_a_new_queue_are_read_in_both_protocols() {
    let expected = Some(vec![("team".to_owned(), "a b".to_owned())]);
    assert_eq!(form::<CreateQueueRequest>("QueueName=q&Tag.1.Key=team&Tag.1.Value=a+b").unwrap().tags, expected);
    assert_eq!(
        json::decode::<CreateQueueRequest>(br#"{"QueueName":"q","tags":{"team":"a b"}}"#).unwrap().tags,
        expected
    );
}

#[test]
fn the_queue_url_may_come_from_the_path_of_the_request() {
    let mut form = Form::parse(b"Action=SendMessage&Version=2012-11-05", b"MessageBody=%C3%A9%26+%2B").unwrap();
    form.set_if_absent("QueueUrl", "http://localhost:4566/000000000000/q");
    form.set_if_absent("MessageBody", "not this");
    assert_eq!((form.action(), form.version(), form.get("Nothing")), (Some("SendMessage"), Some("2012-11-05"), None));
    let request: SendMessageRequest = query::decode(&form).unwrap();
    assert_eq!(request.queue_url, "http://localhost:4566/000000000000/q");
    assert_eq!(request.message_body, "é& +");
}

#[test]
fn the_last_of_equal_names_wins() {
    assert_eq!(form::<ListQueuesRequest>("NextToken=a&NextToken=b").unwrap().next_token.unwrap(), "b");
    let request: CreateQueueRequest =
        json::decode(br#"{"QueueName":"q","Attributes":{"a":"1","b":"2","a":"3"}}"#).unwrap();
    assert_eq!(request.attributes.unwrap(), [("b".into(), "2".into()), ("a".into(), "3".into())]);
}

#[test]
fn forms_refuse_what_is_no_number_and_what_is_no_form() {
    let invalid = form::<ListQueuesRequest>("MaxResults=ten").unwrap_err();
    assert!(matches!(invalid.problem(), Problem::WrongType { expected: Expected::Integer, found: Found::String }));
    assert!(matches!(
        form::<ListQueuesRequest>("MaxResults=9999999999").unwrap_err().problem(),
        Problem::OutOfRange { .. }
    ));
    assert!(matches!(form::<ListQueuesRequest>("NextToken=%4").unwrap_err().problem(), Problem::Syntax { offset: 10 }));
    assert!(matches!(form::<ListQueuesRequest>("NextToken=%ff").unwrap_err().problem(), Problem::NotUtf8));
}

#[test]
fn xml_replies_are_spelled_as_the_api_reference_shows_them() {
    let value = MessageAttributeValue {
        data_type: "Binary".into(),
        binary_value: Some(Bytes::from_static(b"\x00\xff")),
        string_list_values: Some(vec!["a".into(), "b".into()]),
        ..Default::default()
    };
    let message = Message {
        message_id: Some("m".into()),
        body: Some("<a href=\"x\">'\r\n\t&\u{1}\u{e9}</a>".into()),
        attributes: Some(vec![("SenderId".into(), "me".into())]),
        message_attributes: Some(vec![("n".into(), value)]),
        ..Default::default()
    };
    let result = ReceiveMessageResult { messages: Some(vec![message.clone(), Message::default()]) };
    let bytes = xml::encode(&operations::RECEIVE_MESSAGE, XML_NAMESPACE, "r-1", &result);
    expect![[r#"<?xml version="1.0"?><ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult><Message><MessageId>m</MessageId><Body>&lt;a href=&quot;x&quot;&gt;'&#xD;
	&amp;&#x1;é&lt;/a&gt;</Body><Attribute><Name>SenderId</Name><Value>me</Value></Attribute><MessageAttribute><Name>n</Name><Value><BinaryValue>AP8=</BinaryValue><StringListValue>a</StringListValue><StringListValue>b</StringListValue><DataType>Binary</DataType></Value></MessageAttribute></Message><Message></Message></ReceiveMessageResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></ReceiveMessageResponse>"#]]
    .assert_eq(std::str::from_utf8(&bytes).unwrap());
}

#[test]
fn xml_lists_and_maps_of_a_result_are_flat() {
    let urls = ListQueuesResult { queue_urls: Some(vec!["a".into(), "b".into()]), next_token: Some("t".into()) };
    let bytes = xml::encode(&operations::LIST_QUEUES, "ns", "r", &urls);
    expect![[r#"<?xml version="1.0"?><ListQueuesResponse xmlns="ns"><ListQueuesResult><QueueUrl>a</QueueUrl><QueueUrl>b</QueueUrl><NextToken>t</NextToken></ListQueuesResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListQueuesResponse>"#]]
    .assert_eq(std::str::from_utf8(&bytes).unwrap());
    let attributes =
        GetQueueAttributesResult { attributes: Some(vec![("A".into(), "1".into()), ("B".into(), "2".into())]) };
    let bytes = xml::encode(&operations::GET_QUEUE_ATTRIBUTES, "ns", "r", &attributes);
    expect![[r#"<?xml version="1.0"?><GetQueueAttributesResponse xmlns="ns"><GetQueueAttributesResult><Attribute><Name>A</Name><Value>1</Value></Attribute><Attribute><Name>B</Name><Value>2</Value></Attribute></GetQueueAttributesResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetQueueAttributesResponse>"#]]
    .assert_eq(std::str::from_utf8(&bytes).unwrap());
}

#[test]
fn an_operation_without_output_has_no_result_element() {
    let bytes = xml::encode(&operations::DELETE_MESSAGE, "ns", "r", &Nothing);
    expect![[r#"<?xml version="1.0"?><DeleteMessageResponse xmlns="ns"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteMessageResponse>"#]]
    .assert_eq(std::str::from_utf8(&bytes).unwrap());
    check_json(&Nothing, &expect!["{}"]);
}

#[test]
fn errors_are_spelled_per_protocol() {
    let error = &errors::QUEUE_DOES_NOT_EXIST;
    let bytes = xml::encode_error(error, "no \"q\"", XML_NAMESPACE, "r");
    expect![[r#"<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>no &quot;q&quot;</Message><Detail/></Error><RequestId>r</RequestId></ErrorResponse>"#]]
    .assert_eq(std::str::from_utf8(&bytes).unwrap());
    expect![[r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no \"q\""}"#]]
        .assert_eq(std::str::from_utf8(&json::encode_error(error.type_name, "no \"q\"")).unwrap());
    let fields: Vec<(String, String)> = cbor::decode(&cbor::encode_error(error.type_name, "no")).unwrap();
    assert_eq!(fields, [("__type".into(), error.type_name.into()), ("message".into(), "no".into())]);
}
