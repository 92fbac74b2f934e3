//! What shards are called: `shardId-` and twelve digits, counted within the stream from 0.
//!
//! What a request calls them is taken as AWS takes it: the digits alone, or behind the first hyphen of any word (recorded by
//! kinesalite's tests). A number over the greatest signed one of 32 bits is no shard's.

/// A shard's name.
pub(crate) fn show(index: u32) -> String {
    format!("shardId-{index:012}")
}

/// The number of a name. Digits may be fewer or more, as long as the number is one.
pub(crate) fn parse(name: &str) -> Option<u32> {
    let digits = name.split_once('-').map_or(name, |(_, digits)| digits);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| all_digits && *number <= NUMBER_MAX)
}

/// The greatest number that a name may have.
const NUMBER_MAX: u32 = i32::MAX.unsigned_abs();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_number() {
        assert_eq!(show(7), "shardId-000000000007");
        assert_eq!(parse("shardId-000000000007"), Some(7));
        for known in ["7", "shard-7", "-00007", "a-7"] {
            assert_eq!(parse(known), Some(7), "{known}");
        }
        assert_eq!(parse("2147483647"), Some(2_147_483_647));
        for wrong in ["", "shardId-", "shardId-+7", "shardId-x", "shardId-002147483648", "2.14E4", "a-1-7"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
