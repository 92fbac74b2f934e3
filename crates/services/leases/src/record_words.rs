//! Records in words, for tools that open no server. What items hold stays out of it: a key says which one is meant.

use crate::records::Effect;
use crate::value::{Item, Value};
use engine::{Described, Effect as _, MalformedRecord};

/// Reads a record of lease tables and metrics.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::Opened(key) => {
            said("lease-tables-opened", vec![("account", key.account.to_string()), ("region", key.region.to_string())])
        }
        Effect::TablePut(about) => Described {
            time: Some(about.created_at),
            ..said("table-put", vec![("table", about.name.to_string()), ("number", about.number.to_string())])
        },
        Effect::TableGone(number) => said("table-gone", vec![("number", number.to_string())]),
        Effect::ItemPut(number, item) => said(
            "item-put",
            vec![
                ("table-number", number.to_string()),
                ("attributes", item.0.len().to_string()),
                ("bytes", item.size().to_string()),
            ],
        ),
        Effect::ItemGone(number, key) => {
            said("item-gone", vec![("table-number", number.to_string()), ("key", words(&key))])
        }
        Effect::TokenNoted(_, noted) => Described { time: Some(noted.at), ..said("transaction-noted", Vec::new()) },
        Effect::MetricsPut(data) => Described {
            time: data.first().map(|(_, latest)| latest.put_at),
            ..said("metrics-put", vec![("series", data.len().to_string())])
        },
        Effect::Cleared => said("lease-tables-cleared", Vec::new()),
    })
}

fn words(key: &Item) -> String {
    key.0.values().map(Value::quoted).collect::<Vec<_>>().join(" ")
}
