//! The bodies of a message as data protection looks at them.

use super::{Bodies, Message};
use serde_json::Value;

impl Message {
    /// Every text that some receiver may get as its body.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match &self.bodies {
            Bodies::Same(body) => vec![body],
            Bodies::ByProtocol(bodies, _) => bodies.values().filter_map(Value::as_str).collect(),
        }
    }

    /// Puts other texts in their places. Where one has none the message stays as it is, which is answered with no.
    pub(crate) fn rewrite(&mut self, other: impl Fn(&str) -> Option<String>) -> bool {
        let (mut before, mut after) = (0, 0);
        let mut another = |text: &str| {
            let written = other(text)?;
            (before, after) = (before + text.len(), after + written.len());
            Some(written)
        };
        match &mut self.bodies {
            Bodies::Same(body) => match another(body) {
                Some(written) => *body = written,
                None => return false,
            },
            Bodies::ByProtocol(bodies, default) => {
                // What is no text reaches nobody, and is nothing that could be looked at.
                let texts = bodies.iter().filter_map(|(name, body)| Some((name.clone(), body.as_str()?)));
                let written = texts.map(|(name, body)| Some((name, Value::String(another(body)?)))).collect();
                let Some(written) = written else { return false };
                *bodies = written;
                *default = bodies.get("default").and_then(Value::as_str).unwrap_or_default().to_owned();
            }
        }
        self.bytes = self.bytes - before.min(self.bytes) + after;
        true
    }
}
