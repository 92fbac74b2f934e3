//! HTTP/1.1 as bytes: requests, and answers with a Content-Length.

use crate::client::Answer;
use crate::dialect::{Spoken, understand};
use crate::trace::Trace;

/// The bytes of a request.
pub(crate) fn request(spoken: &Spoken) -> Vec<u8> {
    let Spoken { path, headers, body } = spoken;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost:4566\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Takes the first whole answer out of `buffer`.
pub(crate) fn answer(buffer: &mut Vec<u8>, trace: &Trace) -> Result<Option<Answer>, String> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end]).map_err(|_| "an answer's head is not text")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    let status = status.ok_or_else(|| format!("an answer without a status: {head}"))?;
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let length = length.ok_or_else(|| format!("an answer without a length: {head}"))?;
    let (from, to) = (end + 4, end + 4 + length);
    if buffer.len() < to {
        return Ok(None);
    }
    // The date is the one thing that hyper takes from the machine's own clock.
    let lasting: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    let body = &buffer[from..to];
    trace.note(format_args!("answer 1 {} {}", lasting.join("; "), String::from_utf8_lossy(body)));
    let content_type = head.split("\r\n").find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    let answer = understand(status, content_type, body);
    buffer.drain(..to);
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole_and_what_follows_stays() {
        let trace = Trace::new(false);
        let mut buffer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 7\r\ndate: x\r\n\r\n{\"a\":1".to_vec();
        assert!(answer(&mut buffer, &trace).unwrap().is_none());
        buffer.extend(b"}HTTP");
        assert_eq!(answer(&mut buffer, &trace).unwrap().unwrap().body["a"], 1);
        assert_eq!(buffer, b"HTTP");
    }
}
