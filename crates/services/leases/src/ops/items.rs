//! GetItem, PutItem, UpdateItem, DeleteItem.

use super::consumed::{by_read, by_writes, unexpected};
use crate::api::dynamodb::{
    AttributeValue, AttributeValueUpdate, DeleteItemInput, DeleteItemOutput, ExpectedAttributeValue, GetItemInput,
    GetItemOutput, PutItemInput, PutItemOutput, UpdateItemInput, UpdateItemOutput,
};
use crate::expression::{Condition, Forms, Path, Projection, Terms, Update, attribute_updates, expected, of_names};
use crate::machine::{Command, Reply};
use crate::needs::{Asking, Touched};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::value::Item;
use crate::write::{Action, Change, Write};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

/// Attributes as they stand in requests and replies.
type Attributes = Vec<(String, AttributeValue)>;

/// A condition, and an update with whether it was an expression.
type Read = (Option<Condition>, Option<(Update, bool)>);

/// What a write says beside its item, in either form.
struct Conditions {
    expected: Option<Vec<(String, ExpectedAttributeValue)>>,
    operator: Option<String>,
    updates: Option<Vec<(String, AttributeValueUpdate)>>,
    condition: Option<String>,
    update: Option<String>,
    names: Option<Vec<(String, String)>>,
    values: Option<Attributes>,
}

impl Conditions {
    /// What they come to: a condition, and an update with whether it was an expression.
    fn read(self, of_values: &str) -> Result<Read, Refusal> {
        let forms = Forms::default()
            .older("AttributeUpdates", self.updates.is_some())
            .older("Expected", self.expected.is_some())
            .older("ConditionalOperator", self.operator.is_some())
            .expression("UpdateExpression", self.update.is_some())
            .expression("ConditionExpression", self.condition.is_some());
        forms.check(self.names.is_some(), self.values.is_some(), of_values)?;
        let terms = Terms::read(self.names, self.values)?;
        let update = terms.update(self.update.as_deref())?.map(|update| (update, true));
        let condition = terms.condition(self.condition.as_deref())?;
        terms.check_used()?;
        let older = self.updates.map(attribute_updates).transpose()?.map(|update| (update, false));
        let condition = match (condition, self.expected) {
            (None, Some(tests)) => expected(tests, self.operator.as_deref())?,
            (condition, _) => condition,
        };
        Ok((condition, update.or(older)))
    }
}

/// A write, with what its reply is to say.
struct Planned {
    write: Write,
    returned: String,
}

impl Planned {
    fn put(input: PutItemInput) -> Result<Self, Refusal> {
        let returned = only_old(input.return_values)?;
        let conditions = Conditions {
            expected: input.expected,
            operator: input.conditional_operator,
            updates: None,
            condition: input.condition_expression,
            update: None,
            names: input.expression_attribute_names,
            values: input.expression_attribute_values,
        };
        let (condition, _) = conditions.read("ConditionExpression is null")?;
        let action = Action::Put(Item::read(input.item)?);
        let shows_item = shows(input.return_values_on_condition_check_failure.as_deref());
        Ok(Self { write: Write { table: input.table_name.into(), action, condition, shows_item }, returned })
    }

    fn delete(input: DeleteItemInput) -> Result<Self, Refusal> {
        let returned = only_old(input.return_values)?;
        let conditions = Conditions {
            expected: input.expected,
            operator: input.conditional_operator,
            updates: None,
            condition: input.condition_expression,
            update: None,
            names: input.expression_attribute_names,
            values: input.expression_attribute_values,
        };
        let (condition, _) = conditions.read("ConditionExpression is null")?;
        let action = Action::Delete(Item::read(input.key)?);
        let shows_item = shows(input.return_values_on_condition_check_failure.as_deref());
        Ok(Self { write: Write { table: input.table_name.into(), action, condition, shows_item }, returned })
    }

