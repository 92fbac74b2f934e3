//! LocalStack's page of what was sent to endpoints of mobile applications: `GET /_aws/sns/platform-endpoint-messages` with `accountId`,
//! `region` and `endpointArn`, and `DELETE` to forget it.
//!
//! The newest messages of all endpoints are kept, in memory and by a bound of their number and bytes (`sns/src/push/messages.rs`). A page of
//! another site may not have them forgotten.

use crate::localstack::url_encoded;
use gateway::{Asked, Page};
use serde_json::json;
use sns::Sns;

const PATH: &str = "/_aws/sns/platform-endpoint-messages";

/// Whether a path is the page's.
pub(crate) fn has(path: &str) -> bool {
    path == PATH
}

/// Shows or forgets messages. Who may see them was asked before.
pub(crate) fn answer(sns: &Sns, asked: &Asked<'_>) -> Page {
    let form = url_encoded(asked);
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let account = value("accountId").unwrap_or("000000000000");
    let region = value("region").unwrap_or("us-east-1");
    let endpoint = value("endpointArn");
    if asked.is_delete && asked.has_origin {
        return Page::text(403, "A web page may not have messages forgotten.\n");
    }
    if asked.is_delete {
        sns.forget_push_messages(account, region, endpoint);
        return Page::text(204, "");
    }
    if asked.is_post {
        return Page::text(405, "This path takes GET, HEAD and DELETE.\n");
    }
    let messages = sns.push_messages(account, region, endpoint);
    Page::json(200, json!({ "platform_endpoint_messages": messages, "region": region }).to_string())
}
