//! Every identifier with what is one and what is none; policies that are none; what is hidden.

use super::*;
use crate::api::PublishInput;
use crate::limits;
use crate::message::Draft;
use serde_json::{Value, json};

/// What an identifier finds in a text.
fn found<'a>(name: &str, text: &'a str) -> Vec<&'a str> {
    let managed = Managed::named(name).unwrap_or_else(|| panic!("{name} is not there"));
    let places = Identifier::Managed(managed).find(text, &Patterns::default());
    places.into_iter().map(|range| &text[range]).collect()
}

/// Names, a text with exactly one, and texts with none.
const SAMPLES: &[(&str, &str, &str, &[&str])] = &[
    (
        "AwsSecretKey",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        &["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret key da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ),
    (
        "BankAccountNumber-DE",
        "IBAN: DE89 3704 0044 0532 0130 00",
        "DE89 3704 0044 0532 0130 00",
        &["IBAN: DE88 3704 0044 0532 0130 00", "DE89370400440532013000"],
    ),
    (
        "BankAccountNumber-ES",
        "iban ES9121000418450200051332",
        "ES9121000418450200051332",
        &["iban ES9121000418450200051333"],
    ),
    (
        "BankAccountNumber-FR",
        "iban FR1420041010050500013M02606",
        "FR1420041010050500013M02606",
        &["iban FR1420041010050500013M02607"],
    ),
    (
        "BankAccountNumber-GB",
        "Account number: GB82 WEST 1234 5698 7654 32",
        "GB82 WEST 1234 5698 7654 32",
        &["iban GB82 WEST 1234 5698 7654 33"],
    ),
    (
        "BankAccountNumber-IT",
        "conto bancario IT60X0542811101000000123456",
        "IT60X0542811101000000123456",
        &["iban IT60X0542811101000000123457"],
    ),
    ("CepCode-BR", "CEP 01310-100", "01310-100", &["01310-100", "cep 013101000"]),
    ("Cnpj-BR", "CNPJ: 11.222.333/0001-81", "11.222.333/0001-81", &["CNPJ: 11.222.333/0001-82", "11.222.333/0001-81"]),
    (
        "CpfCode-BR",
        "cpf 529.982.247-25",
        "529.982.247-25",
        &["cpf 529.982.247-26", "cpf 111.111.111-11", "529.982.247-25"],
    ),
    ("CreditCardExpiration", "exp date 04/27", "04/27", &["expiry 13/27", "04/27"]),
    (
        "CreditCardNumber",
        "card number 4539 1488 0343 6467 ok",
        "4539 1488 0343 6467",
        &["card number 4539 1488 0343 6468", "card 4111111111111111", "card 1234567812345670", "4539148803436467"],
    ),
    ("CreditCardSecurityCode", "{\"cvv\":\"123\"}", "123", &["cvv 12345", "123"]),
    ("DateOfBirth", "date of birth: 12-01-2012", "12-01-2012", &["dob 45-45-2012", "dob 12-01-1234", "12-01-2012"]),
    (
        "EmailAddress",
        "write to jane.doe+x@mail.example.com.",
        "jane.doe+x@mail.example.com",
        &["jane at example.com", "jane@localhost", "@example.com"],
    ),
    (
        "IndividualTaxIdentificationNumber-US",
        "ITIN 912-80-1234",
        "912-80-1234",
        &["ITIN 812-80-1234", "itin 912-40-1234", "912-80-1234"],
    ),
    ("IpAddress", "from 192.168.1.250 port 7", "192.168.1.250", &["1.2.3", "300.1.1.1", "std::vec", "12:30"]),
    (
        "LatLong",
        "location 41.948614,-87.655311",
        "41.948614,-87.655311",
        &["location 91.948614,-87.655311", "41.948614,-87.655311"],
    ),
    (
        "NationalInsuranceNumber-GB",
        "NINO: AB 12 34 56 C",
        "AB 12 34 56 C",
        &["nino GB123456C", "nino AB123456E", "AB123456C"],
    ),
    ("NieNumber-ES", "nie X1234567L", "X1234567L", &["nie X1234567M", "X1234567L"]),
    ("NifNumber-ES", "NIF 12345678Z", "12345678Z", &["nif 12345678A", "12345678Z"]),
    (
        "OpenSshPrivateKey",
        "a -----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----",
        &["-----BEGIN OPENSSH PUBLIC KEY-----"],
    ),
    ("PassportNumber-US", "passport 912803456", "912803456", &["passport 91280345", "912803456"]),
    (
        "PgpPrivateKey",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: a-b\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK----- z",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: a-b\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----",
        &["-----BEGIN PGP PUBLIC KEY BLOCK-----"],
    ),
    ("PhoneNumber-DE", "call +49 30 901820", "+49 30 901820", &["call 030 901820", "tel +4 30 901820 x"]),
    ("PhoneNumber-ES", "móvil; phone 612 345 678", "612 345 678", &["612 345 678", "phone 412 345 678"]),
    ("PhoneNumber-FR", "tel: 06 12 34 56 78", "06 12 34 56 78", &["06 12 34 56 78", "+33 0 12 34"]),
    ("PhoneNumber-GB", "fax number 020 7946 0958", "020 7946 0958", &["020 7946 0958"]),
    (
        "PhoneNumber-US",
        "homePhone: (206) 555-0100",
        "(206) 555-0100",
        &["(206) 555-0100", "phone 106-555-0100", "phone 206-555-01000"],
    ),
    (
        "PkcsPrivateKey",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        &["-----BEGIN CERTIFICATE-----", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    ),
    ("PostalCode-CA", "to K1A 0B1", "K1A 0B1", &["to K1A 0B", "to D1A 0B1", "to K1A 0B12"]),
    (
        "PuttyPrivateKey",
        "PuTTY-User-Key-File-2: ssh-rsa\nPublic-Lines: 1\nAA\nPrivate-MAC: 0af1\nz",
        "PuTTY-User-Key-File-2: ssh-rsa\nPublic-Lines: 1\nAA\nPrivate-MAC: 0af1",
        &["PuTTY-User-Key"],
    ),
    ("SocialInsuranceNumber-CA", "SIN 130 692 544", "130 692 544", &["sin 130 692 545", "130 692 544"]),
    (
        "Ssn-ES",
        "número de la seguridad social: 28/12345678/40",
        "28/12345678/40",
        &["ssn 28/12345678/41", "28/12345678/40"],
    ),
    (
        "Ssn-US",
        "ssn: 123-45-6789",
        "123-45-6789",
        &[
            "123-45-6789",
            "ssn 000-45-6789",
            "ssn 666-45-6789",
            "ssn 923-45-6789",
            "ssn 123-00-6789",
            "ssn 123-45-0000",
            "ssn 123-45-67890",
            "lesson 123-45-6789",
        ],
    ),
    ("TaxId-DE", "steuer id 36 574 261 809", "36 574 261 809", &["steuer id 36 574 261 808", "36 574 261 809"]),
    ("TaxId-GB", "UTR 1234567890", "1234567890", &["1234567890", "utr 123456789"]),
    (
        "VehicleIdentificationNumber",
        "VIN 1HGCM82633A004352",
        "1HGCM82633A004352",
        &["vin 1HGCM82633A00435", "vin 1HGCI82633A004352", "1HGCM82633A004352"],
    ),
    ("ZipCode-US", "zipCode 98109-1234", "98109-1234", &["98109", "zip code 981091"]),
];

#[test]
fn each_identifier_finds_what_is_one_and_nothing_else() {
    for (name, text, expected, others) in SAMPLES {
        assert_eq!(found(name, text), [*expected], "{name} in {text}");
        for other in *others {
            assert_eq!(found(name, other), <[&str; 0]>::default(), "{name} in {other}");
        }
    }
    let tried: Vec<&str> = SAMPLES.iter().map(|(name, ..)| *name).collect();
    let all: Vec<&str> = Managed::all().iter().map(|managed| managed.name).collect();
    assert_eq!(tried, all, "every one has its samples");
}

#[test]
fn several_are_found_in_their_order_and_keys_that_are_cut_short_too() {
    assert_eq!(found("EmailAddress", "a@b.org,c@d.net;é@x.y e@f.com"), ["a@b.org", "c@d.net", "e@f.com"]);
    assert_eq!(found("PkcsPrivateKey", "-----BEGIN PRIVATE KEY-----\\nMII"), ["-----BEGIN PRIVATE KEY-----\\nMII"]);
    assert_eq!(found("PuttyPrivateKey", "PuTTY-User-Key-File-3: x\ny"), ["PuTTY-User-Key-File-3: x"]);
    assert_eq!(found("IpAddress", "at 2001:db8::8a2e:370:7334!"), ["2001:db8::8a2e:370:7334"]);
    assert_eq!(found("DateOfBirth", "born: dob 4 July 1976, bday Jan 5, 1980"), ["4 July 1976", "Jan 5, 1980"]);
    // What stands behind or before a number does not hide it.
    assert_eq!(found("CreditCardNumber", "card 12 4539148803436467 99"), ["4539148803436467"]);
}

#[test]
fn a_word_counts_within_thirty_characters_on_either_side_however_its_name_is_written() {
    let with = |count: usize| format!("ssn{}123-45-6789", ".".repeat(count));
    assert_eq!((found("Ssn-US", &with(30)).len(), found("Ssn-US", &with(31)).len()), (1, 0));
    let with = |count: usize| format!("123-45-6789{}ssn", "→".repeat(count));
    assert_eq!((found("Ssn-US", &with(30)).len(), found("Ssn-US", &with(31)).len()), (1, 0));
    for word in
        ["SSN", "user_ssn", "userSsn", "ssnNumber", "social_security", "socialSecurity", "SocialSecurity", "ss#"]
    {
        assert_eq!(found("Ssn-US", &format!("{{\"{word}\":\"123-45-6789\"}}")).len(), 1, "{word}");
    }
    for word in ["lessn", "ssnx", "classn"] {
        assert_eq!(found("Ssn-US", &format!("{{\"{word}\":\"123-45-6789\"}}")).len(), 0, "{word}");
    }
}

/// A policy of one statement.
fn policy(identifiers: Value, operation: Value) -> Value {
    let mut statement = json!({ "DataDirection": "Inbound", "Principal": ["*"] });
    statement["DataIdentifier"] = identifiers;
    statement["Operation"] = operation;
    json!({ "Name": "p", "Version": "2021-06-01", "Statement": [statement] })
}

fn email() -> Value {
    json!(["arn:aws:dataprotection::aws:data-identifier/EmailAddress"])
}

fn deny() -> Value {
    policy(email(), json!({ "Deny": {} }))
}

/// What is said of a policy that was changed.
fn why(change: &dyn Fn(&mut Value)) -> Option<String> {
    let mut policy = deny();
    change(&mut policy);
    Protection::parse(&policy.to_string()).err()
}

fn said(change: &dyn Fn(&mut Value), expected: &str) {
    let why = why(change);
    assert!(why.as_ref().is_some_and(|why| why.contains(expected)), "{expected}: {why:?}");
}

/// A change of a member of the statement.
fn of(name: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |it: &mut Value| it["Statement"][0][name] = value.clone()
}

#[test]
fn what_is_wrong_with_a_policy_is_said_and_no_member_is_passed_over() {
    assert_eq!(why(&|_| {}), None);
    assert_eq!(why(&|it| it["Description"] = json!("")), None);
    assert_eq!(why(&|it| it["Statement"][0]["Principal"] = json!(["arn:aws:iam::123456789012:user/a"])), None);
    for text in ["", "{", "[]", "null"] {
        assert_eq!(Protection::parse(text).err().as_deref(), Some("it is no JSON object"));
    }
    said(&|it| it["Names"] = json!(1), "a member Names");
    said(&|it| it["Name"] = json!(""), "Name is required");
    said(&|it| it["Description"] = json!(1), "Description");
    said(&|it| it["Version"] = json!("2012-10-17"), "Version must be 2021-06-01");
    said(&|it| it["Statement"] = json!([]), "Statement must be");
    said(&|it| it["Statement"] = json!([1]), "a statement must be");
    said(&of("NoPrincipal", json!(["*"])), "a member NoPrincipal");
    said(&of("Sid", json!(1)), "Sid");
    said(
        &|it| {
            it["Statement"][0]["DataDirection"] = json!("Outbound");
            it["Statement"][0]["Operation"] = json!({ "Deidentify": { "RedactConfig": {} } });
        },
        "Inbound alone",
    );
    said(&of("DataDirection", json!("Sideways")), "DataDirection must be");
    said(&of("Principal", json!([])), "Principal must be");
    said(&of("Principal", json!(["*", "x"])), "Principal must be");
    said(&of("Principal", json!({ "AWS": "*" })), "Principal must be");
    said(&of("DataIdentifier", json!([])), "DataIdentifier must be");
    said(&of("DataIdentifier", json!(["EmailAddress"])), "there is no data identifier EmailAddress");
    said(
        &of("DataIdentifier", json!(["arn:aws:dataprotection::aws:data-identifier/Name"])),
        "does not detect the data identifier Name",
    );
    for operation in [json!({}), json!({ "Allow": {} }), json!({ "Deny": {}, "Deidentify": {} }), Value::Null] {
        said(&of("Operation", operation), "Operation must be one of");
    }
    said(&of("Operation", json!({ "Deny": { "Now": true } })), "a member Now");
    said(&of("Operation", json!({ "Deidentify": {} })), "one of MaskConfig and RedactConfig");
    said(
        &of("Operation", json!({ "Deidentify": { "MaskConfig": { "MaskWithCharacter": "##" } } })),
        "MaskWithCharacter",
    );
    said(&of("Operation", json!({ "Deidentify": { "MaskConfig": {}, "RedactConfig": {} } })), "one of MaskConfig");
}

#[test]
fn an_audit_has_a_rate_and_destinations_that_there_are_and_there_is_one() {
    let of_audit = |audit: Value, expected: &str| said(&of("Operation", json!({ "Audit": audit })), expected);
    for rate in [json!(100), json!(-1), json!("100"), json!("x"), json!(1.5), Value::Null] {
        of_audit(
            json!({ "SampleRate": rate, "FindingsDestination": {} }),
            "SampleRate must be an integer from 0 to 99",
        );
    }
    of_audit(json!({ "SampleRate": 9 }), "a FindingsDestination or a NoFindingsDestination");
    let to = |destination: Value| json!({ "SampleRate": "9", "FindingsDestination": {}, "NoFindingsDestination": destination });
    of_audit(to(json!({ "S3": { "Bucket": "b" } })), "the destination S3 of NoFindingsDestination");
    of_audit(to(json!({ "Firehose": { "DeliveryStream": "d" } })), "the destination Firehose");
    of_audit(to(json!({ "CloudWatchLogs": { "LogGroup": "/aws/other" } })), "begins with /aws/vendedlogs/");
    of_audit(to(json!({ "CloudWatchLogs": { "LogGroup": "/aws/vendedlogs/" } })), "begins with /aws/vendedlogs/");
    of_audit(to(json!({ "Elsewhere": {} })), "a member Elsewhere");
    let audit = json!({ "Audit": to(json!({ "CloudWatchLogs": { "LogGroup": "/aws/vendedlogs/x" } })) });
    assert_eq!(why(&of("Operation", audit.clone())), None);
    said(
        &|it| {
            it["Statement"][0]["Operation"] = audit.clone();
            let one = it["Statement"][0].clone();
            it["Statement"] = json!([one, one]);
        },
        "one statement with Audit at the most",
    );
}

#[test]
fn identifiers_of_a_policys_own_keep_to_awss_constraints() {
    let with = |customs: Value| {
        let mut policy = policy(json!(["Badge"]), json!({ "Deny": {} }));
        policy["Configuration"] = json!({ "CustomDataIdentifier": customs });
        Protection::parse(&policy.to_string()).err().unwrap_or_default()
    };
    let one = |name: &str, regex: &str| json!([{ "Name": name, "Regex": regex }]);
    assert_eq!(with(one("Badge", r"EID-\d{9}-US")), "");
    assert_eq!(with(one("Badge", &"a".repeat(limits::CUSTOM_PATTERN_LEN_MAX))), "");
    for (customs, expected) in [
        (one("Badge", &"a".repeat(limits::CUSTOM_PATTERN_LEN_MAX + 1)), "1 to 200 characters"),
        (one("Badge", ""), "1 to 200 characters"),
        (one("Badge", "(a)"), "the character '(' is not supported"),
        (one("Badge", "[a"), "no regular expression"),
        (one("Badge", "[a-z]{99999}"), "too large"),
        (one("Bad ge", "a"), "letters, digits, underscores and hyphens"),
        (one(&"b".repeat(limits::CUSTOM_NAME_LEN_MAX + 1), "a"), "letters, digits, underscores and hyphens"),
        (one("EmailAddress", "a"), "of a managed one"),
        (one("Other", "a"), "there is no data identifier Badge"),
        (json!([{ "Name": "Badge", "Regex": "a" }, { "Name": "Badge", "Regex": "b" }]), "is there twice"),
        (json!([{ "Name": "Badge", "Regex": "a", "Flags": "i" }]), "a member Flags"),
        (
            Value::Array(
                (0..=limits::CUSTOM_IDENTIFIERS_MAX)
                    .map(|nth| json!({ "Name": format!("n{nth}"), "Regex": "a" }))
                    .collect(),
            ),
            "10 custom",
        ),
    ] {
        assert!(with(customs).contains(expected), "{expected}");
    }
}

#[test]
fn expressions_are_of_ascii_and_those_used_longest_ago_give_way() {
    let custom = |regex: &str| {
        let pattern = patterns::checked(regex).unwrap();
        Identifier::Custom(std::sync::Arc::new(find::Custom { name: "x".into(), pattern }))
    };
    let patterns = Patterns::default();
    let found = |regex: &str, text: &str| {
        let places = custom(regex).find(text, &patterns).into_iter();
        places.map(|range| text[range].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(r"\d+", "a12 ٣"), ["12"]);
    assert_eq!(found(r"[\dx]{2}", "1x"), ["1x"]);
    assert_eq!(found(r"\w+\.", "é.ab."), ["ab."]);
    assert!(found(r"a*", "bb").is_empty(), "nothing is nothing that could be hidden");
    for nth in 0..limits::CUSTOM_PATTERNS_HELD_MAX * 3 {
        assert_eq!(found(&format!("n{nth}"), &format!("n{nth}")).len(), 1);
    }
    assert!(patterns.held() <= limits::CUSTOM_PATTERNS_HELD_MAX);
}

fn message(body: &str, structure: Option<&str>) -> Message {
    let PublishInput { subject, .. } = PublishInput::default();
    let draft = Draft {
        message: body.into(),
        subject,
        structure: structure.map(str::to_owned),
        attributes: Vec::new(),
        group: None,
        deduplication: None,
    };
    Message::new(draft).unwrap()
}

/// A body as it goes on; nothing if it is refused.
fn through(policy: &Value, principal: &str, body: &str) -> Option<String> {
    let mut message = message(body, None);
    let protection = Protection::parse(&policy.to_string()).unwrap();
    protection.inbound(("topic", principal), &mut message, &Patterns::default(), |_| None::<()>).ok()?;
    assert_eq!(message.bytes, message.texts()[0].len());
    Some(message.texts()[0].to_owned())
}

#[test]
fn a_statement_is_about_its_principals_alone() {
    let mut policy = deny();
    policy["Statement"][0]["Principal"] =
        json!(["arn:aws:iam::123456789012:user/a", "arn:aws:iam::123456789012:role/b"]);
    let passes =
        |principal: &str| through(&policy, &format!("arn:aws:iam::123456789012:{principal}"), "a@b.org").is_some();
    assert!(!passes("user/a") && !passes("role/b") && passes("user/b") && passes("root"));
    assert_eq!(through(&deny(), "anybody", "mail to a@b.org"), None);
    assert_eq!(through(&deny(), "anybody", "no mail"), Some("no mail".into()));
}

#[test]
fn what_is_found_is_masked_character_by_character_or_taken_out() {
    let mask = |with: &str| json!({ "Deidentify": { "MaskConfig": { "MaskWithCharacter": with } } });
    let redact = json!({ "Deidentify": { "RedactConfig": {} } });
    let both = json!([
        "arn:aws:dataprotection::aws:data-identifier/EmailAddress",
        "arn:aws:dataprotection::aws:data-identifier/Ssn-US"
    ]);
    let body = "ssn: 123-45-6789, é a@b.org!";
    assert_eq!(through(&policy(both.clone(), mask("#")), "x", body), Some("ssn: ###########, é #######!".into()));
    assert_eq!(through(&policy(both, redact.clone()), "x", body), Some("ssn: , é !".into()));
    // "…when the entire message is sensitive."
    assert_eq!(through(&policy(email(), mask("#")), "x", " a@b.org "), None);
    assert_eq!(through(&policy(email(), redact), "x", "a@b.org"), None);
}

#[test]
fn places_that_overlap_are_hidden_once() {
    let statement = |name: &str, operation: Value| json!({ "DataDirection": "Inbound", "Principal": "*", "DataIdentifier": [name], "Operation": operation });
    let policy = json!({ "Name": "p", "Version": "2021-06-01",
        "Configuration": { "CustomDataIdentifier": [
            { "Name": "First", "Regex": "abc" }, { "Name": "Second", "Regex": "bcde" }, { "Name": "Third", "Regex": "c" }] },
        "Statement": [
            statement("First", json!({ "Deidentify": { "MaskConfig": { "MaskWithCharacter": "1" } } })),
            statement("Second", json!({ "Deidentify": { "RedactConfig": {} } })),
            statement("Third", json!({ "Deidentify": { "MaskConfig": { "MaskWithCharacter": "3" } } })),
        ] });
    assert_eq!(through(&policy, "x", "xabcdez"), Some("x111z".into()));
}

#[test]
fn every_body_of_a_structure_is_looked_at() {
    let bodies = |sms: &str| json!({ "default": "nothing", "sms": sms, "other": { "mail": "a@b.org" } }).to_string();
    let protection = |operation: Value| Protection::parse(&policy(email(), operation).to_string()).unwrap();
    let patterns = Patterns::default();
    let denying = protection(json!({ "Deny": {} }));
    assert!(
        denying
            .inbound(("t", "x"), &mut message(&bodies("to a@b.org"), Some("json")), &patterns, |_| None::<()>)
            .is_err()
    );
    assert!(
        denying
            .inbound(("t", "x"), &mut message(&bodies("to nobody"), Some("json")), &patterns, |_| None::<()>)
            .is_ok()
    );
    let hiding = protection(json!({ "Deidentify": { "RedactConfig": {} } }));
    let mut message = message(&bodies("to a@b.org"), Some("json"));
    let before = message.bytes;
    hiding.inbound(("t", "x"), &mut message, &patterns, |_| None::<()>).unwrap();
    assert_eq!((message.body_for("sms"), message.body_for("sqs"), before - message.bytes), ("to ", "nothing", 7));
    // What is no text reaches nobody, and does not stay either.
    assert_eq!(message.texts(), ["nothing", "to "]);
}

#[test]
fn a_policy_that_is_kept_and_cannot_be_read_lets_nothing_pass() {
    let protection = Protection::in_force("{");
    let refused =
        protection.inbound(("t", "x"), &mut message("hello", None), &Patterns::default(), |_| None::<()>).unwrap_err();
    assert_eq!(refused.error.query_code, "AuthorizationError");
    // One with an expression that is none any more finds everything.
    let mut policy = policy(json!(["Badge"]), json!({ "Deny": {} }));
    policy["Configuration"] = json!({ "CustomDataIdentifier": [{ "Name": "Badge", "Regex": "[" }] });
    assert!(Protection::parse(&policy.to_string()).is_err());
    let protection = Protection::in_force(&policy.to_string());
    let refused = protection.inbound(("t", "x"), &mut message("hello", None), &Patterns::default(), |_| None::<()>);
    assert_eq!(refused.unwrap_err().error.query_code, "AuthorizationError");
}

#[test]
fn a_search_goes_on_behind_what_it_has_seen_whatever_a_message_repeats() {
    let all: Vec<Identifier> = Managed::all().iter().map(Identifier::Managed).collect();
    // One that went back for each would take hours.
    let nearly = [
        "-----BEGIN RSA PRIVATE KEY ",
        "PuTTY-User-Key-File-",
        "a@",
        "1 ",
        "ssn ",
        "a.b.",
        "::",
        "cc #",
        "4539 1488 ",
        "card 4 4 4 4 4 4 4 4 4 4 4 4 4 4 ",
        "ssn 9",
        "iban DE89 3704 ",
        "dob 40 40 40 ",
        "vin A",
    ];
    for (text, is_one) in nearly.map(|text| (text, false)).into_iter().chain([("-----BEGIN PRIVATE KEY-----", true)]) {
        let times = (256 << 10) / text.len();
        let message = text.repeat(times);
        let found: usize = all.iter().map(|one| one.find(&message, &Patterns::default()).len()).sum();
        assert_eq!(found, if is_one { times } else { 0 }, "{text}");
    }
}
