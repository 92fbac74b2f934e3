//! `group ls | create | show | reset | delete`: consumer groups as their operator sees them.

use super::shards::id_of;
use super::start::Start;
use super::stats::shown;
use super::words::{Group, GroupCreate, GroupDelete, GroupNamed, GroupReset};
use super::{Session, with};
use crate::queues::words::Form;
use crate::queues::{Stop, confirm};
use serde_json::{Value, json};

/// Groups and shards asked for at once (MaxResults).
const PAGE: usize = 1_000;

const LIST: [&str; 5] = ["group", "members", "lag_records", "lag_ms", "created"];
const MEMBERS: [&str; 4] = ["member", "shards", "session_ms", "last_heard"];
const SHARDS: [&str; 7] = ["shard", "member", "generation", "committed", "done", "lag_records", "lag_ms"];

impl Session {
    pub(super) async fn group(&mut self, task: &Group) -> Result<(), Stop> {
        match task {
            Group::Ls(words) => {
                let groups = self.group_lags(&words.stream).await?;
                self.print_rows(&LIST, &groups)
            }
            Group::Create(words) => self.create_group(words).await,
            Group::Show(words) => self.show_group(words).await,
            Group::Reset(words) => self.reset_group(words).await,
            Group::Delete(words) => self.delete_group(words).await,
        }
    }

    /// The groups of a stream, each with the sum of its lags in records and the greatest in time.
    pub(super) async fn group_lags(&mut self, stream: &str) -> Result<Vec<Value>, Stop> {
        let mut rows = Vec::new();
        for group in self.groups(stream).await? {
            let name = group["GroupName"].as_str().unwrap_or_default();
            let named = GroupNamed { stream: stream.to_owned(), group: name.to_owned() };
            let Some((_, shards)) = self.described(&named).await? else { continue };
            let lags = |name: &str| shards.iter().filter_map(|shard| shard[name].as_u64()).collect::<Vec<_>>();
            rows.push(json!({
                "group": name,
                "members": group["MemberCount"],
                "lag_records": lags("LagRecords").iter().sum::<u64>(),
                "lag_ms": lags("LagMilliseconds").iter().max().copied().unwrap_or(0),
                "created": shown(&group["CreationTimestamp"]),
            }));
        }
        Ok(rows)
    }

    async fn groups(&mut self, stream: &str) -> Result<Vec<Value>, Stop> {
        let mut found: Vec<Value> = Vec::new();
        let mut more = json!({ "MaxResults": PAGE });
        loop {
            let answer = match self.own("ListGroups", &with(stream, more.clone())).await {
                // Another server than tidewire has none.
                Err(failure) if failure.is("UnknownOperationException") => return Ok(found),
                answer => answer?,
            };
            found.extend(answer["Groups"].as_array().into_iter().flatten().cloned());
            match (answer["HasMoreGroups"] == true, found.last()) {
                (true, Some(last)) => more["ExclusiveStartGroupName"] = last["GroupName"].clone(),
                _ => return Ok(found),
            }
        }
    }

    /// A group and its shards; none if it is not there.
    async fn described(&mut self, words: &GroupNamed) -> Result<Option<(Value, Vec<Value>)>, Stop> {
        let mut shards: Vec<Value> = Vec::new();
        let mut more = json!({ "GroupName": words.group, "MaxResults": PAGE });
        loop {
            let mut answer = match self.own("DescribeGroup", &with(&words.stream, more.clone())).await {
                Err(failure) if failure.is("ResourceNotFoundException") => return Ok(None),
                answer => answer?,
            };
            let page = answer["Shards"].take();
            shards.extend(page.as_array().into_iter().flatten().cloned());
            match (answer["HasMoreShards"] == true, shards.last()) {
                (true, Some(last)) => more["ExclusiveStartShardId"] = last["ShardId"].clone(),
                _ => return Ok(Some((answer, shards))),
            }
        }
    }

