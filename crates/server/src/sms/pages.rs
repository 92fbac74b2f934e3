//! The pages about short messages: those that went out, in LocalStack's shape, and what phones answer.
//!
//! `GET /_aws/sns/sms-messages?accountId=…&region=…&phoneNumber=…` shows the latest, DELETE forgets them; both where requests are not
//! verified, as LocalStack's other pages. `POST /_tidewire/sms/replies` takes `{"from": "+15550100", "message": "STOP"}` of a gateway that
//! knows `sns.sms_replies_token`; without that key there is no such page.

use access::Secret;
use gateway::{Asked, Page};
use names::{AccountId, Region};
use serde_json::{Value, json};
use sns::Sns;

const MESSAGES: &str = "/_aws/sns/sms-messages";
const REPLIES: &str = "/_tidewire/sms/replies";

/// Whether a path is one of ours.
pub(crate) fn has(path: &str) -> bool {
    [MESSAGES, REPLIES].contains(&path)
}

/// What the pages are made from.
pub(crate) struct SmsPages {
    /// Whether everybody may see everything: requests are not verified.
    pub(crate) is_open: bool,
    pub(crate) replies_token: Option<Secret>,
    pub(crate) sns: std::sync::Arc<Sns>,
}

impl SmsPages {
    /// The page that was asked for.
    pub(crate) async fn answer(&self, asked: &Asked<'_>) -> Page {
        match asked.path {
            REPLIES => self.reply(asked).await,
            _ => self.messages(asked),
        }
    }

    fn messages(&self, asked: &Asked<'_>) -> Page {
        if !self.is_open {
            return Page::text(403, "Messages are shown without a signature only where auth is not verify.\n");
        }
        if asked.is_post {
            return Page::text(405, "This path takes GET, HEAD and DELETE.\n");
        }
        let pairs: Vec<(String, String)> =
            asked.query.split('&').filter_map(|pair| pair.split_once('=')).map(decoded).collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let account = value("accountId").map_or(Ok(AccountId::DEFAULT), AccountId::parse);
        let region = Region::parse(value("region").unwrap_or("us-east-1"));
        let (Ok(account), Ok(region)) = (account, region) else {
            return Page::text(400, "accountId has twelve digits, and region is that of an endpoint.\n");
        };
        // A plus in a query may have become a space.
        let number = value("phoneNumber").map(|number| number.replace(' ', "+"));
        match (asked.is_delete, asked.has_origin) {
            (true, true) => Page::text(403, "A web page may not forget messages.\n"),
            (true, false) => {
                self.sns.clear_sms_messages(account, &region, number.as_deref());
                Page::text(204, "")
            }
            (false, _) => Page::json(200, self.sns.sms_messages(account, &region, number.as_deref()).to_string()),
        }
    }

    async fn reply(&self, asked: &Asked<'_>) -> Page {
        let Some(token) = &self.replies_token else {
            return Page::text(404, "This server has no sns.sms_replies_token.\n");
        };
        if !asked.is_post {
            return Page::text(405, "This path takes POST.\n");
        }
        if *token != Secret::from(asked.authorization.strip_prefix("Bearer ").unwrap_or_default()) {
            return Page::text(403, "The bearer token is not the one that is configured.\n");
        }
        let said: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        let (Some(from), Some(message)) = (said["from"].as_str(), said["message"].as_str()) else {
            return Page::json(400, json!({ "error": "expected {\"from\": NUMBER, \"message\": TEXT}" }).to_string());
        };
        match self.sns.hear_phone(from, message).await {
            true => Page::json(200, "{}\n"),
            false => Page::text(503, "It cannot be kept now.\n"),
        }
    }
}

fn decoded((name, value): (&str, &str)) -> (String, String) {
    let decoded = |text: &str| wire::query::unescape(text).map(std::borrow::Cow::into_owned).unwrap_or_default();
    (decoded(name), decoded(value))
}
