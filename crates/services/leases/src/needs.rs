//! What each operation needs to be allowed: its action, on which table or index, with the facts that policies may ask for.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB" and "… for Amazon
//! CloudWatch"; Developer Guide, "Using IAM policy conditions for fine-grained access control".

use crate::expression::{KeyCondition, Sort};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::table::About;
use crate::value::{Item, Value};
use gateway::{Actions, Caller, Fact, Facts, Need};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static ACTIONS: LazyLock<Actions> = LazyLock::new(|| {
    let names = crate::ops::TABLE.iter().map(|(name, _)| *name);
    // A transaction needs what its parts do, and a check is a part that is no operation.
    Actions::new("dynamodb", names.filter(|name| *name != "TransactWriteItems").chain(["ConditionCheckItem"]))
});

static OF_METRICS: LazyLock<Actions> = LazyLock::new(|| Actions::new("cloudwatch", ["PutMetricData"]));

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) service: &'a Inner,
    pub(crate) caller: &'a Caller,
}

/// What a request says of the items that it is about.
#[derive(Debug, Default)]
pub(crate) struct Touched<'a> {
    /// Keys, of which policies see the partition key.
    pub(crate) keys: Vec<&'a Item>,
    /// The condition of a query, which names a partition key.
    pub(crate) condition: Option<&'a KeyCondition>,
    pub(crate) attributes: BTreeSet<&'a str>,
    pub(crate) select: Option<&'a str>,
    pub(crate) returned: Option<&'a str>,
    pub(crate) consumed: Option<&'a str>,
    pub(crate) enclosing: Option<&'static str>,
}

impl Asking<'_> {
    /// An action that is about no table.
    pub(crate) fn anything(&self, action: &str) -> Vec<Need> {
        vec![Need::of(ACTIONS.get(action), "*", self.caller.account)]
    }

    /// PutMetricData into a namespace.
    pub(crate) fn on_namespace(&self, namespace: &str) -> Vec<Need> {
        let need = Need::of(OF_METRICS.get("PutMetricData"), "*", self.caller.account);
        vec![need.with("cloudwatch:namespace", Fact::Text(namespace.into()))]
    }

    /// An action on a table, whether it is there or not.
    pub(crate) fn on_table(&self, action: &str, name: &str) -> Result<Need, Refusal> {
        Ok(self.on(action, &Target::of(self.caller, name)?))
    }

    pub(crate) fn on(&self, action: &str, target: &Target) -> Need {
        self.on_resource(action, target, target.arn())
    }

    /// An action on items of a table or of one of its indexes.
    pub(crate) fn on_items(
        &self,
        action: &str,
        name: &str,
        index: Option<&str>,
        touched: &Touched<'_>,
    ) -> Result<Need, Refusal> {
        let target = Target::of(self.caller, name)?;
        let arn = match index {
            Some(index) => format!("{}/index/{index}", target.arn()),
            None => target.arn(),
        };
        let mut need = self.on_resource(action, &target, arn);
        if let Some(about) = self.service.rooms.about(&target.room, &target.table) {
            let keys = touched.leading_keys(&about, index);
            if !keys.is_empty() {
                need = need.with("dynamodb:leadingkeys", Fact::Many(keys));
            }
        }
        if !touched.attributes.is_empty() {
            let names = touched.attributes.iter().map(|name| (*name).into()).collect();
            need = need.with("dynamodb:attributes", Fact::Many(names));
        }
        for (key, value) in [
            ("dynamodb:select", touched.select),
            ("dynamodb:returnvalues", touched.returned),
            ("dynamodb:returnconsumedcapacity", touched.consumed),
            ("dynamodb:enclosingoperation", touched.enclosing),
        ] {
            if let Some(value) = value {
                need = need.with(key, Fact::Text(value.into()));
            }
        }
        Ok(need)
    }

    fn on_resource(&self, action: &str, target: &Target, arn: String) -> Need {
        let need = Need::of(ACTIONS.get(action), arn, target.room.account);
        Need { about: self.facts(target), ..need }
    }

    fn facts(&self, target: &Target) -> Option<Facts> {
        let about = self.service.rooms.about(&target.room, &target.table)?;
        let tags = about.tags.iter();
        let facts = tags
            .map(|(key, value)| (format!("aws:resourcetag/{}", key.to_lowercase()).into(), Fact::Text(value.clone())));
        (!about.tags.is_empty()).then(|| facts.collect())
    }
}

impl Touched<'_> {
    /// The partition keys of what is touched: of the table, or of the index that is asked.
    fn leading_keys(&self, about: &About, index: Option<&str>) -> Vec<Box<str>> {
        let index = index.and_then(|name| about.index(name)).map(|(_, index)| &index.key);
        let hash = &index.unwrap_or(&about.key).hash.name;
        let named =
            self.condition.iter().flat_map(|condition| condition.names()).filter_map(|(name, sort)| match sort {
                Sort::Equal(value) if *name == **hash => Some(value),
                _ => None,
            });
        self.keys.iter().filter_map(|key| key.get(hash)).chain(named).map(leading_key).collect()
    }
}

/// A partition key as policies write it.
fn leading_key(value: &Value) -> Box<str> {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string().into(),
        Value::Binary(bytes) => base64_simd::STANDARD.encode_to_string(bytes).into(),
        // No key is of another kind; such a request is refused for that.
        _ => "".into(),
    }
}

/// The condition keys of tags that a request brings.
pub(crate) fn with_tags(mut need: Need, tags: &[crate::api::dynamodb::Tag]) -> Need {
    for tag in tags {
        need = need.with(format!("aws:requesttag/{}", tag.key.to_lowercase()), Fact::Text(tag.value.as_str().into()));
    }
    with_tag_keys(need, tags.iter().map(|tag| &tag.key))
}

/// The condition key of the keys of tags.
pub(crate) fn with_tag_keys<'a>(need: Need, keys: impl Iterator<Item = &'a String>) -> Need {
    need.with("aws:tagkeys", Fact::Many(keys.map(|key| key.as_str().into()).collect()))
}
