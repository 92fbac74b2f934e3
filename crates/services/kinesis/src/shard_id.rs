//! What shards are called: `shardId-` and twelve digits, counted within the stream from 0.

/// A shard's name.
pub(crate) fn show(index: u32) -> String {
    format!("shardId-{index:012}")
}

/// The number of a name. Digits may be fewer or more, as long as the number is one.
pub(crate) fn parse(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("shardId-")?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_number() {
        assert_eq!(show(7), "shardId-000000000007");
        assert_eq!(parse("shardId-000000000007"), Some(7));
        for wrong in ["shardId-", "7", "shardId-+7", "shardId-x", "shardId-99999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
