//! Each operator as AWS documents it, and what is refused beside what was recorded.
//!
//! Source: AWS, "String value matching", "Numeric value matching", "Key matching", "AND/OR logic", "Filter policy constraints";
//! aws/event-ruler where these say nothing.

use filter::{Attribute, Filter, Limits, Message, POLICY_BYTES_MAX, Refused, Scope};

fn body_filter(policy: &str) -> Filter {
    Filter::compile(policy, Scope::MessageBody, &Limits::AWS).expect(policy).expect("a policy that filters")
}

/// Bodies that pass a policy, and bodies that do not.
fn bodies(policy: &str, passing: &[&str], others: &[&str]) {
    let filter = body_filter(policy);
    for (bodies, expected) in [(passing, true), (others, false)] {
        for body in bodies {
            let message = Message { attributes: &[], body };
            assert_eq!(filter.matches(&message), expected, "{policy} {body}");
            assert_eq!(filter.explain(&message).passes, expected, "{policy} {body}");
        }
    }
}

/// Attributes, each alone, that pass a policy for `k`, and such that do not.
fn attributes(rules: &str, passing: &[(&str, &str)], others: &[(&str, &str)]) {
    let policy = format!(r#"{{"k": [{rules}]}}"#);
    let filter = Filter::compile(&policy, Scope::MessageAttributes, &Limits::AWS).expect(rules).expect("a filter");
    for (all, expected) in [(passing, true), (others, false)] {
        for (data_type, text) in all {
            let attributes = [Attribute { name: "k", data_type, text: Some(text) }];
            assert_eq!(
                filter.matches(&Message { attributes: &attributes, body: "" }),
                expected,
                "{rules} {data_type} {text}"
            );
        }
    }
}

fn refused(policy: &str) -> String {
    let said = Filter::compile(policy, Scope::MessageBody, &Limits::AWS).expect_err(policy).to_string();
    said.replace(&format!("\n at [Source: (String)\"{policy}\"; line: 1, column: "), " @")
}

#[test]
fn a_number_alone_in_place_of_an_array_is_that_number() {
    attributes(
        "100, 500",
        &[("String.Array", "100"), ("String.Array", "[100]"), ("String.Array", " 5e2 ")],
        &[("String.Array", "50"), ("String.Array", "100 500"), ("String.Array", "\"100\""), ("String", "100")],
    );
}

#[test]
fn texts_are_compared_exactly_and_an_array_passes_by_one_of_its_elements() {
    attributes(
        r#""rugby", "tennis""#,
        &[
            ("String", "rugby"),
            ("String", "tennis"),
            ("String.custom", "rugby"),
            ("String.Array", r#"["rugby", "chess"]"#),
        ],
        &[
            ("String", "baseball"),
            ("String", "Rugby"),
            ("String.Array", r#"["baseball"]"#),
            ("Number", "1"),
            ("String.Array", "[]"),
        ],
    );
    bodies(
        r#"{"k":["rugby"]}"#,
        &[r#"{"k":"rugby"}"#, r#"{"k":["x",["rugby"]]}"#, r#"{"k":"ru\u0067by"}"#],
        &[r#"{"k":{"k":"rugby"}}"#, "{}"],
    );
}

#[test]
fn numbers_keywords_and_texts_do_not_equal_each_other() {
    attributes(
        "100",
        &[("Number", "100"), ("Number", "1e2"), ("Number.Array", "[5, 100.0]")],
        &[("String", "100"), ("Number", "101")],
    );
    attributes(r#""100""#, &[("String", "100")], &[("Number", "100")]);
    attributes(
        "true",
        &[("String.Array", "[true]")],
        &[("String", "true"), ("String.Array", "[\"true\", false, null]")],
    );
    bodies(r#"{"k":[null]}"#, &[r#"{"k":null}"#, r#"{"k":[1,null]}"#], &["{}", r#"{"k":"null"}"#, r#"{"k":false}"#]);
    bodies(r#"{"k":[false]}"#, &[r#"{"k":false}"#], &[r#"{"k":true}"#, r#"{"k":0}"#]);
}

#[test]
fn a_number_beyond_a_billion_is_compared_as_it_is_written() {
    bodies(
        r#"{"k":[123456789012]}"#,
        &[r#"{"k":123456789012}"#],
        &[r#"{"k":1.23456789012e11}"#, r#"{"k":"123456789012"}"#],
    );
}

#[test]
fn anything_but_is_met_by_an_array_that_has_anything_else() {
    attributes(
        r#"{"anything-but": ["rugby", "tennis"]}"#,
        &[("String", "baseball"), ("String.Array", r#"["rugby", "baseball"]"#), ("Number", "5")],
        &[("String", "rugby"), ("String.Array", r#"["rugby"]"#)],
    );
    attributes(r#"{"anything-but": "rugby"}"#, &[("String", "baseball")], &[("String", "rugby")]);
    attributes(
        r#"{"anything-but": [100, 500]}"#,
        &[("Number", "101"), ("Number", "100.1"), ("Number.Array", "[100, 50]"), ("String", "100")],
        &[("Number", "100"), ("Number", "1e2")],
    );
    attributes(
        r#"{"anything-but": {"prefix": "bas"}}"#,
        &[("String", "rugby")],
        &[("String", "baseball"), ("String", "bas")],
    );
}

#[test]
fn beginnings_ends_and_letters_of_any_case() {
    attributes(
        r#"{"prefix": "bas"}"#,
        &[("String", "baseball")],
        &[("String", "ball"), ("String", "Bas"), ("String", "ba")],
    );
    attributes(
        r#"{"suffix": "ball"}"#,
        &[("String", "baseball"), ("String", "ball")],
        &[("String", "rugby"), ("String", "all")],
    );
    attributes(
        r#"{"equals-ignore-case": "tennis"}"#,
        &[("String", "TENNIS"), ("String", "Tennis")],
        &[("String", "tennis!")],
    );
    attributes(r#"{"equals-ignore-case": "ÀÉ"}"#, &[("String", "àé")], &[("String", "ae")]);
    attributes(r#"{"prefix": ""}"#, &[("String", "x")], &[("Number", "5")]);
}

#[test]
fn ranges_of_numbers_are_exact() {
    attributes(
        r#"{"numeric": ["=", 301.5]}"#,
        &[("Number", "301.5"), ("Number", "3.015e2")],
        &[("Number", "301.50001")],
    );
    attributes(r#"{"numeric": ["<", 0]}"#, &[("Number", "-0.00001")], &[("Number", "0"), ("Number", "5")]);
    attributes(
        r#"{"numeric": [">", 0, "<=", 150]}"#,
        &[("Number", "0.00001"), ("Number", "150")],
        &[("Number", "0"), ("Number", "150.00001")],
    );
    attributes(
        r#"{"numeric": [">=", 0.1, "<", 0.3]}"#,
        &[("Number", "0.1"), ("Number", "0.29999")],
        &[("Number", "0.3"), ("Number", "0.09999")],
    );
    attributes(r#"{"numeric": [">=", -1000000000]}"#, &[("Number", "-1e9"), ("Number", "1e9")], &[("Number", "1e10")]);
    attributes(r#"{"numeric": [">", 1000000000]}"#, &[], &[("Number", "1e9"), ("Number", "2e9")]);
}

#[test]
fn addresses_are_compared_as_addresses() {
    attributes(
        r#"{"cidr": "10.0.0.0/24"}"#,
        &[("String", "10.0.0.0"), ("String", "10.0.0.255")],
        &[("String", "10.1.1.0"), ("String", "10.0.0.0/24"), ("String", "somewhere")],
    );
    attributes(r#"{"cidr": "2001:db8::/33"}"#, &[("String", "2001:DB8::1")], &[("String", "2001:db8:8000::1")]);
    attributes(r#""::1", "10.0.0.1""#, &[("String", "0:0:0:0:0:0:0:1"), ("String", "10.0.0.1")], &[("String", "::2")]);
}

#[test]
fn existence_is_that_of_a_value() {
    bodies(
        r#"{"k":[{"exists":true}]}"#,
        &[r#"{"k":null}"#, r#"{"k":[1]}"#],
        &["{}", r#"{"k":[]}"#, r#"{"k":{"x":1}}"#],
    );
    bodies(r#"{"k":[{"exists":false}]}"#, &["{}", r#"{"k":[]}"#, r#"{"k":{"x":1}}"#], &[r#"{"k":null}"#]);
    bodies(r#"{"k":[{"exists":false},"a"]}"#, &["{}", r#"{"k":"a"}"#], &[r#"{"k":"b"}"#]);
}

#[test]
fn a_binary_attribute_is_not_there() {
    let policy = |rule: &str| {
        Filter::compile(&format!(r#"{{"k":[{rule}]}}"#), Scope::MessageAttributes, &Limits::AWS).unwrap().unwrap()
    };
    let attributes = [Attribute { name: "k", data_type: "Binary", text: None }];
    let message = Message { attributes: &attributes, body: "" };
    assert!(policy(r#"{"exists":false}"#).matches(&message) && !policy(r#"{"exists":true}"#).matches(&message));
}

#[test]
fn quotes_and_backslashes_of_attributes_are_escaped_twice_and_those_of_bodies_once() {
    attributes(r#""say \\\"hi\\\"""#, &[("String", r#"say "hi""#), ("String.Array", r#"["say \"hi\""]"#)], &[]);
    attributes(r#""say \"hi\"""#, &[], &[("String", r#"say "hi""#)]);
    attributes(r#""a\\\\b""#, &[("String", r"a\b")], &[]);
    bodies(r#"{"k":["say \"hi\""]}"#, &[r#"{"k":"say \"hi\""}"#], &[]);
}

#[test]
fn keys_are_joined_by_and_and_values_by_or() {
    let policy = r#"{"store":["a","b"],"price":[{"numeric":[">",10]}]}"#;
    bodies(
        policy,
        &[r#"{"store":"a","price":11}"#, r#"{"price":11,"store":"b","more":1}"#],
        &[r#"{"store":"a"}"#, r#"{"store":"c","price":11}"#],
    );
}

#[test]
fn values_of_one_array_come_from_one_element() {
    let policy = r#"{"items":{"kind":["book"],"price":[{"numeric":["<",10]}]}}"#;
    bodies(
        policy,
        &[
            r#"{"items":[{"kind":"book","price":20},{"kind":"book","price":5}]}"#,
            r#"{"items":{"kind":"book","price":5}}"#,
        ],
        &[
            r#"{"items":[{"kind":"book","price":20},{"kind":"pen","price":5}]}"#,
            r#"{"items":[{"kind":"book"},{"price":5}]}"#,
        ],
    );
    let nested = r#"{"a":{"x":["1"],"b":{"y":["2"],"z":["3"]}}}"#;
    bodies(
        nested,
        &[r#"{"a":[{"x":"0"},{"x":"1","b":[{"y":"2"},{"y":"2","z":"3"}]}]}"#],
        &[r#"{"a":[{"x":"1","b":[{"y":"2"},{"z":"3"}]},{"x":"0","b":[{"y":"2","z":"3"}]}]}"#],
    );
}

#[test]
fn or_is_a_relation_only_among_objects_that_name_no_operator() {
    bodies(r#"{"$or":[{"a":["1"]},{"b":["2"]}]}"#, &[r#"{"a":"1"}"#, r#"{"b":"2"}"#], &[r#"{"$or":"1"}"#, "{}"]);
    bodies(r#"{"$or":[{"prefix":"abc"},{"numeric":["=",7]}]}"#, &[r#"{"$or":"abcd"}"#, r#"{"$or":7}"#], &["{}"]);
    bodies(r#"{"$or":["a","b"]}"#, &[r#"{"$or":"b"}"#], &["{}"]);
    assert_eq!(refused(r#"{"$or":[{"a":["1"]}]}"#), "Unrecognized match type a @15]");
    assert_eq!(
        refused(r#"{"$or":[{"a":{"prefix":["1"]}},{"b":["2"]}]}"#),
        "prefix is Ruler reserved fieldName which cannot be used inside $or. @25]"
    );
}

#[test]
fn a_key_that_an_alternative_has_twice_has_the_last_rules() {
    bodies(
        r#"{"a":["0"],"$or":[{"a":["1"]},{"b":["2"]}]}"#,
        &[r#"{"a":"1"}"#, r#"{"a":"0","b":"2"}"#],
        &[r#"{"a":"0"}"#, r#"{"b":"2"}"#],
    );
    bodies(r#"{"a":{"b":["0"]},"a.b":["1"]}"#, &[r#"{"a":{"b":"1"}}"#], &[r#"{"a":{"b":"0"}}"#]);
}

#[test]
fn policies_that_are_none_are_told_where_and_why() {
    for (policy, said) in [
        (r#"[]"#, "Filter is not an object @2]"),
        (r#""text""#, "Filter is not an object @2]"),
        (r#"{"k":[]}"#, "Empty arrays are not allowed @8]"),
        (r#"{"k":{}}"#, "Empty objects are not allowed @8]"),
        (r#"{"k":[{}]}"#, "Match expression name not found @9]"),
        (r#"{"k":true}"#, "\"k\" must be an object or an array @10]"),
        (r#"{"k":[{"wildcard":"a*"}]}"#, "Unrecognized match type wildcard @20]"),
        (r#"{"k":[{"cidr":5}]}"#, "prefix match pattern must be a string @16]"),
        (r#"{"k":[{"cidr":"10.0.0.0"}]}"#, "Malformed CIDR, one '/' required"),
        (r#"{"k":[{"equals-ignore-case":5}]}"#, "equals-ignore-case match pattern must be a string @30]"),
        (r#"{"k":[{"numeric":5}]}"#, "Value of numeric must be an array. @19]"),
        (r#"{"k":[{"numeric":["=",1e10]}]}"#, "Value must be between -1.0E9 and 1.0E9, inclusive @28]"),
        (r#"{"k":[{"numeric":[">=",1,"<=",1]}]}"#, "Bottom must be less than top @33]"),
        (r#"{"k":[{"numeric":[{}]}]}"#, "Invalid member in numeric match: { @20]"),
        (
            r#"{"k":[{"anything-but":true}]}"#,
            "Value of anything-but must be an array or single string/number value. @27]",
        ),
        (
            r#"{"k":[{"anything-but":[]}]}"#,
            "Inside anything but list, either all values are number or string, mixed type is not supported @25]",
        ),
        (
            r#"{"k":[{"anything-but":["a",1]}]}"#,
            "Inside anything but list, either all values are number or string, mixed type is not supported @30]",
        ),
        (
            r#"{"k":[{"anything-but":["a",true]}]}"#,
            "Inside anything but list, start|null|boolean is not supported. @32] @32]",
        ),
        (r#"{"k":[{"anything-but":{}}]}"#, "Anything-But expression name not found @25]"),
        (r#"{"k":[{"anything-but":{"prefix":""}}]}"#, "Null prefix not allowed @35]"),
        (r#"{"k":[{"anything-but":"a","x":1}]}"#, "Too many elements in numeric expression @32]"),
    ] {
        assert_eq!(refused(policy), said, "{policy}");
    }
}

#[test]
fn an_empty_policy_takes_the_filter_away() {
    for policy in ["", "{}", " { } "] {
        assert_eq!(Filter::compile(policy, Scope::MessageBody, &Limits::AWS), Ok(None), "{policy:?}");
    }
}

#[test]
fn six_keys_are_taken_where_the_limit_is_lifted() {
    let policy = r#"{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}"#;
    assert_eq!(Filter::compile(policy, Scope::MessageBody, &Limits::AWS), Err(Refused::TooManyKeys(5)));
    assert!(Filter::compile(policy, Scope::MessageBody, &Limits::LIFTED).is_ok());
}

#[test]
fn policies_beyond_every_measure_are_refused_at_once() {
    let compile = |policy: &str| Filter::compile(policy, Scope::MessageBody, &Limits::LIFTED);
    let long = format!(r#"{{"k":["{}"]}}"#, "x".repeat(POLICY_BYTES_MAX));
    assert_eq!(compile(&long), Err(Refused::TooLong));
    let deep = format!("{}[1]{}", r#"{"k":"#.repeat(20_000), "}".repeat(20_000));
    assert_eq!(compile(&deep), Err(Refused::TooComplex));
    let relations: Vec<String> =
        (0..40).map(|key| format!(r#"{{"$or":[{{"a{key}":[1]}},{{"b{key}":[1]}}]}}"#)).collect();
    let nested = relations.iter().fold(r#"{"x":[1]}"#.to_string(), |inner, relation| {
        format!(r#"{{"$or":[{{"y":[1]}},{relation}],"k":{inner}}}"#)
    });
    assert_eq!(compile(&nested), Err(Refused::TooComplex));
    let many: Vec<String> = (0..257).map(|key| format!(r#""k{key}":[1]"#)).collect();
    let many = format!(r#"{{"$or":[{{{}}},{{"k":[1]}}]}}"#, many.join(","));
    let boundless = Limits { keys_max: usize::MAX };
    assert_eq!(Filter::compile(&many, Scope::MessageBody, &boundless), Err(Refused::TooManyKeys(256)));
}

#[test]
fn a_body_that_is_no_json_object_passes_nothing() {
    bodies(
        r#"{"k":[{"exists":false}]}"#,
        &["{}", " {\"x\": [1, 2]} "],
        &["", "text", "[]", "7", "{\"x\":1", "{} {}", "{\"x\":01}"],
    );
}

#[test]
fn a_body_as_deep_as_it_likes_is_read() {
    let deep = format!("{{\"k\":\"a\",\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    bodies(r#"{"k":["a"]}"#, &[&deep], &[&deep[..deep.len() - 1]]);
}

#[test]
fn the_reasons_are_told_as_text() {
    let filter =
        body_filter(r#"{"store":["a",{"prefix":"b"}],"price":[{"numeric":[">=",10]}],"gone":[{"exists":false}]}"#);
    let text = |body| filter.explain(&Message { attributes: &[], body }).to_string();
    assert_eq!(
        text(r#"{"store":["bc","x"],"price":9}"#),
        "does not pass\n  gone: it is absent, and meets {\"exists\":false}\n  price: it is 9, and does not meet {\"numeric\":[\">=\",10]}\n  store: it has \"bc\", \"x\", and meets {\"prefix\":\"b\"} by \"bc\""
    );
    assert_eq!(text("no"), "does not pass: the body is no JSON object");
    let filter = body_filter(r#"{"$or":[{"a":["1"]},{"b":["2"]}]}"#);
    let explained = filter.explain(&Message { attributes: &[], body: r#"{"b":"2"}"# });
    assert_eq!(
        explained.to_string(),
        "passes\nalternative 1 of 2 does not hold\n  a: it is absent, and does not meet \"1\"\nalternative 2 of 2 holds\n  b: it is \"2\", and meets \"2\""
    );
    let filter = body_filter(r#"{"i":{"a":["1"],"b":["2"]}}"#);
    let explained = filter.explain(&Message { attributes: &[], body: r#"{"i":[{"a":"1"},{"b":"2"}]}"# });
    assert!(explained.alternatives[0].is_scattered());
    assert!(explained.to_string().ends_with("no single element of the arrays meets all of these"), "{explained}");
}
