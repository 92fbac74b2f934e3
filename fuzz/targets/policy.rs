//! Policies of strangers: compiled or refused without a panic, and decided by without one.
#![no_main]

use access::{Action, Applicable, Caller, Context, Gate, Policy, Request, Sort, authorize};
use libfuzzer_sys::fuzz_target;
use names::AccountId;
use std::sync::Arc;

const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:jobs";

fuzz_target!(|text: &str| {
    let sorts = [Sort::Identity, Sort::Resource, Sort::Trust, Sort::ServiceControl, Sort::ResourceControl];
    for sort in sorts {
        let Ok(policy) = Policy::parse("fuzzed", text, sort) else { continue };
        decide(&Arc::new(policy), sort);
    }
});

fn decide(policy: &Arc<Policy>, sort: Sort) {
    let account = AccountId::parse("111111111111").expect("twelve digits");
    let callers = ["arn:aws:iam::111111111111:user/a/b", "arn:aws:sts::222222222222:assumed-role/r/s", "anonymous"];
    for caller in callers {
        let caller = Caller::parse(caller).expect("a caller").with_unique_id("AIDAEXAMPLE");
        let mut context = Context::of(&caller);
        context.set("aws:sourcearn", "arn:aws:s3:::bucket");
        context.set("aws:securetransport", true);
        let action = Action::new("sqs:SendMessage");
        let gate = Gate::before(QUEUE, &action);
        let request = Request {
            caller: &caller,
            action: &action,
            resource: QUEUE,
            resource_account: Some(account),
            context: &context,
            gate,
        };
        let one = [Arc::clone(policy)];
        let applicable = match sort {
            Sort::Identity => Applicable { identity: &one, boundary: Some(policy), ..Applicable::default() },
            _ => Applicable { resource: Some(policy), ..Applicable::default() },
        };
        let _ = authorize(&request, &applicable);
    }
}
