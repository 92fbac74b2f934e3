//! Moments as people write them: `2026-11-22T10:30:00Z`, with or without milliseconds, always UTC.
//!
//! Days are counted as in the proleptic Gregorian calendar, from the first of March, so that a leap day ends its year.

use names::Instant;

const DAY_MILLIS: u64 = 86_400_000;

/// Reads a moment; `None` if the text is none.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, millis) =
        time.split_once('.').map_or(Some((time, 0)), |(clock, part)| Some((clock, fraction(part)?)))?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let whole =
        (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !whole || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Instant::from_millis(days_before(year, month, day) * DAY_MILLIS + seconds * 1000 + millis))
}

/// Writes a moment.
pub(crate) fn show(at: Instant) -> String {
    let (mut days, millis) = (at.as_millis() / DAY_MILLIS, at.as_millis() % DAY_MILLIS);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
        if year > 9999 {
            return format!("{} ms", at.as_millis());
        }
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    let (day, seconds) = (days + 1, millis / 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1000)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let parts: Vec<u64> = text.split(between).map(digits).collect::<Option<_>>()?;
    parts.try_into().ok()
}

fn digits(text: &str) -> Option<u64> {
    let plain = (2..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn fraction(text: &str) -> Option<u64> {
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = plain.then(|| text.parse().ok()).flatten()?;
    Some(number * [100, 10, 1][text.len() - 1])
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(|month| days_in(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_shown() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2026-11-22T22:35:30.000Z", 1_795_386_930_000),
        ] {
            assert_eq!(parse(text), Some(Instant::from_millis(millis)), "{text}");
            assert_eq!(show(Instant::from_millis(millis)), text);
        }
        assert_eq!(parse("2026-11-22T22:35:30.5Z"), Some(Instant::from_millis(1_795_386_930_500)));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T22:35:30",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-1T0:0:0Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
