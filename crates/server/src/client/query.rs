//! awsQuery as a client speaks it: inputs as forms, answers and errors out of XML, both by the service's model.
//!
//! Values are JSON as the other dialect has them, so whoever asks does not know which it is. Source: the specification of awsQuery in
//! Smithy ("AWS query protocol").

use super::xml::Element;
use serde_json::{Map, Value, json};
use wire::schema::{Member, ServiceShape, Shape, StructShape};

/// The form that asks for an operation.
pub(super) fn form(service: &ServiceShape, operation: &str, input: &Value) -> String {
    let mut form = format!("Action={operation}&Version={}", service.api_version);
    if let Some(shape) = service.operation(operation) {
        put_struct(&mut form, "", shape.input, input);
    }
    form
}

fn put_struct(form: &mut String, prefix: &str, shape: &StructShape, value: &Value) {
    for Member { name, location, shape, flattened, .. } in shape.members {
        let given = &value[*name];
        if !given.is_null() {
            let dot = if prefix.is_empty() { "" } else { "." };
            put(form, &format!("{prefix}{dot}{location}"), *shape, *flattened, given);
        }
    }
}

fn put(form: &mut String, name: &str, shape: Shape, flattened: bool, value: &Value) {
    match shape {
        Shape::Struct(shape) => put_struct(form, name, shape, value),
        Shape::List(list) => {
            let item = if flattened { name.to_owned() } else { format!("{name}.{}", list.item_name) };
            for (nth, value) in value.as_array().into_iter().flatten().enumerate() {
                put(form, &format!("{item}.{}", nth + 1), list.item, false, value);
            }
        }
        Shape::Map(map) => {
            let entry = if flattened { name.to_owned() } else { format!("{name}.entry") };
            for (nth, (key, value)) in value.as_object().into_iter().flatten().enumerate() {
                field(form, &format!("{entry}.{}.{}", nth + 1, map.key_name), key);
                put(form, &format!("{entry}.{}.{}", nth + 1, map.value_name), map.value, false, value);
            }
        }
        // Numbers and truth values as JSON writes them, bytes in base64 as they are in JSON.
        _ => match value.as_str() {
            Some(text) => field(form, name, text),
            None => field(form, name, &value.to_string()),
        },
    }
}

fn field(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.push_str(&percent_encoded(value));
}

/// Text as it may stand between `=` and `&` of a form or a query string.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// What was answered, or the error in the shape that awsJson gives it; nothing if it is neither.
pub(super) fn answer(service: &ServiceShape, operation: &str, body: &[u8], is_good: bool) -> Option<Value> {
    let root = Element::read(std::str::from_utf8(body).ok()?)?;
    if !is_good {
        let error = root.find("Error")?;
        let text = |name: &str| error.child(name).map(|child| child.text.clone()).unwrap_or_default();
        return Some(json!({ "__type": text("Code"), "message": text("Message") }));
    }
    let shape = service.operation(operation)?;
    let result = shape.result_wrapper.and_then(|name| root.child(name));
    Some(result.map_or_else(|| json!({}), |result| of_struct(result, shape.output)))
}

fn of_struct(element: &Element, shape: &StructShape) -> Value {
    let mut members = Map::new();
    for Member { name, location, shape, flattened, .. } in shape.members {
        let found: Vec<&Element> = element.children.iter().filter(|child| child.name == *location).collect();
        let value = match (*shape, *flattened, found.as_slice()) {
            (_, _, []) => continue,
            (Shape::List(list), true, items) => items.iter().map(|item| of(item, list.item)).collect(),
            (shape, _, [first, ..]) => of(first, shape),
        };
        members.insert((*name).to_owned(), value);
    }
    members.into()
}

fn of(element: &Element, shape: Shape) -> Value {
    let text = &element.text;
    match shape {
        Shape::Struct(shape) => of_struct(element, shape),
        Shape::List(list) => element.children.iter().map(|item| of(item, list.item)).collect(),
        Shape::Map(map) => {
            let entry = |entry: &Element| {
                Some((entry.child(map.key_name)?.text.clone(), of(entry.child(map.value_name)?, map.value)))
            };
            element.children.iter().filter_map(entry).collect::<Map<_, _>>().into()
        }
        Shape::Integer | Shape::Long => text.parse::<i64>().map_or(Value::Null, Value::from),
        Shape::Float | Shape::Double => text.parse::<f64>().map_or(Value::Null, Value::from),
        Shape::Boolean => json!(text == "true"),
        Shape::String | Shape::Blob | Shape::Timestamp => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::query::Form;

    const SNS: &ServiceShape = &sns::api::SERVICE;

    #[test]
    fn an_input_is_a_form_by_the_model() {
        let input = json!({
            "TopicArn": "arn:aws:sns:us-east-1:000000000000:t",
            "PublishBatchRequestEntries": [
                { "Id": "1", "Message": "a&b=ü", "MessageAttributes": { "k": { "DataType": "String", "StringValue": "v" } } },
            ],
        });
        let text = form(SNS, "PublishBatch", &input);
        let first = "&PublishBatchRequestEntries.member.1.";
        for part in [
            "Action=PublishBatch&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At",
            &format!("{first}Message=a%26b%3D%C3%BC"),
            &format!("{first}MessageAttributes.entry.1.Name=k"),
            &format!("{first}MessageAttributes.entry.1.Value.StringValue=v"),
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(Form::parse(b"", text.as_bytes()).unwrap().action(), Some("PublishBatch"));
        let input =
            json!({ "TopicArn": "t", "ReturnSubscriptionArn": true, "Attributes": { "RawMessageDelivery": "true" } });
        let text = form(SNS, "Subscribe", &input);
        assert!(text.contains("&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"), "{text}");
        assert!(text.contains("&ReturnSubscriptionArn=true"), "{text}");
    }

    #[test]
    fn an_answer_is_read_by_the_model_and_so_is_an_error() {
        let body = "<?xml version=\"1.0\"?>\n<ListTopicsResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><ListTopicsResult>\
            <Topics><member><TopicArn>a</TopicArn></member><member><TopicArn>b</TopicArn></member></Topics>\
            <NextToken>x==</NextToken></ListTopicsResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ListTopicsResponse>";
        let expected = json!({ "Topics": [{ "TopicArn": "a" }, { "TopicArn": "b" }], "NextToken": "x==" });
        assert_eq!(answer(SNS, "ListTopics", body.as_bytes(), true), Some(expected));
        let body = "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>Policy</key>\
            <value>{&quot;a&quot;:&#34;&lt;&#x2713;&gt;&amp;&#34;}</value></entry><entry><key>DisplayName</key><value/></entry>\
            </Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>";
        let expected = json!({ "Attributes": { "Policy": "{\"a\":\"<✓>&\"}", "DisplayName": "" } });
        assert_eq!(answer(SNS, "GetTopicAttributes", body.as_bytes(), true), Some(expected));
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>";
        let expected = json!({ "__type": "NotFound", "message": "Topic does not exist" });
        assert_eq!(answer(SNS, "GetTopicAttributes", body.as_bytes(), false), Some(expected));
        assert_eq!(answer(SNS, "SetTopicAttributes", b"<R><ResponseMetadata/></R>", true), Some(json!({})));
        assert_eq!(answer(SNS, "ListTopics", b"<html>", true), None);
    }
}
