//! The `Policy` attribute: who may do what with a queue, as a JSON document of the policy language.
//!
//! It is checked when it is set, kept as it was given, given back, and compiled beside the machine's state: it holds from the
//! moment at which the change is decided, where requests are verified (ADR 0023). AddPermission and RemovePermission edit it as
//! text, by the machine, so that two of them cannot lose each other's change. The language is the crate `access`'s; what SQS
//! asks beyond it stands here: its sizes, and that actions are its own. Source: SQS developer guide, "Amazon SQS policies
//! quotas".

use crate::catalog::QueueKey;
use crate::limits;
use crate::refusal::Refusal;
use access::{Policy, Sort};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Takes the text of a policy, or refuses it as AWS does: with one sentence for every mistake.
pub(crate) fn parse_attribute(text: &str) -> Result<String, Refusal> {
    match text.len() <= limits::POLICY_BYTES_MAX && is_policy(text) && has_actions_of_queues_only(text) {
        true => Ok(text.to_owned()),
        false => Err(Refusal::invalid_attribute_value("Policy")),
    }
}

/// The policy that is kept of a queue, in the form in which it is asked. One that cannot be read is one that refuses: leaving it
/// out might leave out a refusal. What makes it another one it refuses to nobody, and other accounts have nothing by it. The log
/// has a line of it: one for each queue, until its policy is another.
pub(crate) fn in_force(text: &str, queue: &QueueKey) -> Arc<Policy> {
    static UNREADABLE: LazyLock<Arc<Policy>> = LazyLock::new(|| compile(CLOSED).expect("it is a policy"));
    compile(text).unwrap_or_else(|| {
        if is_news(queue.arn(), text) {
            let queue = queue.arn();
            tracing::error!(%queue, "a policy cannot be read: nobody may do anything with this queue until it is set anew");
        }
        Arc::clone(&UNREADABLE)
    })
}

/// Whether nobody was told yet that this text is no policy of this queue. A queue that nobody uses is put away and compiled anew
/// when somebody does, and its line shall not come again each time.
fn is_news(queue: String, text: &str) -> bool {
    static TOLD: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.len() >= limits::UNREADABLE_TOLD_MAX && !told.contains_key(&queue) {
        told.clear();
    }
    told.insert(queue, hasher.finish()) != Some(hasher.finish())
}

const CLOSED: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"UnreadablePolicy","Effect":"Deny","Principal":"*",
    "NotAction":["sqs:GetQueueUrl","sqs:SetQueueAttributes","sqs:RemovePermission","sqs:GetQueueAttributes"],"Resource":"*"}}"#;

fn compile(text: &str) -> Option<Arc<Policy>> {
    Policy::parse("Policy", text, Sort::Resource).ok().map(Arc::new)
}

fn is_policy(text: &str) -> bool {
    compile(text).is_some_and(|policy| policy.statements().len() <= limits::POLICY_STATEMENTS_MAX)
}

/// Actions of SQS, in any case and with wildcards, or all actions of everything.
fn has_actions_of_queues_only(text: &str) -> bool {
    let is_own = |action: &Value| action.as_str().is_some_and(|action| action == "*" || is_of_sqs(action));
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = one_or_many(&document["Statement"]);
    let actions = statements.iter().flat_map(|statement| [&statement["Action"], &statement["NotAction"]]);
    actions.filter(|actions| !actions.is_null()).all(|actions| one_or_many(actions).iter().all(is_own))
}

fn is_of_sqs(action: &str) -> bool {
    action.split_once(':').is_some_and(|(service, name)| service.eq_ignore_ascii_case("sqs") && !name.is_empty())
}

fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

