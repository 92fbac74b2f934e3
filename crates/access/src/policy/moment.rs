//! Moments as conditions write them: W3C's profile of ISO 8601, or seconds since 1970.
//!
//! `2026`, `2026-11`, `2026-11-22`, `2026-11-22T10:30Z`, `2026-11-22T10:30:00.5+01:00`; without a zone it is UTC. Source:
//! IAM User Guide, "Date condition operators".

/// Milliseconds since 1970, or nothing if the text is no moment.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>()
        && text.len() != "2026".len()
    {
        return seconds.checked_mul(1000);
    }
    let (date, time) = text.split_once(['T', 't']).map_or((text, None), |(date, time)| (date, Some(time)));
    let days = date_days(date)?;
    let millis = time.map_or(Some(0), time_millis)?;
    Some(days * 86_400_000 + millis)
}

fn date_days(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (parts.next().is_none() && (1..=length).contains(&day)).then(|| days_since_1970(year, month, day))
}

/// Counts from March, so that the leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn time_millis(text: &str) -> Option<i64> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        None => (text, 0),
        Some(at) if text[at..].eq_ignore_ascii_case("z") => (&text[..at], 0),
        Some(at) => (&text[..at], zone_minutes(&text[at..])?),
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, part)| (clock, Some(part)));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| digits(part, 2))?;
    let millis = fraction.map_or(Some(0), fraction_millis)?;
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    valid.then(|| ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis)
}

/// `+01:00`, `-0530`, `+01`.
fn zone_minutes(text: &str) -> Option<i64> {
    let (sign, rest) = (if text.starts_with('-') { -1 } else { 1 }, text.get(1..)?);
    let (hours, minutes) = (rest.get(..2)?, rest.get(2..)?);
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2)? };
    let hours = digits(hours, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The first three digits behind the point; the rest is finer than requests are told apart by.
fn fraction_millis(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Writes `2026-11-22T10:30:00Z`, as `aws:CurrentTime` has it.
pub(crate) fn write(millis: u64) -> String {
    let (days, second) = ((millis / 86_400_000) as i64, millis / 1000 % 86_400);
    let (mut year, mut month) = (1970 + days / 366, 1);
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    while month < 12 && days_since_1970(year, month + 1, 1) <= days {
        month += 1;
    }
    let day = days - days_since_1970(year, month, 1) + 1;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_moment_is_read() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970", 0),
            ("1970-02", 31 * 86_400_000),
            ("1970-01-02", 86_400_000),
            ("1577836800", 1_577_836_800_000),
            ("2020-01-01T00:00Z", 1_577_836_800_000),
            ("2020-01-01T01:00:00+01:00", 1_577_836_800_000),
            ("2019-12-31T18:30:00.250-0530", 1_577_836_800_250),
            ("2020-01-01t00:00:00z", 1_577_836_800_000),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2020-13-01",
            "2021-02-29",
            "2020-01-01T24:00:00Z",
            "2020-01-01T",
            "2020-01-01T00:00:00+1:00",
            "2020-1-1",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-11-22T10:30:00Z", "2100-12-31T00:00:01Z"] {
            assert_eq!(write(parse(text).unwrap() as u64), text);
        }
    }
}
