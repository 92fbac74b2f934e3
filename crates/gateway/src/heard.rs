//! Overhears what a service reads or writes, and keeps what may be written down.
//!
//! Kept: names of queues, users and keys, policies, tags, numbers. Not kept: whatever the model calls sensitive, all bytes,
//! and what [`HIDDEN`] names, since customers' data and proofs of identity travel there; a member is judged by its name
//! before its value is copied. At most [`AUDITED_BYTES_MAX`] of text are kept of a document, and twice that of all it
//! takes.

use bytes::Bytes;
use wire::schema::{Member, Shape, StructShape};
use wire::{Invalid, Reader, Timestamp, Write, Writer};

use crate::audit::Told;
use crate::limits::AUDITED_BYTES_MAX;

/// Members that hold customers' data, or what proves who somebody is, and that models do not call sensitive.
const HIDDEN: &[&str] = &[
    "AuthenticationCode1",
    "AuthenticationCode2",
    "Base32StringSeed",
    "Body",
    "CiphertextBlob",
    "CustomUserData",
    "Data",
    "EncodedMessage",
    "GrantToken",
    "GrantTokens",
    "Message",
    "MessageAttributes",
    "MessageBody",
    "MessageStructure",
    "MessageSystemAttributes",
    "NewPassword",
    "OldPassword",
    "Password",
    "Plaintext",
    "PrivateKey",
    "PrivateKeyPlaintext",
    "QRCodePNG",
    "SAMLAssertion",
    "SecretAccessKey",
    "SessionToken",
    "Token",
    "TokenCode",
    "WebIdentityToken",
];

/// What proves something, or is an owner's own, among attributes: a map's key, or an AttributeName beside its AttributeValue. The key that a
/// subscription's messages are signed with, what proves to a push service who sends, and a device's token.
const HIDDEN_ATTRIBUTES: &[&str] =
    &["CustomUserData", "PlatformCredential", "PlatformPrincipal", "TidewireHmacKey", "Token"];

/// A text as it may be kept: of a URL, no login.
fn without_login(text: &str) -> String {
    let login = text.split_once("://").and_then(|(scheme, rest)| {
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://***@{host}{}", &rest[authority.len()..]))
    });
    login.unwrap_or_else(|| text.to_owned())
}

/// Whether nothing of the member's value may be kept.
fn is_hidden(member: &Member) -> bool {
    member.rules.sensitive || matches!(member.shape, Shape::Blob) || HIDDEN.binary_search(&member.name).is_ok()
}

/// What was heard so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    open: Vec<Open>,
    bytes: usize,
    whole: Option<Told>,
}

#[derive(Debug)]
enum Open {
    Struct { members: Vec<(&'static str, Told)>, at: Option<(&'static str, bool)> },
    Map { entries: Vec<(String, Told)>, key: String },
    List(Vec<Told>),
}

impl Heard {
    /// All of it; what had not ended ends here.
    pub(crate) fn told(mut self) -> Option<Told> {
        while !self.open.is_empty() {
            self.close();
        }
        self.whole
    }

    fn begin(&mut self, open: Open) {
        self.open.push(open);
    }

    fn member(&mut self, member: &'static Member) {
        let hidden = is_hidden(member);
        if let Some(Open::Struct { at, .. }) = self.open.last_mut() {
            *at = Some((member.name, hidden));
        }
    }