/// Whether two JSON texts mean the same: the order of members and white space do not count.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Action, Applicable, Caller, Context, Gate, Request, authorize};
    use names::{AccountId, QueueName, Region};
    use std::io;

    const STATEMENT: &str = r#"{"Sid":"s","Effect":"Allow","Principal":{"AWS":["123456789012"]},"Action":["SQS:SendMessage"],
        "Resource":"arn:aws:sqs:us-east-1:000000000000:jobs","Condition":{"ArnLike":{"aws:SourceArn":["a","b"]}}}"#;

    fn policy(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Id":"x","Statement":[{statement}]}}"#)
    }

    #[test]
    fn policies_that_aws_takes_are_kept_as_given() {
        let every = r#"{"Effect":"Deny","NotPrincipal":"*","NotAction":"sqs:*","NotResource":["*"]}"#;
        let star = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
        let service = r#"{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}"#;
        for statement in [STATEMENT, every, star, service] {
            let text = policy(statement);
            assert_eq!(parse_attribute(&text).as_deref(), Ok(&*text), "{text}");
        }
        let alone = format!(r#"{{"Statement":{star}}}"#);
        assert_eq!(parse_attribute(&alone).as_deref(), Ok(&*alone));
    }

    #[test]
    fn a_kept_policy_that_cannot_be_read_lets_its_owner_set_another_and_nobody_do_anything_else() {
        let broken = in_force("{ no policy", &key("jobs"));
        let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let own = [Arc::new(Policy::parse("own", everything, Sort::Identity).unwrap())];
        let arn = "arn:aws:sqs:us-east-1:000000000000:jobs";
        let may = |who: &str, action: &str| {
            let (caller, action) = (Caller::parse(who).unwrap(), Action::new(action));
            let request = Request {
                caller: &caller,
                action: &action,
                resource: arn,
                resource_account: AccountId::parse("000000000000").ok(),
                context: &Context::new(),
                gate: Gate::Usual,
            };
            let applicable = Applicable { identity: &own, resource: Some(&broken), ..Applicable::default() };
            authorize(&request, &applicable).is_allowed()
        };
        let owners = ["arn:aws:iam::000000000000:user/bob", "arn:aws:iam::000000000000:root"];
        let others =
            ["arn:aws:iam::111122223333:user/eve", "arn:aws:iam::111122223333:root", "sns.amazonaws.com", "anonymous"];
        for mends in ["sqs:setqueueattributes", "sqs:removepermission", "sqs:getqueueattributes"] {
            assert!(owners.iter().all(|who| may(who, mends)) && !others.iter().any(|who| may(who, mends)), "{mends}");
        }
        for action in
            ["sqs:sendmessage", "sqs:receivemessage", "sqs:deletequeue", "sqs:addpermission", "sqs:purgequeue"]
        {
            assert!(!owners.iter().chain(&others).any(|who| may(who, action)), "{action}");
        }
        // One that can be read is what it says.
        let open = policy(r#"{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}"#);
        assert_eq!(in_force(&open, &key("jobs")).statements()[0].sid(), None);
        assert_eq!(broken.statements()[0].sid(), Some("UnreadablePolicy"));
    }

    fn key(name: &str) -> QueueKey {
        let region = Region::parse("us-east-1").unwrap();
        QueueKey { account: AccountId::DEFAULT, region, name: QueueName::parse(name).unwrap() }
    }

    /// What is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_names_a_queue_whose_policy_cannot_be_read_once_until_its_policy_is_another() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        // With one subscriber alone, a line that another thread comes by first would count as wanted by nobody.
        let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        tracing::subscriber::with_default(log, || {
            for (name, text) in
                [("a1", "{"), ("a1", "{"), ("a2", "{"), ("a2", "{"), ("a1", "{"), ("a1", "}"), ("a1", "}")]
            {
                in_force(text, &key(name));
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let queues: Vec<&str> = text.lines().map(|line| line.rsplit("queue=").next().unwrap()).collect();
        let [one, two] = ["a1", "a2"].map(|name| key(name).arn());
        assert_eq!(queues, [&*one, &*two, &*one], "{text}");
    }

    #[test]
    fn what_is_no_policy_is_refused_with_one_sentence() {
        for wrong in [
            "no json".to_owned(),
            "[]".into(),
            "{}".into(),
            policy("").replace("[]", "7"),
            policy(""),
            policy(STATEMENT).replace("2012-10-17", "2012-10-18"),
            policy(STATEMENT).replace("\"Id\"", "\"Name\""),
            policy(&STATEMENT.replace("Allow", "Maybe")),
            policy(&STATEMENT.replace("\"Principal\"", "\"Who\"")),
            policy(&STATEMENT.replace("\"AWS\"", "\"GCP\"")),
            policy(&STATEMENT.replace("SQS:", "s3:")),
            policy(&STATEMENT.replace("\"Action\"", "\"Resource\"")),
            policy(&STATEMENT.replace("[\"a\",\"b\"]", "{}")),
            policy(&format!("{STATEMENT},{STATEMENT}")),
            policy(&vec![STATEMENT.replace("\"Sid\":\"s\",", ""); 21].join(",")),
            policy(&STATEMENT.replace("jobs", &"x".repeat(8_192))),
        ] {
            let refusal = parse_attribute(&wrong).unwrap_err();
            assert_eq!(refusal.error.name, "InvalidAttributeValue", "{wrong}");
            assert_eq!(refusal.message, "Invalid value for the parameter Policy.", "{wrong}");
        }
    }
}
