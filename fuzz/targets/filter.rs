//! Filter policies and messages of strangers: compiled, decided, explained and indexed without a panic, all alike.
//!
//! The first line is a policy, the rest a message, taken as a body and as an attribute.
#![no_main]

use filter::{Attribute, Filter, Index, Limits, Message, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (policy, message) = text.split_once('\n').unwrap_or((text, ""));
    for scope in [Scope::MessageAttributes, Scope::MessageBody] {
        match Filter::compile(policy, scope, &Limits::LIFTED) {
            Ok(Some(filter)) => decide(&filter, message),
            Ok(None) => {}
            Err(refused) => assert!(!refused.message().is_empty()),
        }
    }
});

fn decide(filter: &Filter, text: &str) {
    let mut index = Index::new();
    index.insert(1, Some(filter.clone()));
    for data_type in ["String", "String.Array", "Number"] {
        let attributes = [Attribute { name: "a", data_type, text: Some(text) }];
        let message = Message { attributes: &attributes, body: text };
        let passes = filter.matches(&message);
        assert_eq!(filter.explain(&message).passes, passes);
        assert_eq!(!index.matches(&message).is_empty(), passes);
    }
    assert!(index.remove(1) && index.is_empty());
}