    fn key(&mut self, name: &str) {
        // A key for which there is no room has its value cut, too.
        let fits = self.bytes + name.len() <= AUDITED_BYTES_MAX;
        let kept = if self.is_hidden() || !fits { String::new() } else { name.to_owned() };
        self.bytes += kept.len();
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = kept;
        }
    }

    fn close(&mut self) {
        let told = match self.open.pop() {
            Some(Open::Struct { members, .. }) => Told::Struct(members),
            Some(Open::Map { entries, .. }) => Told::Map(entries),
            Some(Open::List(items)) => Told::List(items),
            None => return,
        };
        let told = if self.is_hidden() { Told::Hidden } else { told };
        match told {
            // What holds something that was kept has its place, however little room is left.
            Told::Struct(ref members) if !members.is_empty() => self.attach(told),
            Told::Map(ref entries) if !entries.is_empty() => self.attach(told),
            Told::List(ref items) if !items.is_empty() => self.attach(told),
            told => self.put(told),
        }
    }

    /// Keeps a value of about `bytes`, which is not looked at where it must not be kept.
    fn hear(&mut self, bytes: usize, value: impl FnOnce() -> Told) {
        let told = match self.is_hidden() {
            true => Told::Hidden,
            false if self.bytes + bytes > AUDITED_BYTES_MAX => Told::Cut,
            false => {
                self.bytes += bytes;
                value()
            }
        };
        self.put(told);
    }

    /// Keeps what has no parts, while there is room: what is cut or hidden costs memory too.
    fn put(&mut self, told: Told) {
        self.bytes += size_of::<Told>();
        if self.open.is_empty() || self.bytes <= 2 * AUDITED_BYTES_MAX {
            self.attach(told);
        }
    }

    fn attach(&mut self, told: Told) {
        match self.open.last_mut() {
            Some(Open::Struct { members, at }) => {
                let is_named = |(name, told): &(&str, Told)| {
                    *name == "AttributeName"
                        && matches!(told, Told::Text(text) if HIDDEN_ATTRIBUTES.contains(&text.as_str()))
                };
                members.extend(at.map(|(name, _)| (name, told)));
                // Whichever of the two came first.
                if members.iter().any(is_named) {
                    members
                        .iter_mut()
                        .filter(|(name, _)| *name == "AttributeValue")
                        .for_each(|(_, told)| *told = Told::Hidden);
                }
            }
            Some(Open::Map { entries, key }) => {
                let told = if HIDDEN_ATTRIBUTES.contains(&key.as_str()) { Told::Hidden } else { told };
                entries.push((std::mem::take(key), told));
            }
            Some(Open::List(items)) => items.push(told),
            None => self.whole = Some(told),
        }
    }

    fn is_hidden(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Struct { at: Some((_, true)), .. }))
    }
}

/// A reader that is overheard.
pub(crate) struct Overheard<'a> {
    pub(crate) reader: &'a mut dyn Reader,
    pub(crate) heard: &'a mut Heard,
}

impl Overheard<'_> {
    fn number(&mut self, value: i64) {
        self.heard.hear(size_of::<i64>(), || Told::Whole(value));
    }
}

impl Reader for Overheard<'_> {
    fn begin_struct(&mut self) -> Result<(), Invalid> {
        self.reader.begin_struct()?;
        self.heard.begin(Open::Struct { members: Vec::new(), at: None });
        Ok(())
    }

    fn next_member(&mut self, shape: &'static StructShape) -> Result<Option<usize>, Invalid> {
        let next = self.reader.next_member(shape)?;
        match next {
            Some(index) => self.heard.member(&shape.members[index]),
            None => self.heard.close(),
        }
        Ok(next)
    }

    fn begin_list(&mut self) -> Result<(), Invalid> {
        self.reader.begin_list()?;
        self.heard.begin(Open::List(Vec::new()));
        Ok(())
    }

    fn next_item(&mut self) -> Result<bool, Invalid> {
        let next = self.reader.next_item()?;
        if !next {
            self.heard.close();
        }
        Ok(next)
    }

    fn begin_map(&mut self) -> Result<(), Invalid> {
        self.reader.begin_map()?;
        self.heard.begin(Open::Map { entries: Vec::new(), key: String::new() });
        Ok(())
    }

    fn next_key(&mut self) -> Result<Option<String>, Invalid> {
        let next = self.reader.next_key()?;
        match &next {
            Some(key) => self.heard.key(key),
            None => self.heard.close(),
        }
        Ok(next)
    }

    fn string(&mut self) -> Result<String, Invalid> {
        let value = self.reader.string()?;
        self.heard.hear(value.len(), || Told::Text(without_login(&value)));
        Ok(value)
    }

    fn blob(&mut self) -> Result<Bytes, Invalid> {
        let value = self.reader.blob()?;
        self.heard.put(Told::Hidden);
        Ok(value)
    }

    fn boolean(&mut self) -> Result<bool, Invalid> {
        let value = self.reader.boolean()?;
        self.heard.hear(1, || Told::Boolean(value));
        Ok(value)
    }

    fn integer(&mut self) -> Result<i32, Invalid> {
        let value = self.reader.integer()?;
        self.number(value.into());
        Ok(value)
    }

    fn long(&mut self) -> Result<i64, Invalid> {
        let value = self.reader.long()?;
        self.number(value);
        Ok(value)
    }

    fn double(&mut self) -> Result<f64, Invalid> {
        let value = self.reader.double()?;
        self.heard.hear(size_of::<f64>(), || Told::Number(value));
        Ok(value)
    }

    fn timestamp(&mut self) -> Result<Timestamp, Invalid> {
        let value = self.reader.timestamp()?;
        self.heard.hear(size_of::<i64>(), || Told::Moment(value));
        Ok(value)
    }

    fn finish(&mut self) -> Result<(), Invalid> {
        self.reader.finish()
    }
}

