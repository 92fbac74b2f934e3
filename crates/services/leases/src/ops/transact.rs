//! TransactWriteItems: up to a hundred writes and checks, all of them or none.

use super::consumed::{by_writes, unexpected};
use super::items::{shows, touched};
use crate::api::dynamodb::{
    AttributeValue, CancellationReason, ConsumedCapacity, TransactWriteItem, TransactWriteItemsInput,
    TransactWriteItemsOutput, TransactionCanceledException, errors,
};
use crate::expression::{Forms, Terms};
use crate::limits;
use crate::machine::{Command, Reply, Transaction};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::value::Item;
use crate::write::{Action, Change, Unwritten, Write};
use gateway::{Caller, ErrorMembers, Need, Operation};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A write of a transaction, and the action that policies know it by.
struct Part {
    write: Write,
    action: &'static str,
}

/// The expressions of one part.
#[derive(Default)]
struct Expressions {
    condition: Option<String>,
    update: Option<String>,
    names: Option<Vec<(String, String)>>,
    values: Option<Vec<(String, AttributeValue)>>,
}

impl Part {
    fn read(item: TransactWriteItem) -> Result<Self, Refusal> {
        let TransactWriteItem { condition_check, put, delete, update } = item;
        match (condition_check, put, delete, update) {
            (Some(check), None, None, None) => {
                let expressions = Expressions {
                    condition: Some(check.condition_expression),
                    names: check.expression_attribute_names,
                    values: check.expression_attribute_values,
                    ..Expressions::default()
                };
                let key = Item::read(check.key)?;
                let shown = shows(check.return_values_on_condition_check_failure.as_deref());
                Self::of("ConditionCheckItem", check.table_name, expressions, shown, |_| Action::Check(key))
            }
            (None, Some(put), None, None) => {
                let expressions = Expressions {
                    condition: put.condition_expression,
                    names: put.expression_attribute_names,
                    values: put.expression_attribute_values,
                    ..Expressions::default()
                };
                let item = Item::read(put.item)?;
                let shown = shows(put.return_values_on_condition_check_failure.as_deref());
                Self::of("PutItem", put.table_name, expressions, shown, |_| Action::Put(item))
            }
            (None, None, Some(delete), None) => {
                let expressions = Expressions {
                    condition: delete.condition_expression,
                    names: delete.expression_attribute_names,
                    values: delete.expression_attribute_values,
                    ..Expressions::default()
                };
                let key = Item::read(delete.key)?;
                let shown = shows(delete.return_values_on_condition_check_failure.as_deref());
                Self::of("DeleteItem", delete.table_name, expressions, shown, |_| Action::Delete(key))
            }
            (None, None, None, Some(update)) => {
                let expressions = Expressions {
                    condition: update.condition_expression,
                    update: Some(update.update_expression),
                    names: update.expression_attribute_names,
                    values: update.expression_attribute_values,
                };
                let key = Item::read(update.key)?;
                let shown = shows(update.return_values_on_condition_check_failure.as_deref());
                Self::of("UpdateItem", update.table_name, expressions, shown, |update| Action::Update {
                    key,
                    update: update.unwrap_or_default(),
                    is_expression: true,
                })
            }
            _ => Err(Refusal::validation("TransactItems can only contain one of Check, Put, Update or Delete")),
        }
    }

    fn of(
        action: &'static str,
        table: String,
        expressions: Expressions,
        shows_item: bool,
        act: impl FnOnce(Option<crate::expression::Update>) -> Action,
    ) -> Result<Self, Refusal> {
        let Expressions { condition, update, names, values } = expressions;
        let forms = Forms::default()
            .expression("UpdateExpression", update.is_some())
            .expression("ConditionExpression", condition.is_some());
        forms.check(names.is_some(), values.is_some(), "ConditionExpression is null")?;
        let terms = Terms::read(names, values)?;
        let update = terms.update(update.as_deref())?;
        let condition = terms.condition(condition.as_deref())?;
        terms.check_used()?;
        Ok(Self { write: Write { table: table.into(), action: act(update), condition, shows_item }, action })
    }
}

