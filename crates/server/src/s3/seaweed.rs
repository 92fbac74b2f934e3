//! What the webhook of SeaweedFS's filer reports: `event_type`, `key` and the entry before and after, of every file there
//! is.
//!
//! Objects are the files under `/buckets/<bucket>/`. No objects are folders, the parts of uploads that are under way in a
//! bucket's folder `.uploads`, and what begins with a dot right below `/buckets`, which no bucket may be called. An entry
//! that changed without other content (tags, rights) is no new object. Seen of SeaweedFS 4.48; settings:
//! `[notification.webhook]` in its `notification.toml`.

use super::event::Happening;
use names::Instant;
use serde_json::Value;

/// Where a bucket keeps the parts of uploads that are under way.
const UPLOADS: &str = ".uploads";

/// What happened, if it is of objects.
pub(crate) fn read(report: &Value) -> Result<Vec<Happening>, String> {
    let key = report["key"].as_str().ok_or("the report has no key")?;
    let kind = report["event_type"].as_str().ok_or("the report has no event_type")?;
    let message = &report["message"];
    let (before, after) = (&message["old_entry"], &message["new_entry"]);
    let moved = || {
        let folder = message["new_parent_path"].as_str().unwrap_or_default();
        format!("{folder}/{}", after["name"].as_str().unwrap_or_default())
    };
    let happened = match kind {
        "create" => vec![created(key, after)],
        "update" if content(before) != content(after) => vec![created(key, after)],
        "update" => Vec::new(),
        "delete" => vec![removed(key, before)],
        "rename" => vec![removed(key, before), created(&moved(), after)],
        other => return Err(format!("the event_type {other:?} is unknown")),
    };
    Ok(happened.into_iter().flatten().collect())
}

fn created(path: &str, entry: &Value) -> Option<Happening> {
    let (bucket, key) = object(path, entry)?;
    let is_in_parts = entry["extended"].get("X-Seaweedfs-Multipart-Parts-Count").is_some();
    let nanos = written_at(entry);
    Some(Happening {
        name: if is_in_parts { "ObjectCreated:CompleteMultipartUpload" } else { "ObjectCreated:Put" }.into(),
        bucket,
        key,
        size: Some(entry["attributes"]["file_size"].as_u64().unwrap_or(0)),
        etag: etag(entry),
        version: None,
        at: Instant::from_millis(nanos / 1_000_000),
        sequencer: format!("{nanos:016X}"),
        principal: extended(entry, "Seaweed-X-Amz-Owner"),
        source: None,
    })
}

/// Nobody says when it was removed; whoever writes it down takes the present moment.
fn removed(path: &str, entry: &Value) -> Option<Happening> {
    let happening = created(path, entry)?;
    // After whatever wrote it.
    let sequencer = format!("{:016X}", written_at(entry) + 1);
    Some(Happening {
        name: "ObjectRemoved:Delete".into(),
        size: None,
        etag: None,
        at: Instant::EPOCH,
        sequencer,
        ..happening
    })
}

/// Bucket and key of a path, if it is an object's.
fn object(path: &str, entry: &Value) -> Option<(String, String)> {
    let (bucket, key) = path.strip_prefix("/buckets/")?.split_once('/')?;
    let is_upload = key.split('/').next() == Some(UPLOADS);
    let is_ours = !bucket.is_empty() && !bucket.starts_with('.') && !key.is_empty() && !is_upload;
    (is_ours && entry["is_directory"] != true).then(|| (bucket.to_owned(), key.to_owned()))
}

/// What tells one content from another.
fn content(entry: &Value) -> [&Value; 3] {
    let attributes = &entry["attributes"];
    [&attributes["md5"], &attributes["file_size"], &entry["extended"]["Seaweed-X-Amz-ETag"]]
}

/// When the last piece of it was written, in nanoseconds since 1970.
fn written_at(entry: &Value) -> u64 {
    let chunks = entry["chunks"].as_array().map_or(&[][..], Vec::as_slice);
    let of_chunks = chunks.iter().filter_map(|chunk| chunk["modified_ts_ns"].as_u64()).max();
    of_chunks.unwrap_or_else(|| entry["attributes"]["mtime"].as_u64().unwrap_or(0).saturating_mul(1_000_000_000))
}