/// What an output says, as far as it may be kept.
pub(crate) fn output(value: &dyn Write) -> Option<Told> {
    let mut heard = Heard::default();
    value.write(&mut heard);
    heard.told()
}

impl Writer for Heard {
    fn begin_struct(&mut self, _: &'static StructShape) {
        self.begin(Open::Struct { members: Vec::new(), at: None });
    }

    fn member(&mut self, member: &'static Member) {
        Self::member(self, member);
    }

    fn end_struct(&mut self) {
        self.close();
    }

    fn begin_list(&mut self, _: usize) {
        self.begin(Open::List(Vec::new()));
    }

    fn item(&mut self) {}

    fn end_list(&mut self) {
        self.close();
    }

    fn begin_map(&mut self, _: usize) {
        self.begin(Open::Map { entries: Vec::new(), key: String::new() });
    }

    fn key(&mut self, key: &str) {
        Self::key(self, key);
    }

    fn end_entry(&mut self) {}

    fn end_map(&mut self) {
        self.close();
    }

    fn string(&mut self, value: &str) {
        self.hear(value.len(), || Told::Text(without_login(value)));
    }

    fn blob(&mut self, _: &[u8]) {
        self.put(Told::Hidden);
    }

    fn boolean(&mut self, value: bool) {
        self.hear(1, || Told::Boolean(value));
    }

    fn long(&mut self, value: i64) {
        self.hear(size_of::<i64>(), || Told::Whole(value));
    }

    fn double(&mut self, value: f64) {
        self.hear(size_of::<f64>(), || Told::Number(value));
    }

