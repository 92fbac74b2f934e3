//! What MinIO's webhook reports: S3's own records, in MinIO's dress.
//!
//! Its event names have `s3:` before them, its source is `minio:s3`, its regions may be empty. It has names of its own
//! below S3's kinds: changed tags are `ObjectCreated` to it, and so are a retention and a legal hold. Those that S3 says
//! otherwise are said as S3 does, those that S3 has no word for are left out: nobody who wants objects is told of one that
//! is none. Source: MinIO's documentation, "Publish events to a webhook", and its event package.

use super::event::{Happening, decoded};
use super::notification::is_event;
use crate::tools::moment;
use names::Instant;
use serde_json::Value;

/// What happened.
pub(crate) fn read(report: &Value) -> Result<Vec<Happening>, String> {
    let records = report["Records"].as_array().ok_or("the report has no Records")?;
    records.iter().filter_map(|record| happening(record).transpose()).collect()
}

/// S3's word for what MinIO calls so, if there is one.
fn word(name: &str) -> Option<&str> {
    let word = match name.strip_prefix("s3:").unwrap_or(name) {
        "ObjectCreated:PutTagging" => "ObjectTagging:Put",
        "ObjectCreated:DeleteTagging" => "ObjectTagging:Delete",
        "ObjectRemoved:DeleteAllVersions" => "ObjectRemoved:Delete",
        other => other,
    };
    is_event(word).then_some(word)
}

fn happening(record: &Value) -> Result<Option<Happening>, String> {
    let text = |value: &Value, what: &str| value.as_str().map(str::to_owned).ok_or(format!("a record has no {what}"));
    let name = text(&record["eventName"], "eventName")?;
    let Some(name) = word(&name).map(str::to_owned) else { return Ok(None) };
    let object = &record["s3"]["object"];
    let key = text(&object["key"], "s3.object.key")?;
    let optional = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let is_removed = name.contains("ObjectRemoved");
    Ok(Some(Happening {
        name,
        bucket: text(&record["s3"]["bucket"]["name"], "s3.bucket.name")?,
        key: decoded(&key).ok_or_else(|| format!("the key {key:?} is not encoded as it should be"))?,
        size: object["size"].as_u64().filter(|_| !is_removed),
        etag: optional(&object["eTag"]).filter(|_| !is_removed),
        version: optional(&object["versionId"]),
        at: record["eventTime"].as_str().and_then(moment::parse).unwrap_or(Instant::EPOCH),
        sequencer: optional(&object["sequencer"]).unwrap_or_default(),
        principal: optional(&record["userIdentity"]["principalId"]),
        source: optional(&record["requestParameters"]["sourceIPAddress"]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_of_minio_says_what_s3_would_say() {
        let record = json!({
            "eventVersion": "2.0",
            "eventSource": "minio:s3",
            "awsRegion": "",
            "eventTime": "2026-11-22T10:00:00.123Z",
            "eventName": "s3:ObjectCreated:Put",
            "userIdentity": {"principalId": "minio"},
            "requestParameters": {"principalId": "minio", "region": "", "sourceIPAddress": "10.0.0.9"},
            "responseElements": {"x-amz-request-id": "17AB", "x-minio-deployment-id": "d"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "Config",
                "bucket": {"name": "b", "ownerIdentity": {"principalId": "minio"}, "arn": "arn:aws:s3:::b"},
                "object": {"key": "photos%2Fa+b.jpg", "size": 5, "eTag": "5d41", "sequencer": "17AB9C"},
            },
            "source": {"host": "10.0.0.9", "port": "", "userAgent": "MinIO"},
        });
        let report = json!({"EventName": "s3:ObjectCreated:Put", "Key": "b/photos/a b.jpg", "Records": [record]});
        let happened = read(&report).unwrap();
        let [one] = &happened[..] else { panic!("{happened:?}") };
        assert_eq!((&*one.name, &*one.bucket, &*one.key), ("ObjectCreated:Put", "b", "photos/a b.jpg"));
        assert_eq!((one.size, one.etag.as_deref(), &*one.sequencer), (Some(5), Some("5d41"), "17AB9C"));
        assert_eq!((one.principal.as_deref(), one.source.as_deref()), (Some("minio"), Some("10.0.0.9")));
        assert_eq!(moment::show(one.at), "2026-11-22T10:00:00.123Z");
        let bare = json!({"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": {}}]});
        for wrong in [json!({}), json!({"Records": [{}]}), bare] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_minio_alone_calls_created_or_removed_is_told_in_words_of_s3_or_not_at_all() {
        let told = |name: &str| {
            let object = json!({"bucket": {"name": "b"}, "object": {"key": "k"}});
            let happened = read(&json!({"Records": [{"eventName": name, "s3": object}]})).unwrap();
            happened.into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        for (minio, s3) in [
            ("s3:ObjectCreated:Copy", "ObjectCreated:Copy"),
            ("s3:ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:DeleteMarkerCreated"),
            ("s3:ObjectCreated:PutTagging", "ObjectTagging:Put"),
            ("s3:ObjectCreated:DeleteTagging", "ObjectTagging:Delete"),
            ("s3:ObjectRemoved:DeleteAllVersions", "ObjectRemoved:Delete"),
        ] {
            assert_eq!(told(minio), [s3]);
        }
        for minio in [
            "s3:ObjectCreated:PutRetention",
            "s3:ObjectCreated:PutLegalHold",
            "s3:ObjectCreated:*",
            "s3:ObjectRemoved:NoOP",
            "s3:ObjectAccessed:Get",
            "s3:BucketCreated:*",
            "s3:LifecycleDelMarkerExpiration:Delete",
        ] {
            assert_eq!(told(minio), [""; 0], "{minio}");
        }
    }
}