    fn update(input: UpdateItemInput) -> Result<Self, Refusal> {
        let conditions = Conditions {
            expected: input.expected,
            operator: input.conditional_operator,
            updates: input.attribute_updates,
            condition: input.condition_expression,
            update: input.update_expression,
            names: input.expression_attribute_names,
            values: input.expression_attribute_values,
        };
        let (condition, update) = conditions.read("UpdateExpression and ConditionExpression are null")?;
        // An update of nothing makes an item of its key, as an empty expression would if there were one.
        let (update, is_expression) = update.unwrap_or((Update::default(), true));
        let action = Action::Update { key: Item::read(input.key)?, update, is_expression };
        let shows_item = shows(input.return_values_on_condition_check_failure.as_deref());
        let returned = input.return_values.unwrap_or_else(|| "NONE".to_owned());
        Ok(Self { write: Write { table: input.table_name.into(), action, condition, shows_item }, returned })
    }

    /// What policies are told of it.
    fn need(&self, asking: &Asking<'_>, action: &str, consumed: Option<&str>) -> Result<Vec<Need>, Refusal> {
        let mut touched = touched(&self.write);
        touched.returned = Some(&self.returned);
        touched.consumed = consumed;
        Ok(vec![asking.on_items(action, &self.write.table, None, &touched)?])
    }

    /// Carries it out.
    async fn carry_out(mut self, service: &Inner, caller: &Caller) -> Result<Done, Refusal> {
        let target = Target::of(caller, &self.write.table)?;
        self.write.table = target.table.clone();
        let update = match &self.write.action {
            Action::Update { update, .. } => Some(update.clone()),
            _ => None,
        };
        let reply = service.ask(&target.room, Command::Write(vec![self.write], None)).await?;
        let Reply::Written(changes) = reply else { return Err(unexpected(&reply)) };
        let change = changes.into_iter().next().expect("one write is one change");
        let attributes = attributes(&self.returned, update.as_ref(), &change);
        Ok(Done { change, attributes, table: target.table })
    }
}

/// What a write came to.
struct Done {
    change: Change,
    attributes: Option<Attributes>,
    table: Box<str>,
}

impl Done {
    fn consumed(&self, asked: Option<&str>) -> Option<crate::api::dynamodb::ConsumedCapacity> {
        by_writes(asked, &self.table, std::iter::once(&self.change), 1.0)
    }
}

/// Key and attributes that a write names.
pub(super) fn touched(write: &Write) -> Touched<'_> {
    let mut touched = Touched { keys: vec![write.keyed()], ..Touched::default() };
    touched.attributes.extend(write.keyed().0.keys().map(|name| &**name));
    if let Action::Update { update, .. } = &write.action {
        touched.attributes.extend(update.paths().map(Path::attribute));
        update.visit_sources(&mut |path| _ = touched.attributes.insert(path.attribute()));
    }
    if let Some(condition) = &write.condition {
        condition.visit_paths(&mut |path| _ = touched.attributes.insert(path.attribute()));
    }
    touched
}

pub(super) fn shows(on_failure: Option<&str>) -> bool {
    on_failure == Some("ALL_OLD")
}

fn only_old(returned: Option<String>) -> Result<String, Refusal> {
    let returned = returned.unwrap_or_else(|| "NONE".to_owned());
    match returned.as_str() {
        "NONE" | "ALL_OLD" => Ok(returned),
        _ => Err(Refusal::validation("ReturnValues can only be ALL_OLD or NONE")),
    }
}

/// What ReturnValues asks for.
fn attributes(returned: &str, update: Option<&Update>, change: &Change) -> Option<Attributes> {
    let item = match returned {
        "ALL_OLD" | "UPDATED_OLD" => change.before.as_ref()?,
        "ALL_NEW" | "UPDATED_NEW" => change.after.as_ref()?,
        _ => return None,
    };
    let shown = match update.filter(|_| returned.starts_with("UPDATED")) {
        Some(update) => Projection::of_paths(update.paths()).of(item).show(),
        None => item.show(),
    };
    (!shown.is_empty()).then_some(shown)
}

pub(crate) struct PutItem;

impl Operation<Inner> for PutItem {
    type Input = PutItemInput;
    type Output = PutItemOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &PutItemInput) -> Result<Vec<Need>, Refusal> {
        let consumed = input.return_consumed_capacity.as_deref();
        Planned::put(input.clone())?.need(&Asking { service, caller }, "PutItem", consumed)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: PutItemInput) -> Result<PutItemOutput, Refusal> {
        let asked = input.return_consumed_capacity.clone();
        let done = Planned::put(input)?.carry_out(&service, &caller).await?;
        let consumed_capacity = done.consumed(asked.as_deref());
        Ok(PutItemOutput { attributes: done.attributes, consumed_capacity, ..PutItemOutput::default() })
    }
}

