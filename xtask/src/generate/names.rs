//! Names of a model in Rust's spelling: `MD5OfMessageBody` is `md5_of_message_body` and `MD5_OF_MESSAGE_BODY`.

/// Words that Rust keeps for itself and that occur, or could, as names of members.
const KEYWORDS: [&str; 20] = [
    "as", "async", "await", "break", "const", "continue", "else", "enum", "extern", "fn", "for", "if", "in", "loop",
    "match", "mod", "move", "ref", "type", "where",
];

/// The name of a field or module.
pub(super) fn snake(name: &str) -> String {
    let words = words(name).to_ascii_lowercase();
    if KEYWORDS.contains(&words.as_str()) { format!("r#{words}") } else { words }
}

/// The name of a constant.
pub(super) fn screaming(name: &str) -> String {
    words(name).to_ascii_uppercase()
}

/// Puts `_` where a word begins: before a capital that follows a small letter or digit, and before the last capital of
/// a row when a small letter comes after it. Signs that no Rust name has become `_` too.
fn words(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::with_capacity(name.len() + 8);
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push('_');
            continue;
        }
        let before = at.checked_sub(1).map(|at| letters[at]);
        let small_after = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase() || before.is_ascii_digit() || (before.is_ascii_uppercase() && small_after)
            });
        if begins {
            words.push('_');
        }
        words.push(*letter);
    }
    if words.starts_with(|first: char| first.is_ascii_digit()) { format!("_{words}") } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_models_become_names_of_rust() {
        for (name, field) in [
            ("QueueUrl", "queue_url"),
            ("queueUrls", "queue_urls"),
            ("MD5OfMessageBody", "md5_of_message_body"),
            ("AWSAccountIds", "aws_account_ids"),
            ("QueueOwnerAWSAccountId", "queue_owner_aws_account_id"),
            ("KMSKeyId", "kms_key_id"),
            ("Type", "r#type"),
            ("AES-256.GCM", "aes_256_gcm"),
            ("2d", "_2d"),
        ] {
            assert_eq!(snake(name), field);
        }
        assert_eq!(screaming("AWSTraceHeader"), "AWS_TRACE_HEADER");
    }
}
