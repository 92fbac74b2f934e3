//! `TidewireRetryBackoff`: how much later a message comes back the more often it was received, as its owner writes it.
//!
//! A JSON object like AWS's policies: `{"baseSeconds":5,"factor":2,"maxSeconds":600}`. After the n-th receive a message stays
//! hidden for base × factor^(n−1) seconds more than asked, `maxSeconds` at the most. The machine's side is `queue::Backoff`.

use crate::limits::{BACKOFF_HUNDREDTHS, RETENTION_SECS};
use crate::refusal::Refusal;
use queue::Backoff;
use serde_json::{Map, Value, json};
use std::num::NonZeroU32;

const NAME: &str = "TidewireRetryBackoff";
/// What holds where the owner does not say.
const FACTOR_HUNDREDTHS: u32 = 200;
const MAX_SECS: u32 = 43_200;

/// What is kept of the text: all three numbers, whichever of them were given.
pub(crate) fn parse_attribute(text: &str) -> Result<String, Refusal> {
    let backoff = read(text).ok_or_else(|| Refusal::invalid_attribute_value(NAME))?;
    let Backoff { base_secs, factor_hundredths, max_secs } = backoff;
    let factor = f64::from(factor_hundredths) / 100.0;
    Ok(json!({"baseSeconds": base_secs, "factor": factor, "maxSeconds": max_secs}).to_string())
}

/// The back-off that a text asks for.
pub(crate) fn read(text: &str) -> Option<Backoff> {
    let given: Map<String, Value> = serde_json::from_str(text).ok()?;
    let known = ["baseSeconds", "factor", "maxSeconds"];
    if !given.keys().all(|key| known.contains(&key.as_str())) {
        return None;
    }
    let secs = |key: &str| u32::try_from(given.get(key)?.as_u64()?).ok().filter(|secs| secs <= RETENTION_SECS.end());
    let base_secs = NonZeroU32::new(secs("baseSeconds")?)?;
    let factor_hundredths = match given.get("factor") {
        None => FACTOR_HUNDREDTHS,
        // Two decimals are kept; what is finer could not be shown as it was given.
        Some(factor) => (factor.as_f64()? * 100.0).round() as u32,
    };
    let max_secs = if given.contains_key("maxSeconds") { secs("maxSeconds")? } else { MAX_SECS.max(base_secs.get()) };
    let fits = BACKOFF_HUNDREDTHS.contains(&factor_hundredths) && max_secs >= base_secs.get();
    fits.then_some(Backoff { base_secs, factor_hundredths, max_secs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_is_kept_with_all_its_numbers() {
        for (given, kept) in [
            (r#"{"baseSeconds":5}"#, r#"{"baseSeconds":5,"factor":2.0,"maxSeconds":43200}"#),
            (
                r#"{"maxSeconds":600,"baseSeconds":1,"factor":1.5}"#,
                r#"{"baseSeconds":1,"factor":1.5,"maxSeconds":600}"#,
            ),
        ] {
            assert_eq!(parse_attribute(given).unwrap(), kept);
            assert_eq!(read(kept), read(given), "what is kept means the same");
        }
    }

    #[test]
    fn what_is_no_back_off_is_refused() {
        for wrong in [
            "5",
            "{}",
            "[]",
            r#"{"baseSeconds":0}"#,
            r#"{"baseSeconds":-1}"#,
            r#"{"baseSeconds":"5"}"#,
            r#"{"baseSeconds":5,"factor":0.9}"#,
            r#"{"baseSeconds":5,"factor":101}"#,
            r#"{"baseSeconds":5,"maxSeconds":4}"#,
            r#"{"baseSeconds":1209601}"#,
            r#"{"baseSeconds":5,"faktor":2}"#,
        ] {
            let refusal = parse_attribute(wrong).unwrap_err();
            assert_eq!(refusal.message, "Invalid value for the parameter TidewireRetryBackoff.", "{wrong}");
        }
    }
}