    fn timestamp(&mut self, value: Timestamp) {
        self.hear(size_of::<i64>(), || Told::Moment(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::json::JsonReader;
    use wire::schema::{ListShape, MapShape, Rules};
    use wire::{Read, read_struct};

    static ENTRY: StructShape = StructShape {
        name: "Entry",
        members: &[Member::new("Id", Shape::String), Member::new("MessageBody", Shape::String)],
    };
    static ENTRIES: ListShape =
        ListShape { name: "Entries", item_name: "member", item: Shape::Struct(&ENTRY), item_rules: Rules::NONE };
    static TAGS: MapShape = MapShape {
        name: "Tags",
        key_name: "key",
        value_name: "value",
        value: Shape::String,
        key_rules: Rules::NONE,
        value_rules: Rules::NONE,
    };
    static INPUT: StructShape = StructShape {
        name: "Input",
        members: &[
            Member::new("Name", Shape::String),
            Member::new("Entries", Shape::List(&ENTRIES)),
            Member::new("Tags", Shape::Map(&TAGS)),
            Member::new("MessageAttributes", Shape::Map(&TAGS)),
            Member::new("Count", Shape::Integer),
        ],
    };

    static NAMED: StructShape = StructShape {
        name: "Named",
        members: &[Member::new("AttributeName", Shape::String), Member::new("AttributeValue", Shape::String)],
    };

    #[test]
    fn of_a_subscription_neither_login_nor_key_nor_token_is_kept() {
        assert_eq!(without_login("https://me:word@a.example:8443/x?y=b@c"), "https://***@a.example:8443/x?y=b@c");
        for plain in ["https://a.example/?to=b@c", "me@a.example", "arn:aws:sqs:eu-west-1:1:q", "http://", "://@"] {
            let kept = without_login(plain);
            assert_eq!(kept == plain, plain != "://@", "{plain}: {kept}");
        }
        assert!(
            is_hidden(&Member::new("Token", Shape::String)) && !is_hidden(&Member::new("NextToken", Shape::String))
        );
        for (text, kept) in [
            (r#"{"AttributeName":"TidewireHmacKey","AttributeValue":"s"}"#, None),
            (r#"{"AttributeValue":"s","AttributeName":"TidewireHmacKey"}"#, None),
            (r#"{"AttributeValue":"s","AttributeName":"Policy"}"#, Some(Told::Text("s".into()))),
        ] {
            let (mut heard, mut reader) = (Heard::default(), JsonReader::new(text.as_bytes()).unwrap());
            let mut overheard = Overheard { reader: &mut reader, heard: &mut heard };
            read_struct(&mut overheard, &NAMED, |_, reader| String::read(reader).map(drop)).unwrap();
            let Some(Told::Struct(members)) = heard.told() else { panic!("a structure was read") };
            let value = members.into_iter().find(|(name, _)| *name == "AttributeValue").map(|(_, told)| told);
            assert_eq!(value, Some(kept.unwrap_or(Told::Hidden)), "{text}");
        }
    }

    fn read_entry(reader: &mut dyn Reader) -> Result<(), Invalid> {
        read_struct(reader, &ENTRY, |_, reader| String::read(reader).map(drop))
    }

    fn read_tags(reader: &mut dyn Reader) -> Result<(), Invalid> {
        reader.begin_map()?;
        while reader.next_key()?.is_some() {
            reader.string()?;
        }
        Ok(())
    }

    fn overhear(json: &str) -> Option<Told> {
        let mut heard = Heard::default();
        let mut reader = JsonReader::new(json.as_bytes()).unwrap();
        let mut overheard = Overheard { reader: &mut reader, heard: &mut heard };
        let _ = read_struct(&mut overheard, &INPUT, |member, reader| match member {
            0 => reader.string().map(drop),
            1 => {
                reader.begin_list()?;
                while reader.next_item()? {
                    read_entry(reader)?;
                }
                Ok(())
            }
            2 | 3 => read_tags(reader),
            _ => reader.integer().map(drop),
        });
        heard.told()
    }

    static DEVICE: StructShape = StructShape {
        name: "Device",
        members: &[
            Member::new("PlatformApplicationArn", Shape::String),
            Member::new("Token", Shape::String),
            Member::new("CustomUserData", Shape::String),
            Member::new("Attributes", Shape::Map(&TAGS)),
            Member::new("Endpoints", Shape::List(&DEVICES)),
        ],
    };

    static DEVICES: ListShape =
        ListShape { name: "Devices", item_name: "member", item: Shape::Struct(&DEVICE), item_rules: Rules::NONE };

    fn read_device(reader: &mut dyn Reader) -> Result<(), Invalid> {
        read_struct(reader, &DEVICE, |member, reader| match member {
            3 => read_tags(reader),
            4 => {
                reader.begin_list()?;
                while reader.next_item()? {
                    read_device(reader)?;
                }
                Ok(())
            }
            _ => reader.string().map(drop),
        })
    }

    #[test]
    fn of_devices_and_push_services_neither_tokens_nor_credentials_are_kept() {
        let given = r#"{"PlatformApplicationArn":"arn","Token":"s3cret","CustomUserData":"s3cret","Attributes":{"Enabled":"true",
            "Token":"s3cret","CustomUserData":"s3cret","PlatformCredential":"s3cret","PlatformPrincipal":"s3cret","EventEndpointCreated":"t"},
            "Endpoints":[{"Attributes":{"Token":"s3cret","Enabled":"false"}}]}"#;
        let (mut heard, mut reader) = (Heard::default(), JsonReader::new(given.as_bytes()).unwrap());
        read_device(&mut Overheard { reader: &mut reader, heard: &mut heard }).unwrap();
        let told = heard.told().unwrap();
        assert!(!format!("{told:?}").contains("s3cret"), "{told:?}");
        let text = |text: &str| Told::Text(text.into());
        let hidden = |name: &str| (name.to_owned(), Told::Hidden);
        let attributes = vec![
            ("Enabled".to_owned(), text("true")),
            hidden("Token"),
            hidden("CustomUserData"),
            hidden("PlatformCredential"),
            hidden("PlatformPrincipal"),
            ("EventEndpointCreated".to_owned(), text("t")),
        ];
        let listed = vec![hidden("Token"), ("Enabled".to_owned(), text("false"))];
        let expected = Told::Struct(vec![
            ("PlatformApplicationArn", text("arn")),
            ("Token", Told::Hidden),
            ("CustomUserData", Told::Hidden),
            ("Attributes", Told::Map(attributes)),
            ("Endpoints", Told::List(vec![Told::Struct(vec![("Attributes", Told::Map(listed))])])),
        ]);
        assert_eq!(told, expected, "and what is no secret is");
    }

    #[test]
    fn the_hidden_names_are_in_order() {
        assert!(HIDDEN.is_sorted());
    }

    #[test]
    fn what_may_be_kept_is_kept_and_bodies_and_attributes_are_not() {
        let told = overhear(
            r#"{"Name":"jobs","Entries":[{"Id":"1","MessageBody":"s3cret"}],"Tags":{"team":"a"},
                "MessageAttributes":{"s3cret":"s3cret"},"Count":3}"#,
        );
        let text = |text: &str| Told::Text(text.into());
        let entry = Told::Struct(vec![("Id", text("1")), ("MessageBody", Told::Hidden)]);
        let expected = Told::Struct(vec![
            ("Name", text("jobs")),
            ("Entries", Told::List(vec![entry])),
            ("Tags", Told::Map(vec![("team".into(), text("a"))])),
            ("MessageAttributes", Told::Hidden),
            ("Count", Told::Whole(3)),
        ]);
        assert!(!format!("{told:?}").contains("s3cret"), "{told:?}");
        assert_eq!(told, Some(expected));
    }

    #[test]
    fn a_document_that_breaks_off_is_told_as_far_as_it_went() {
        let told = overhear(r#"{"Name":"jobs","Count":"three"}"#);
        assert_eq!(told, Some(Told::Struct(vec![("Name", Told::Text("jobs".into()))])));
    }

    #[test]
    fn no_more_than_its_bound_is_kept_of_a_document() {
        let long = "x".repeat(AUDITED_BYTES_MAX + 1);
        assert_eq!(overhear(&format!("{{\"Name\":\"{long}\"}}")), Some(Told::Struct(vec![("Name", Told::Cut)])));
        let many = format!("{{\"Entries\":[{}]}}", vec!["{\"Id\":\"1\"}"; 500_000].join(","));
        let kept = format!("{:?}", overhear(&many).unwrap()).matches("Struct").count();
        assert!(kept * size_of::<Told>() < 4 * AUDITED_BYTES_MAX, "{kept}");
        let keys: Vec<_> = (0..100).map(|nth| format!("\"{nth}{long}\":\"v\"")).collect();
        let told = format!("{:?}", overhear(&format!("{{\"Tags\":{{{}}}}}", keys.join(","))));
        assert!(told.len() < AUDITED_BYTES_MAX, "{} bytes are kept of long keys", told.len());
    }
}