fn etag(entry: &Value) -> Option<String> {
    let of_content = || {
        let digest = bytes(entry["attributes"]["md5"].as_str()?)?;
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    extended(entry, "Seaweed-X-Amz-ETag").or_else(of_content)
}

/// An attribute beside the usual ones.
fn extended(entry: &Value, name: &str) -> Option<String> {
    String::from_utf8(bytes(entry["extended"][name].as_str()?)?).ok()
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    base64_simd::STANDARD.decode_to_vec(base64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(md5: &str) -> Value {
        json!({
            "name": "a b.jpg",
            "chunks": [{"size": 5, "modified_ts_ns": 1_795_410_394_938_981_220_u64}],
            "attributes": {"file_size": 5, "mtime": 1_795_410_394, "md5": md5},
            "extended": {"Seaweed-X-Amz-ETag": "NWQ0MQ==", "Seaweed-X-Amz-Owner": "YWRtaW4="},
        })
    }

    fn report(kind: &str, key: &str, message: &Value) -> Value {
        json!({"event_type": kind, "key": key, "message": message})
    }

    fn names(report: &Value) -> Vec<String> {
        let show = |one: Happening| format!("{} {}/{}", one.name, one.bucket, one.key);
        read(report).unwrap().into_iter().map(show).collect()
    }

    #[test]
    fn an_object_that_is_written_is_told_with_size_tag_and_time() {
        let created =
            read(&report("create", "/buckets/b/photos/a b.jpg", &json!({"new_entry": entry("AAAA")}))).unwrap();
        let [created] = &created[..] else { panic!("{created:?}") };
        assert_eq!((&*created.name, &*created.bucket, &*created.key), ("ObjectCreated:Put", "b", "photos/a b.jpg"));
        assert_eq!((created.size, created.etag.as_deref()), (Some(5), Some("5d41")));
        assert_eq!(created.at.as_millis(), 1_795_410_394_938);
        assert_eq!((&*created.sequencer, created.principal.as_deref()), ("18EA943DE061BB64", Some("admin")));
    }

    #[test]
    fn what_is_no_object_or_no_new_content_is_not_told() {
        let of = |kind, key: &str, message: &Value| names(&report(kind, key, message));
        let one = entry("AAAA");
        let folder = json!({"name": "photos", "is_directory": true, "attributes": {}});
        assert_eq!(of("create", "/buckets/b/photos", &json!({"new_entry": folder})), [""; 0]);
        for path in ["/buckets/b", "/buckets/.system/owners", "/buckets/b/.uploads/x/0001.part", "/etc/seaweedfs/filer"]
        {
            assert_eq!(of("create", path, &json!({"new_entry": one})), [""; 0], "{path}");
        }
        for key in [".env", ".github/workflows/ci.yml", ".uploads-of-mine", "a/.uploads/b"] {
            let told = of("create", &format!("/buckets/b/{key}"), &json!({"new_entry": one}));
            assert_eq!(told, [format!("ObjectCreated:Put b/{key}")]);
        }
        let both = |after: &Value| json!({"old_entry": one, "new_entry": after});
        assert_eq!(of("update", "/buckets/b/k", &both(&one)), [""; 0]);
        assert_eq!(of("update", "/buckets/b/k", &both(&entry("BBBB"))), ["ObjectCreated:Put b/k"]);
    }

    #[test]
    fn removing_and_renaming_are_told() {
        let one = entry("AAAA");
        let gone = report("delete", "/buckets/b/k", &json!({"old_entry": one}));
        assert_eq!(names(&gone), ["ObjectRemoved:Delete b/k"]);
        let moved = json!({"old_entry": one, "new_entry": one, "new_parent_path": "/buckets/c"});
        let renamed = names(&report("rename", "/buckets/b/k", &moved));
        assert_eq!(renamed, ["ObjectRemoved:Delete b/k", "ObjectCreated:Put c/a b.jpg"]);
        for wrong in [json!({}), json!({"key": "k"}), report("burn", "/buckets/b/k", &json!({}))] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
