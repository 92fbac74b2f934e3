//! Tags: what is taken, and what policies are told of them.

use crate::api::Tag;
use crate::key::Tags;
use crate::limits;
use crate::needs::Saying;
use crate::refusal::Refusal;
use gateway::Fact;

/// The tags of a request, in the order of their keys.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<Tags, Refusal> {
    if tags.iter().any(|tag| tag.tag_key.starts_with("aws:")) {
        return Err(Refusal::tag("aws: prefixed tag key names are not allowed for external use."));
    }
    if tags.len() > limits::TAGS_MAX {
        return Err(Refusal::tag("Too many tags"));
    }
    let mut pairs: Tags = tags.into_iter().map(|tag| (tag.tag_key.into(), tag.tag_value.into())).collect();
    pairs.sort();
    match pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        true => Err(Refusal::tag("Duplicate tag keys")),
        false => Ok(pairs),
    }
}

/// `aws:RequestTag/…` and `aws:TagKeys`.
pub(crate) fn said<'a>(saying: Saying<'a>, tags: &[Tag]) -> Saying<'a> {
    if tags.is_empty() {
        return saying;
    }
    let mut saying = saying.many("aws:tagkeys", tags.iter().map(|tag| tag.tag_key.as_str()));
    saying.facts.extend(tags.iter().map(|tag| {
        let name = format!("aws:requesttag/{}", tag.tag_key.to_lowercase());
        (name.into(), Fact::Text(tag.tag_value.as_str().into()))
    }));
    saying
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> Tag {
        Tag { tag_key: key.into(), tag_value: "v".into() }
    }

    #[test]
    fn tags_are_few_and_each_is_one() {
        let pairs = checked(vec![tag("b"), tag("a")]).unwrap();
        assert_eq!((&*pairs[0].0, &*pairs[1].0), ("a", "b"));
        for wrong in [vec![tag("a"), tag("a")], vec![tag("aws:a")], (0..51).map(|nth| tag(&nth.to_string())).collect()]
        {
            assert_eq!(checked(wrong).unwrap_err().error.0.name, "TagException");
        }
    }
}
