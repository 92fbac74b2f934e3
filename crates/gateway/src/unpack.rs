//! Bodies that a client has compressed: `Content-Encoding: gzip`, which the SDKs send where the model of an operation says so
//! (CloudWatch's PutMetricData, from 10 KiB on).
//!
//! What was signed are the compressed bytes, so this comes after the signature; what is unpacked keeps to the same bound as a body
//! that was sent plain, so that a few kilobytes cannot become gigabytes. Format: RFC 1952.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::CONTENT_ENCODING;
use http::request::Parts;

use crate::body::BodyError;
use crate::errors;
use crate::gateway::unread;
use crate::service::Refused;

/// The body as it was before it was compressed; nothing where it was not.
pub(crate) fn unpack(head: &Parts, body: &[u8], bytes_max: usize) -> Result<Option<Bytes>, Refused> {
    let is_gzip =
        head.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if !is_gzip {
        return Ok(None);
    }
    let mut plain = Vec::new();
    // One byte more than is taken shows that there is too much.
    let read = MultiGzDecoder::new(body).take(bytes_max as u64 + 1).read_to_end(&mut plain);
    if read.is_err() {
        return Err(Refused::new(&errors::MALFORMED, "The request body is said to be gzip and is not."));
    }
    if plain.len() > bytes_max {
        return Err(unread(BodyError::TooLarge, bytes_max));
    }
    Ok(Some(plain.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn head(coding: Option<&str>) -> Parts {
        let mut request = http::Request::new(());
        if let Some(coding) = coding {
            request.headers_mut().insert(CONTENT_ENCODING, coding.parse().unwrap());
        }
        request.into_parts().0
    }

    #[test]
    fn a_compressed_body_is_read_as_it_was_before() {
        let plain = unpack(&head(Some("GZIP")), &packed(b"Action=Echo"), 100).unwrap();
        assert_eq!(plain.as_deref(), Some(&b"Action=Echo"[..]));
        assert_eq!(unpack(&head(None), b"x", 100).unwrap(), None);
        assert_eq!(unpack(&head(Some("aws-chunked")), b"x", 100).unwrap(), None);
    }

    #[test]
    fn a_little_that_becomes_much_is_refused_as_much_is() {
        let bomb = packed(&vec![0; 1 << 20]);
        assert!(bomb.len() < 2000);
        assert!(unpack(&head(Some("gzip")), &bomb, 1 << 20).is_ok());
        let refused = unpack(&head(Some("gzip")), &bomb, (1 << 20) - 1).unwrap_err();
        assert_eq!(refused.error.status, 413);
    }

    #[test]
    fn what_is_said_to_be_gzip_and_is_not_is_malformed() {
        let whole = packed(b"Action=Echo");
        for wrong in [&b"Action=Echo"[..], &whole[..whole.len() - 1], b""] {
            let refused = unpack(&head(Some("gzip")), wrong, 100).unwrap_err();
            assert_eq!(refused.error.name, "SerializationException", "{wrong:?}");
        }
    }
}
