//! Properties: an index answers as all its filters one by one, and a filter as the plainest evaluation of its policy.

mod naive;
mod policies;

use filter::{Attribute, Filter, Index, Limits, Message, Scope};
use naive::passes;
use policies::{Policy, Thing, attribute_policy, body, body_policy, scalar};
use proptest::prelude::*;
use proptest::sample::Index as Choice;

/// A message: what stands in its attributes, and its body.
#[derive(Debug, Clone)]
struct Sent {
    attributes: Vec<(String, &'static str, String)>,
    body: String,
}

impl Sent {
    fn with<T>(&self, then: impl FnOnce(&Message<'_>) -> T) -> T {
        let attribute = |(name, data_type, text)| Attribute { name, data_type, text: Some(text) };
        let all = self.attributes.iter().map(|(name, data_type, text)| (&**name, *data_type, &**text));
        let attributes: Vec<Attribute<'_>> = all.map(attribute).collect();
        then(&Message { attributes: &attributes, body: &self.body })
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let attribute = |name: &'static str| {
        (prop::collection::vec(scalar(), 0..3), any::<bool>()).prop_map(move |(values, is_array)| {
            match (is_array, &values[..]) {
                (false, [Thing::Text(text)]) => (name.to_string(), "String", (*text).to_string()),
                (false, [Thing::Number(number)]) => (name.to_string(), "Number", number.to_string()),
                _ => (name.to_string(), "String.Array", Thing::Array(values).to_string()),
            }
        })
    };
    let attributes = [attribute("a"), attribute("b"), attribute("c"), attribute("d")];
    (attributes, prop::collection::vec(any::<bool>(), 4), body()).prop_map(|(attributes, there, body)| {
        let kept = attributes.into_iter().zip(there).filter_map(|(attribute, there)| there.then_some(attribute));
        Sent { attributes: kept.collect(), body: body.to_string() }
    })
}

/// What happens to an index.
#[derive(Debug, Clone)]
enum Step {
    Insert(u64, Option<(Policy, Scope)>),
    Remove(Choice),
    Publish(Sent),
}

fn step() -> impl Strategy<Value = Step> {
    let attributes = attribute_policy().prop_map(|policy| (policy, Scope::MessageAttributes));
    let bodies = body_policy().prop_map(|policy| (policy, Scope::MessageBody));
    prop_oneof![
        6 => (0..40u64, attributes).prop_map(|(id, filter)| Step::Insert(id, Some(filter))),
        6 => (0..40u64, bodies).prop_map(|(id, filter)| Step::Insert(id, Some(filter))),
        1 => (0..40u64).prop_map(|id| Step::Insert(id, None)),
        3 => any::<Choice>().prop_map(Step::Remove),
        6 => sent().prop_map(Step::Publish),
    ]
}

fn compiled(policy: &Policy, scope: Scope) -> Option<Filter> {
    Filter::compile(&policy.to_string(), scope, &Limits::AWS).ok().flatten()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 4000 }))]

    #[test]
    fn an_index_answers_as_its_filters_one_by_one(steps in prop::collection::vec(step(), 1..80)) {
        let mut index = Index::new();
        let mut all: std::collections::BTreeMap<u64, Option<Filter>> = std::collections::BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(id, None) => {
                    index.insert(id, None);
                    all.insert(id, None);
                }
                Step::Insert(id, Some((policy, scope))) => {
                    let Some(filter) = compiled(&policy, scope) else { continue };
                    index.insert(id, Some(filter.clone()));
                    all.insert(id, Some(filter));
                }
                Step::Remove(choice) => {
                    let id = if all.is_empty() { 99 } else { *choice.get(&all.keys().copied().collect::<Vec<_>>()) };
                    prop_assert_eq!(index.remove(id), all.remove(&id).is_some());
                }
                Step::Publish(sent) => sent.with(|message| {
                    let passing = |filter: &Option<Filter>| filter.as_ref().is_none_or(|filter| filter.matches(message));
                    let expected: Vec<u64> = all.iter().filter(|(_, filter)| passing(filter)).map(|(id, _)| *id).collect();
                    prop_assert_eq!(index.matches(message), expected, "{:?}", sent);
                    Ok(())
                })?,
            }
            prop_assert_eq!(index.len(), all.len());
        }
        for id in all.keys() {
            prop_assert_eq!(index.filter(*id), all[id].as_ref());
            prop_assert!(index.remove(*id));
        }
        prop_assert!(index.is_empty());
    }

    #[test]
    fn a_filter_answers_as_the_plainest_evaluation(policy in body_policy(), bodies in prop::collection::vec(body(), 1..8)) {
        let Some(filter) = compiled(&policy, Scope::MessageBody) else { return Ok(()) };
        for body in bodies {
            let text = body.to_string();
            let message = Message { attributes: &[], body: &text };
            prop_assert_eq!(filter.matches(&message), passes(&policy, &body), "{} {}", policy, text);
            prop_assert_eq!(filter.explain(&message).passes, filter.matches(&message));
        }
    }

    #[test]
    fn spaces_change_nothing_but_the_text(policy in body_policy()) {
        let plain = policy.to_string();
        let spaced = spread(&plain);
        let compile = |text: &str| Filter::compile(text, Scope::MessageBody, &Limits::AWS);
        prop_assert_eq!(compile(&plain), compile(&spaced));
    }

    #[test]
    fn any_text_is_compiled_or_refused(text in "[\\[\\]{}\",:\\\\a$0-9.eEtrufnls \\-]{0,40}") {
        let _ = Filter::compile(&text, Scope::MessageBody, &Limits::AWS);
        let filter = Filter::compile(r#"{"a":["x"]}"#, Scope::MessageBody, &Limits::AWS).unwrap().unwrap();
        filter.matches(&Message { attributes: &[], body: &text });
    }
}

/// A document with spaces wherever they may stand; no text in it has a mark of JSON.
fn spread(text: &str) -> String {
    text.chars()
        .map(|letter| if ",:{}[]".contains(letter) { format!(" {letter}\n\t") } else { letter.into() })
        .collect()
}