fn parts(items: Vec<TransactWriteItem>) -> Result<Vec<Part>, Refusal> {
    let parts = items.into_iter().map(Part::read).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = parts.iter().map(|part| part.write.keyed().size()).sum();
    // What updates come to is known when they are decided.
    if bytes > limits::TRANSACTION_BYTES_MAX { Err(Refusal::large_transaction()) } else { Ok(parts) }
}

/// The error that says of each part whether it stood in the way.
fn cancelled(reasons: Vec<Option<Unwritten>>, shows: &[bool]) -> Refusal {
    let reason = |(unwritten, shows): (Option<Unwritten>, &bool)| match unwritten {
        None => CancellationReason { code: Some("None".to_owned()), ..CancellationReason::default() },
        Some(Unwritten::Failed(item)) => CancellationReason {
            code: Some("ConditionalCheckFailed".to_owned()),
            message: Some("The conditional request failed".to_owned()),
            item: item.filter(|_| *shows).map(|item| item.show()),
        },
        Some(Unwritten::Invalid(refusal)) => CancellationReason {
            code: Some("ValidationError".to_owned()),
            message: Some(refusal.message.into_owned()),
            item: None,
        },
    };
    let reasons: Vec<_> = reasons.into_iter().zip(shows).map(reason).collect();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code.clone()).collect();
    let said =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let members = TransactionCanceledException { message: None, cancellation_reasons: Some(reasons) };
    let refusal = Refusal::new(&errors::TRANSACTION_CANCELED_EXCEPTION, said);
    Refusal { members: Some(ErrorMembers(Arc::new(members))), ..refusal }
}

pub(crate) struct TransactWriteItems;

impl Operation<Inner> for TransactWriteItems {
    type Input = TransactWriteItemsInput;
    type Output = TransactWriteItemsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &TransactWriteItemsInput) -> Result<Vec<Need>, Refusal> {
        let need = |part: &Part| {
            let mut touched = touched(&part.write);
            touched.consumed = input.return_consumed_capacity.as_deref();
            touched.enclosing = Some("TransactWriteItems");
            Asking { service, caller }.on_items(part.action, &part.write.table, None, &touched)
        };
        parts(input.transact_items.clone())?.iter().map(need).collect()
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: TransactWriteItemsInput,
    ) -> Result<TransactWriteItemsOutput, Refusal> {
        let token = input.client_request_token.clone().map(|token| {
            let asked = TransactWriteItemsInput { return_consumed_capacity: None, ..input.clone() };
            (token.into(), <[u8; 32]>::from(Sha256::digest(wire::json::encode(&asked))))
        });
        let asked = input.return_consumed_capacity;
        let mut room = None;
        let mut writes = Vec::new();
        for Part { mut write, .. } in parts(input.transact_items)? {
            let target = Target::of(&caller, &write.table)?;
            if *room.get_or_insert_with(|| target.room.clone()) != target.room {
                return Err(Refusal::validation("A transaction is about tables of one account and region."));
            }
            write.table = target.table;
            writes.push(write);
        }
        let Some(room) = room else { return Ok(TransactWriteItemsOutput::default()) };
        let shows: Vec<bool> = writes.iter().map(|write| write.shows_item).collect();
        let tables: Vec<Box<str>> = writes.iter().map(|write| write.table.clone()).collect();
        match service.ask(&room, Command::Write(writes, Some(Transaction { token }))).await? {
            Reply::Written(changes) => Ok(TransactWriteItemsOutput {
                consumed_capacity: consumed(asked.as_deref(), &tables, &changes),
                ..TransactWriteItemsOutput::default()
            }),
            Reply::Again => Ok(TransactWriteItemsOutput::default()),
            Reply::Cancelled(reasons) => Err(cancelled(reasons, &shows)),
            other => Err(unexpected(&other)),
        }
    }
}

/// What the tables of a transaction consumed.
fn consumed(asked: Option<&str>, tables: &[Box<str>], changes: &[Change]) -> Option<Vec<ConsumedCapacity>> {
    let mut by_table: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for (table, change) in tables.iter().zip(changes) {
        by_table.entry(table).or_default().push(change);
    }
    let of_table = |(table, changes): (&str, Vec<&Change>)| by_writes(asked, table, changes.into_iter(), 2.0);
    by_table.into_iter().map(of_table).collect()
}
