//! Records in words, for tools that open no server.

use crate::groups;
use crate::queues;
use crate::records::{Effect, FAMILY};
use crate::settings::Commitment;
use crate::shard_id;
use engine::{Described, Effect as _, MalformedRecord};

/// Reads a record of a stream, of a shard, of a queue, or of a consumer group.
pub fn describe(family: u8, kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    match family {
        FAMILY => of_stream(Effect::decode(kind, version, payload)?),
        queues::FAMILY => Ok(of_queue(&queues::Effect::decode(kind, version, payload)?)),
        groups::FAMILY => Ok(of_group(groups::records::Effect::decode(kind, version, payload)?)),
        _ => of_shard(&stream::Effect::decode(kind, version, payload)?),
    }
}

fn of_shard(effect: &stream::Effect) -> Result<Described, MalformedRecord> {
    let said = |what, time, details| Ok(Described { what, time, details });
    match effect {
        stream::Effect::Opened(about) => {
            let named =
                vec![("shard", shard_id::show(about.index)), ("retention-ms", about.retention_millis.to_string())];
            said("shard-opened", Some(about.opened_at), named)
        }
        stream::Effect::Appended(record) => {
            let mut details = vec![("counter", record.counter().to_string())];
            details.extend(record.partition_key().map(|key| ("partition-key", key.to_owned())));
            match record.as_sealed() {
                Some(sealed) => {
                    details.extend([
                        ("bytes", record.size().to_string()),
                        ("sealed-bytes", sealed.bytes.len().to_string()),
                    ]);
                }
                None => details.push(("bytes", record.data().len().to_string())),
            }
            said("record", Some(record.arrived_at()), details)
        }
        stream::Effect::Closed { at } => said("shard-closed", Some(*at), Vec::new()),
        stream::Effect::RetentionSet { retention_millis, .. } => {
            said("retention-set", None, vec![("retention-ms", retention_millis.to_string())])
        }
        stream::Effect::Deleted => said("shard-deleted", None, Vec::new()),
    }
}

fn of_group(effect: groups::records::Effect) -> Described {
    use groups::records::Effect;
    let said = |what, details| Described { what, time: None, details };
    let generation = |generation: u64| ("generation", generation.to_string());
    let places = |places: &[(u32, u64)]| {
        let shown: Vec<_> = places.iter().map(|(shard, next)| format!("{shard}:{next}")).collect();
        ("shards", shown.join(" "))
    };
    match effect {
        Effect::Created { about, places: begins } => Described {
            time: Some(about.created_at),
            ..said("group-created", vec![("group", about.name.to_string()), places(&begins)])
        },
        Effect::MemberJoined { name, member } => {
            Described { time: Some(member.joined_at), ..said("member-joined", vec![("member", name.into())]) }
        }
        Effect::MemberGone { name } => said("member-gone", vec![("member", name.into())]),
        Effect::ShardsFollowed(begins) => said("shards-followed", vec![places(&begins)]),
        Effect::ShardsForgotten(shards) => {
            let shards: Vec<_> = shards.iter().map(u32::to_string).collect();
            said("shards-forgotten", vec![("shards", shards.join(" "))])
        }
        Effect::Lent { generation: of, shards } => {
            let to = |(shard, owner): &(u32, Option<Box<str>>)| format!("{shard}:{}", owner.as_deref().unwrap_or("-"));
            let shards: Vec<_> = shards.iter().map(to).collect();
            said("shards-lent", vec![generation(of), ("shards", shards.join(" "))])
        }
        Effect::Committed { shard, next, committed } => Described {
            time: Some(committed.at),
            ..said("position-committed", vec![("shard", shard_id::show(shard)), ("next", next.to_string())])
        },
        Effect::Reset { generation: of, places: begins } => {
            said("positions-reset", vec![generation(of), places(&begins)])
        }
        Effect::Deleted => said("group-deleted", Vec::new()),
    }
}

fn of_stream(effect: Effect) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    let numbers = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    Ok(match effect {
        Effect::SettingsPut(about) => said(
            "settings-put",
            vec![
                ("stream", about.key.arn()),
                ("mode", about.mode.name().to_owned()),
                ("retention-hours", about.retention_hours.to_string()),
            ],
        ),
        Effect::Resharded { at, closed, opened } => {
            let new: Vec<_> = opened.iter().map(|shard| shard.index).collect();
            Described {
                time: Some(at),
                ..said("resharded", vec![("closed", numbers(&closed)), ("opened", numbers(&new))])
            }
        }
        Effect::ShardsForgotten(shards) => said("shards-forgotten", vec![("shards", numbers(&shards))]),
        Effect::ConsumerPut(consumer) => Described {
            time: Some(consumer.created_at),
            ..said("consumer-put", vec![("consumer", consumer.name.into())])
        },
        Effect::ConsumerGone(name) => said("consumer-gone", vec![("consumer", name.into())]),
        Effect::Deleted => said("deleted", Vec::new()),
        Effect::EncryptionSet { at, key } => {
            let key = key.map_or_else(|| "none".to_owned(), String::from);
            Described { time: Some(at), ..said("encryption-set", vec![("key", key)]) }
        }
        Effect::CommitmentPut(commitment) => {
            let Commitment { account, region, started_at, ended_at } = &*commitment;
            let mut details = vec![("account", account.to_string()), ("region", region.to_string())];
            details.extend(ended_at.map(|ended| ("ended-at-ms", ended.as_millis().to_string())));
            Described { time: Some(*started_at), ..said("commitment-put", details) }
        }
        Effect::WarmSet(mibps) => {
            said("warm-set", vec![("mibps", mibps.map_or_else(|| "none".to_owned(), |mibps| mibps.to_string()))])
        }
    })
}

fn of_queue(effect: &queues::Effect) -> Described {
    let count = |count: usize| vec![("records", count.to_string())];
    let (what, details) = match effect {
        queues::Effect::Created { about, .. } => ("queue-created", vec![("queue", about.arn())]),
        queues::Effect::SettingsPut { about, .. } => ("queue-settings-put", vec![("queue", about.arn())]),
        queues::Effect::Received { runs, .. } => ("received", count(runs.iter().map(|run| run.count as usize).sum())),
        queues::Effect::Acknowledged(places) => ("acknowledged", count(places.len())),
        queues::Effect::Hidden { places, .. } => ("visibility-set", count(places.len())),
        queues::Effect::Restored { places, .. } => ("restored", count(places.len())),
        queues::Effect::Released { places, .. } => ("released", count(places.len())),
        queues::Effect::Trimmed { below, gone } => {
            ("trimmed", vec![("shards", below.len().to_string()), ("shards-gone", gone.len().to_string())])
        }
        queues::Effect::Deleted => ("queue-deleted", Vec::new()),
    };
    Described { what, time: effect.at(), details }
}