pub(crate) struct DeleteItem;

impl Operation<Inner> for DeleteItem {
    type Input = DeleteItemInput;
    type Output = DeleteItemOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DeleteItemInput) -> Result<Vec<Need>, Refusal> {
        let consumed = input.return_consumed_capacity.as_deref();
        Planned::delete(input.clone())?.need(&Asking { service, caller }, "DeleteItem", consumed)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteItemInput) -> Result<DeleteItemOutput, Refusal> {
        let asked = input.return_consumed_capacity.clone();
        let done = Planned::delete(input)?.carry_out(&service, &caller).await?;
        let consumed_capacity = done.consumed(asked.as_deref());
        Ok(DeleteItemOutput { attributes: done.attributes, consumed_capacity, ..DeleteItemOutput::default() })
    }
}

pub(crate) struct UpdateItem;

impl Operation<Inner> for UpdateItem {
    type Input = UpdateItemInput;
    type Output = UpdateItemOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UpdateItemInput) -> Result<Vec<Need>, Refusal> {
        let consumed = input.return_consumed_capacity.as_deref();
        Planned::update(input.clone())?.need(&Asking { service, caller }, "UpdateItem", consumed)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: UpdateItemInput) -> Result<UpdateItemOutput, Refusal> {
        let asked = input.return_consumed_capacity.clone();
        let done = Planned::update(input)?.carry_out(&service, &caller).await?;
        let consumed_capacity = done.consumed(asked.as_deref());
        Ok(UpdateItemOutput { attributes: done.attributes, consumed_capacity, ..UpdateItemOutput::default() })
    }
}

/// What a read shows, in either form; nothing for everything.
pub(super) fn projection(
    older: Option<&[String]>,
    text: Option<&str>,
    names: Option<Vec<(String, String)>>,
) -> Result<Option<Projection>, Refusal> {
    let forms =
        Forms::default().older("AttributesToGet", older.is_some()).expression("ProjectionExpression", text.is_some());
    forms.check(names.is_some(), false, "")?;
    let terms = Terms::read(names, None)?;
    let projection = terms.projection(text)?;
    terms.check_used()?;
    Ok(projection.or_else(|| older.map(of_names)))
}

pub(crate) struct GetItem;

impl Operation<Inner> for GetItem {
    type Input = GetItemInput;
    type Output = GetItemOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &GetItemInput) -> Result<Vec<Need>, Refusal> {
        let input = input.clone();
        let text = input.projection_expression.as_deref();
        let shown = projection(input.attributes_to_get.as_deref(), text, input.expression_attribute_names)?;
        let key = Item::read(input.key)?;
        let mut touched = Touched { keys: vec![&key], ..Touched::default() };
        touched.attributes.extend(key.0.keys().map(|name| &**name));
        touched.attributes.extend(shown.iter().flat_map(Projection::attributes));
        touched.select = Some(if shown.is_some() { "SPECIFIC_ATTRIBUTES" } else { "ALL_ATTRIBUTES" });
        touched.consumed = input.return_consumed_capacity.as_deref();
        Ok(vec![Asking { service, caller }.on_items("GetItem", &input.table_name, None, &touched)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: GetItemInput) -> Result<GetItemOutput, Refusal> {
        let text = input.projection_expression.as_deref();
        let shown = projection(input.attributes_to_get.as_deref(), text, input.expression_attribute_names)?;
        let target = Target::of(&caller, &input.table_name)?;
        let command = Command::Get { table: target.table.clone(), key: Item::read(input.key)? };
        let reply = service.ask(&target.room, command).await?;
        let Reply::Item(item) = reply else { return Err(unexpected(&reply)) };
        let (asked, consistent) = (input.return_consumed_capacity.as_deref(), input.consistent_read == Some(true));
        let bytes = item.as_ref().map_or(0, |item| item.size());
        let consumed_capacity = by_read(asked, &target.table, bytes, consistent);
        let item = item.map(|item| shown.map_or_else(|| item.show(), |shown| shown.of(&item).show()));
        Ok(GetItemOutput { item, consumed_capacity })
    }
}
