//! `split`, `merge`, `reshard`: other shards for the same hash keys. Each prints the open shards that there are then.

use super::shards::{Shard, no_shard};
use super::words::{Merge, Reshard, Split};
use super::{Session, named, with};
use crate::queues::Stop;
use serde_json::{Value, json};

/// How far AWS scales in one call of UpdateShardCount: to the double, or the half.
const STEP: u32 = 2;

const COLUMNS: [&str; 4] = ["shard", "first_hash", "last_hash", "parents"];

impl Session {
    pub(super) async fn split(&mut self, words: &Split) -> Result<(), Stop> {
        let shard = self.shard(&words.stream, &words.shard).await?;
        let middle = shard.first_hash + (shard.last_hash - shard.first_hash) / 2 + 1;
        let at = words.at.unwrap_or(middle).to_string();
        let input = with(&words.stream, json!({ "ShardToSplit": shard.id, "NewStartingHashKey": at }));
        self.call("SplitShard", &input).await?;
        self.print_open(&words.stream).await
    }

    pub(super) async fn merge(&mut self, words: &Merge) -> Result<(), Stop> {
        let shard = self.shard(&words.stream, &words.shard).await?;
        let adjacent = match &words.adjacent {
            Some(name) => self.shard(&words.stream, name).await?.id,
            None => self.neighbour(&words.stream, &shard).await?.id,
        };
        let input = with(&words.stream, json!({ "ShardToMerge": shard.id, "AdjacentShardToMerge": adjacent }));
        self.call("MergeShards", &input).await?;
        self.print_open(&words.stream).await
    }

    /// The open shard with the next greater hash keys.
    async fn neighbour(&mut self, stream: &str, shard: &Shard) -> Result<Shard, Stop> {
        let next = shard.last_hash.checked_add(1);
        let mut shards = self.shards(stream).await?.into_iter().filter(|one| one.is_open);
        let found = shards.find(|one| Some(one.first_hash) == next);
        found.ok_or_else(|| no_shard(stream, &format!("with greater hash keys beside {}", shard.id)))
    }

    pub(super) async fn reshard(&mut self, words: &Reshard) -> Result<(), Stop> {
        loop {
            let answer = self.call("DescribeStreamSummary", &named(&words.stream)).await?;
            let about = &answer["StreamDescriptionSummary"];
            let open = about["OpenShardCount"].as_u64().and_then(|count| u32::try_from(count).ok());
            let open = open.ok_or_else(|| Stop::Failed("the server does not say how many shards there are".into()))?;
            let more = json!({ "TargetShardCount": words.count, "ScalingType": "UNIFORM_SCALING" });
            match self.call("UpdateShardCount", &with(&words.stream, more)).await {
                Ok(_) => break,
                // A server with AWS's limits goes by steps, and so do we; one that is no step away has another reason.
                Err(failure) if failure.is("InvalidArgumentException") && step(open, words.count) != words.count => {
                    let more = json!({ "TargetShardCount": step(open, words.count), "ScalingType": "UNIFORM_SCALING" });
                    self.call("UpdateShardCount", &with(&words.stream, more)).await?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        self.print_open(&words.stream).await
    }

    async fn print_open(&mut self, stream: &str) -> Result<(), Stop> {
        let shards = self.shards(stream).await?;
        let rows: Vec<Value> = shards.iter().filter(|shard| shard.is_open).map(row).collect();
        self.print_rows(&COLUMNS, &rows)
    }
}

/// The furthest count on the way from one to another that AWS scales to at once.
fn step(open: u32, wanted: u32) -> u32 {
    wanted.clamp(open.div_ceil(STEP), open.saturating_mul(STEP))
}

fn row(shard: &Shard) -> Value {
    json!({
        "shard": shard.id,
        "first_hash": shard.first_hash.to_string(),
        "last_hash": shard.last_hash.to_string(),
        "parents": (!shard.parents.is_empty()).then(|| shard.parents.join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn a_count_is_reached_by_halves_and_doubles() {
        assert_eq!((step(1, 5), step(2, 5), step(4, 5)), (2, 4, 5));
        assert_eq!((step(9, 2), step(5, 2), step(3, 2)), (5, 3, 2));
    }
}