    async fn create_group(&mut self, words: &GroupCreate) -> Result<(), Stop> {
        let GroupNamed { stream, group } = &words.named;
        let more = json!({ "GroupName": group, "StartingPosition": position(&words.from) });
        let answer = self.own("CreateGroup", &with(stream, more)).await?;
        self.print_object(&json!({ "group": answer["GroupName"], "arn": answer["GroupARN"] }))
    }

    async fn show_group(&mut self, words: &GroupNamed) -> Result<(), Stop> {
        let Some((about, shards)) = self.described(words).await? else { return Err(no_group(words)) };
        let members: Vec<Value> = about["Members"].as_array().into_iter().flatten().map(member).collect();
        let shards: Vec<Value> = shards.iter().map(shard).collect();
        let head = json!({
            "group": about["GroupName"],
            "generation": about["Generation"],
            "created": shown(&about["CreationTimestamp"]),
            "arn": about["GroupARN"],
        });
        if self.form != Form::Table {
            let mut all = head;
            all["members"] = members.into();
            all["shards"] = shards.into();
            return self.print_object(&all);
        }
        self.print_object(&head)?;
        if !members.is_empty() {
            super::print_lines([String::new()])?;
            self.print_rows(&MEMBERS, &members)?;
        }
        super::print_lines([String::new()])?;
        self.print_rows(&SHARDS, &shards)
    }

    async fn reset_group(&mut self, words: &GroupReset) -> Result<(), Stop> {
        let GroupNamed { stream, group } = &words.named;
        let shard = words.shard.as_deref().map(id_of).or_else(|| words.to.shard());
        let within = shard.as_ref().map_or(String::new(), |shard| format!(" in {shard}"));
        confirm(&format!("forget how far the group {group} has read{within}"), self.yes)?;
        let mut more = json!({ "GroupName": group, "StartingPosition": position(&words.to) });
        if let Some(shard) = shard {
            more["ShardId"] = shard.into();
        }
        self.own("ResetPositions", &with(stream, more)).await?;
        self.show_group(&words.named).await
    }

    async fn delete_group(&mut self, words: &GroupDelete) -> Result<(), Stop> {
        let GroupNamed { stream, group } = &words.named;
        let Some((_, shards)) = self.described(&words.named).await? else { return Err(no_group(&words.named)) };
        confirm(&format!("delete the group {group} and its positions in {} shards", shards.len()), self.yes)?;
        let more = json!({ "GroupName": group, "EnforceMemberRemoval": words.with_members });
        self.own("DeleteGroup", &with(stream, more)).await?;
        Ok(())
    }
}

/// Where reading begins, as tidewire's own operations are told it.
pub(super) fn position(start: &Start) -> Value {
    let iterator = start.iterator();
    let mut position = json!({ "Type": iterator["ShardIteratorType"] });
    for (name, value) in
        [("Timestamp", &iterator["Timestamp"]), ("SequenceNumber", &iterator["StartingSequenceNumber"])]
    {
        if !value.is_null() {
            position[name] = value.clone();
        }
    }
    position
}

fn no_group(words: &GroupNamed) -> Stop {
    let GroupNamed { stream, group } = words;
    Stop::Failed(format!("{stream} has no group {group}; `tidewire stream group ls {stream}` shows those that it has"))
}

fn member(member: &Value) -> Value {
    json!({
        "member": member["MemberId"],
        "shards": member["ShardCount"],
        "session_ms": member["SessionTimeoutMilliseconds"],
        "last_heard": shown(&member["LastHeardTimestamp"]),
    })
}

fn shard(shard: &Value) -> Value {
    json!({
        "shard": shard["ShardId"],
        "member": shard["MemberId"],
        "generation": shard["Generation"],
        "sequence_number": shard["SequenceNumber"],
        "committed": shown(&shard["CommitTimestamp"]),
        "done": shard["IsDone"],
        "lag_records": shard["LagRecords"],
        "lag_ms": shard["LagMilliseconds"],
    })
}
