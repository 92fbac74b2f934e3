//! `bench filter`: what filtered subscriptions cost a publish, in process, without a server.
//!
//! Each case gives every subscription a filter of its own kind such that one in a hundred lets the message through; the last two
//! rows are what the others are compared with: all filters decided one by one over one reading of the message, because none of
//! them has anything to be found by, and each filter reading the message for itself.

use std::hint::black_box;
use std::time::Instant;

use filter::{Attribute, Filter, Index, Limits, Message, Scope};

use crate::machine::{self, Machine};
use crate::table::{Table, figure};

/// A publish to the subscriptions of the default, one in a hundred of which match, may cost so much.
const TARGET_MICROS: f64 = 100.0;

/// Rounds, of which the best counts: the machine's own noise only ever adds.
const ROUNDS: usize = 5;

/// One subscription in so many lets the message through.
const ONE_IN: usize = 100;

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Subscriptions of the topic, each with a filter
    #[arg(long, default_value_t = 10_000)]
    subscriptions: usize,
    /// Publishes in each round
    #[arg(long, default_value_t = 200)]
    publishes: u32,
}

/// A kind of filter: the policy of each subscription.
struct Case {
    what: &'static str,
    scope: Scope,
    policy: fn(usize) -> String,
}

const CASES: &[Case] = &[
    Case { what: "a text", scope: Scope::MessageAttributes, policy: |kind| format!(r#"{{"kind":["k{kind:02}"]}}"#) },
    Case {
        what: "five texts behind one that all ask for",
        scope: Scope::MessageAttributes,
        policy: |kind| {
            format!(r#"{{"tenant":["acme"],"kind":["k{kind:02}","a{kind}","b{kind}","c{kind}","d{kind}"]}}"#)
        },
    },
    Case {
        what: "a prefix",
        scope: Scope::MessageAttributes,
        policy: |kind| format!(r#"{{"kind":[{{"prefix":"k{kind:02}"}}]}}"#),
    },
    Case {
        what: "a range of numbers",
        scope: Scope::MessageAttributes,
        policy: |kind| format!(r#"{{"price":[{{"numeric":[">=",{kind},"<",{}]}}]}}"#, kind + 1),
    },
    Case {
        what: "$or of a text and a block of addresses",
        scope: Scope::MessageAttributes,
        policy: |kind| {
            format!(r#"{{"$or":[{{"kind":["k{kind:02}"]}},{{"from":[{{"cidr":"10.{}.0.0/16"}}]}}]}}"#, kind + 100)
        },
    },
    Case {
        what: "two keys of a body, in arrays of objects",
        scope: Scope::MessageBody,
        policy: |kind| {
            format!(
                r#"{{"records":{{"event":[{{"prefix":"ObjectCreated:"}}],"s3":{{"bucket":["bucket-{kind:02}"]}}}}}}"#
            )
        },
    },
    Case {
        what: "anything but a hundred others: all are decided",
        scope: Scope::MessageAttributes,
        policy: |kind| {
            let others: Vec<String> =
                (0..100).filter(|other| *other != kind).map(|other| format!("\"k{other:02}\"")).collect();
            format!(r#"{{"kind":[{{"anything-but":[{}]}}]}}"#, others.join(","))
        },
    },
];

const ATTRIBUTES: &[Attribute<'_>] = &[
    Attribute { name: "tenant", data_type: "String", text: Some("acme") },
    Attribute { name: "kind", data_type: "String", text: Some("k37") },
    Attribute { name: "price", data_type: "Number", text: Some("37.5") },
    Attribute { name: "from", data_type: "String", text: Some("10.7.3.1") },
];

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let heading = ["filters", "compile µs", "insert µs", "matching", "µs/publish", "verdict"];
    let mut table = Table::new(&heading, 1);
    let body = body();
    let message = Message { attributes: ATTRIBUTES, body: &body };
    for case in CASES {
        let measured = measure(case, &message, options)?;
        let is_compared = case.what.starts_with("anything but");
        let verdict = match (is_compared, measured.publish <= TARGET_MICROS) {
            (true, _) => "to compare with",
            (false, true) => "within 100 µs",
            (false, false) => "MISSED 100 µs",
        };
        let Measured { compile, insert, matching, publish } = measured;
        let cells = [figure(compile), figure(insert), matching.to_string(), figure(publish), verdict.to_string()];
        table.row([vec![case.what.to_string()], cells.to_vec()].concat());
    }
    let alone = one_by_one(&CASES[0], &message, options)?;
    let cells = ["each reads the message for itself", "", "", "", &figure(alone), "to compare with"];
    table.row(cells.map(ToString::to_string).to_vec());
    println!("\n{}\nload at the end {}", table.render(), machine::load());
    Ok(())
}

struct Measured {
    compile: f64,
    insert: f64,
    matching: usize,
    publish: f64,
}

fn measure(case: &Case, message: &Message<'_>, options: &Options) -> Result<Measured, String> {
    let policies: Vec<String> = (0..options.subscriptions).map(|number| (case.policy)(number % ONE_IN)).collect();
    let begun = Instant::now();
    let filters = policies.iter().map(|policy| compiled(case, policy)).collect::<Result<Vec<_>, _>>()?;
    let compile = micros(begun, policies.len());
    let begun = Instant::now();
    let mut index = Index::new();
    for (id, filter) in (0..).zip(filters) {
        index.insert(id, Some(filter));
    }
    let insert = micros(begun, policies.len());
    let mut publish = f64::MAX;
    let mut matching = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..options.publishes {
            matching = black_box(index.matches(black_box(message))).len();
        }
        publish = publish.min(micros(begun, options.publishes as usize));
    }
    if matching != options.subscriptions.div_ceil(ONE_IN) && options.subscriptions.is_multiple_of(ONE_IN) {
        return Err(format!("{}: {matching} subscriptions match", case.what));
    }
    Ok(Measured { compile, insert, matching, publish })
}

fn one_by_one(case: &Case, message: &Message<'_>, options: &Options) -> Result<f64, String> {
    let policies = (0..options.subscriptions).map(|number| (case.policy)(number % ONE_IN));
    let filters = policies.map(|policy| compiled(case, &policy)).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    black_box(filters.iter().filter(|filter| filter.matches(black_box(message))).count());
    Ok(micros(begun, 1))
}

fn compiled(case: &Case, policy: &str) -> Result<Filter, String> {
    let filter = Filter::compile(policy, case.scope, &Limits::AWS).map_err(|refused| refused.to_string())?;
    filter.ok_or_else(|| format!("{}: the policy filters nothing", case.what))
}

fn micros(begun: Instant, count: usize) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / count.max(1) as f64
}

/// An event of a bucket with four records, some 2 KB; the third is the one that matches.
fn body() -> String {
    let record = |number: usize, event: &str| {
        format!(
            r#"{{"eventVersion":"2.1","source":"aws:s3","region":"us-east-1","time":"2024-01-01T00:00:00.000Z","event":"{event}",
            "requestParameters":{{"sourceIPAddress":"10.0.0.{number}"}},"responseElements":{{"id":"C3D13FE58DE4C810","host":"FMyUVURIY8"}},
            "s3":{{"schema":"1.0","configurationId":"rule","bucket":"bucket-{number:02}","owner":"A3NL1KOZZKExample",
            "object":{{"key":"uploads/{number}.jpg","size":{number},"eTag":"d41d8cd98f00b204e9800998ecf8427e","sequencer":"0055AED6DCD90281E5"}}}}}}"#
        )
    };
    let records = [
        (35, "ObjectRemoved:Delete"),
        (36, "ObjectRemoved:Delete"),
        (37, "ObjectCreated:Put"),
        (38, "ObjectRemoved:Delete"),
    ];
    let records: Vec<String> = records.iter().map(|(number, event)| record(*number, event)).collect();
    format!(r#"{{"records":[{}]}}"#, records.join(","))
}
