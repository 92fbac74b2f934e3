//! Bodies of SNS's requests, and what its answers say.
//!
//! Forms, as every SDK but the newest sends them; answers in XML, out of which single elements are read.

use super::Form;

/// Filters let one message in so many pass.
pub(crate) const SHARES: usize = 100;

pub(crate) fn create_topic(name: &str, form: Form) -> String {
    let version = match form {
        Form::EnvelopeTwo => "&Attributes.entry.1.key=SignatureVersion&Attributes.entry.1.value=2",
        Form::Raw | Form::Envelope | Form::Filtered | Form::PassingNobody => "",
    };
    format!("Name={name}{version}")
}

/// The `nth` subscription of a topic.
pub(crate) fn subscribe(topic: &str, queue_arn: &str, form: Form, nth: usize) -> String {
    let mut attributes = Vec::new();
    if matches!(form, Form::Raw | Form::Filtered | Form::PassingNobody) {
        attributes.push(("RawMessageDelivery", "true".to_owned()));
    }
    if form.is_filtered() {
        attributes.push(("FilterPolicy", format!(r#"{{"share":["{}"]}}"#, nth % SHARES)));
    }
    let attribute = |(at, (name, value)): (usize, (&str, String))| {
        let at = at + 1;
        format!("&Attributes.entry.{at}.key={name}&Attributes.entry.{at}.value={}", encoded(&value))
    };
    let attributes: String = attributes.into_iter().enumerate().map(attribute).collect();
    format!("TopicArn={}&Protocol=sqs&Endpoint={}{attributes}", encoded(topic), encoded(queue_arn))
}

pub(crate) fn publish(topic: &str, message: &str) -> String {
    format!("TopicArn={}&Message={}", encoded(topic), encoded(message))
}

/// A message that passes the filters of one share, and none if there is no such share.
pub(crate) fn publish_to_share(topic: &str, share: usize) -> String {
    let message = publish(topic, &crate::request::text());
    let attribute = "MessageAttributes.entry.1";
    format!("{message}&{attribute}.Name=share&{attribute}.Value.DataType=String&{attribute}.Value.StringValue={share}")
}

pub(crate) fn of_topic(topic: &str) -> String {
    format!("TopicArn={}", encoded(topic))
}

/// The text of an element of an answer.
pub(crate) fn element(xml: &[u8], name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let begin = memchr::memmem::find(xml, open.as_bytes())? + open.len();
    let end = begin + memchr::memmem::find(&xml[begin..], close.as_bytes())?;
    std::str::from_utf8(&xml[begin..end]).ok().map(str::to_owned)
}

/// A value in a form.
fn encoded(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(byte.into()),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_forms_have_them() {
        let body = subscribe("arn:t", "arn:q", Form::Filtered, 107);
        let expected = "TopicArn=arn%3At&Protocol=sqs&Endpoint=arn%3Aq&Attributes.entry.1.key=RawMessageDelivery\
            &Attributes.entry.1.value=true&Attributes.entry.2.key=FilterPolicy\
            &Attributes.entry.2.value=%7B%22share%22%3A%5B%227%22%5D%7D";
        assert_eq!(body, expected);
        assert_eq!(publish("t", "a b"), "TopicArn=t&Message=a+b");
        assert!(!subscribe("t", "q", Form::Envelope, 0).contains("Attributes"));
    }

    #[test]
    fn an_element_is_read_out_of_an_answer() {
        let xml = b"<R><TopicArn>arn:x</TopicArn></R>";
        assert_eq!(element(xml, "TopicArn").as_deref(), Some("arn:x"));
        assert_eq!(element(xml, "MessageId"), None);
    }
}
