//! Scan and Query: pages of items of a table or of an index.

use super::consumed::{by_read, unexpected};
use crate::api::dynamodb::{AttributeValue, ConsumedCapacity, QueryInput, QueryOutput, ScanInput, ScanOutput};
use crate::expression::{Forms, KeyCondition, Projection, Terms, conditions, of_names};
use crate::machine::{Command, Reply};
use crate::needs::{Asking, Touched};
use crate::read::{Page, Read, Segment, Selection};
use crate::refusal::Refusal;
use crate::service::{Inner, Target, invalid_name, is_name};
use crate::value::Item;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

/// A read, with what its reply is to say.
struct Planned {
    read: Read,
    projection: Option<Projection>,
    select: &'static str,
    consumed: Option<String>,
}

/// What a reply says.
struct Shown {
    items: Option<Vec<Vec<(String, AttributeValue)>>>,
    count: i32,
    scanned: i32,
    last: Option<Vec<(String, AttributeValue)>>,
    consumed: Option<ConsumedCapacity>,
}

/// What Select says, and what goes with it.
fn select(asked: Option<&str>, index: bool, projected: bool, by_names: bool) -> Result<&'static str, Refusal> {
    let what = if by_names { "AttributesToGet" } else { "ProjectionExpression" };
    let with =
        |sentence: &str| Refusal::validation(format!("Cannot specify the {what} when choosing to get {sentence}"));
    match asked {
        None if projected => Ok("SPECIFIC_ATTRIBUTES"),
        None if index => Ok("ALL_PROJECTED_ATTRIBUTES"),
        None => Ok("ALL_ATTRIBUTES"),
        Some("COUNT") if projected => Err(with("only the Count")),
        Some("ALL_ATTRIBUTES") if projected => Err(with("ALL_ATTRIBUTES")),
        Some("ALL_PROJECTED_ATTRIBUTES") if projected => Err(with("ALL_PROJECTED_ATTRIBUTES")),
        Some("SPECIFIC_ATTRIBUTES") if !projected => Err(Refusal::validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        Some("ALL_PROJECTED_ATTRIBUTES") if !index => {
            Err(Refusal::invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"))
        }
        Some("COUNT") => Ok("COUNT"),
        Some("ALL_PROJECTED_ATTRIBUTES") => Ok("ALL_PROJECTED_ATTRIBUTES"),
        Some("SPECIFIC_ATTRIBUTES") => Ok("SPECIFIC_ATTRIBUTES"),
        Some("ALL_ATTRIBUTES") => Ok("ALL_ATTRIBUTES"),
        Some(other) => Err(Refusal::validation(format!("Select {other} is not of lease tables."))),
    }
}

impl Planned {
    fn scan(input: ScanInput) -> Result<Self, Refusal> {
        let forms = Forms::default()
            .older("AttributesToGet", input.attributes_to_get.is_some())
            .older("ScanFilter", input.scan_filter.is_some())
            .older("ConditionalOperator", input.conditional_operator.is_some())
            .expression("ProjectionExpression", input.projection_expression.is_some())
            .expression("FilterExpression", input.filter_expression.is_some());
        let (names, values) = (input.expression_attribute_names, input.expression_attribute_values);
        forms.check(names.is_some(), values.is_some(), "FilterExpression is null")?;
        let terms = Terms::read(names, values)?;
        let projection = terms.projection(input.projection_expression.as_deref())?;
        let filter = terms.filter(input.filter_expression.as_deref())?;
        terms.check_used()?;
        let older =
            input.scan_filter.map(|tests| conditions(tests, input.conditional_operator.as_deref())).transpose()?;
        let by_names = input.attributes_to_get.is_some();
        let projection = projection.or_else(|| input.attributes_to_get.as_deref().map(of_names));
        let select = select(input.select.as_deref(), input.index_name.is_some(), projection.is_some(), by_names)?;
        let read = Read {
            table: input.table_name.into(),
            index: input.index_name.map(Into::into),
            selection: Selection::Scan(segment(input.segment, input.total_segments)?),
            filter: filter.or(older.flatten()),
            limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
            start: input.exclusive_start_key.map(Item::read).transpose()?,
            consistent: input.consistent_read == Some(true),
            all_attributes: select == "ALL_ATTRIBUTES",
            wanted: wanted(projection.as_ref()),
        };
        Ok(Self { read, projection, select, consumed: input.return_consumed_capacity })
    }

    fn query(input: QueryInput) -> Result<Self, Refusal> {
        let forms = Forms::default()
            .older("AttributesToGet", input.attributes_to_get.is_some())
            .older("QueryFilter", input.query_filter.is_some())
            .older("ConditionalOperator", input.conditional_operator.is_some())
            .older("KeyConditions", input.key_conditions.is_some())
            .expression("ProjectionExpression", input.projection_expression.is_some())
            .expression("FilterExpression", input.filter_expression.is_some())
            .expression("KeyConditionExpression", input.key_condition_expression.is_some());
        let (names, values) = (input.expression_attribute_names, input.expression_attribute_values);
        forms.check(names.is_some(), values.is_some(), "FilterExpression and KeyConditionExpression are null")?;
        let terms = Terms::read(names, values)?;
        let projection = terms.projection(input.projection_expression.as_deref())?;
        let filter = terms.filter(input.filter_expression.as_deref())?;
        let condition = terms.key_condition(input.key_condition_expression.as_deref())?;
        terms.check_used()?;
        let older =
            input.query_filter.map(|tests| conditions(tests, input.conditional_operator.as_deref())).transpose()?;
        let of_keys = input.key_conditions.map(|tests| conditions(tests, None)).transpose()?.flatten();
        let condition = match (condition, of_keys) {
            (Some(condition), _) => condition,
            (None, Some(older)) => KeyCondition::of(older)?,
            (None, None) => {
                return Err(Refusal::validation(
                    "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
                ));
            }
        };
        let by_names = input.attributes_to_get.is_some();
        let projection = projection.or_else(|| input.attributes_to_get.as_deref().map(of_names));
        let select = select(input.select.as_deref(), input.index_name.is_some(), projection.is_some(), by_names)?;
        let forward = input.scan_index_forward != Some(false);
        let read = Read {
            table: input.table_name.into(),
            index: input.index_name.map(Into::into),
            selection: Selection::Query { condition, forward },
            filter: filter.or(older.flatten()),
            limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
            start: input.exclusive_start_key.map(Item::read).transpose()?,
            consistent: input.consistent_read == Some(true),
            all_attributes: select == "ALL_ATTRIBUTES",
            wanted: wanted(projection.as_ref()),
        };
        Ok(Self { read, projection, select, consumed: input.return_consumed_capacity })
    }

    fn needs(&self, asking: &Asking<'_>, action: &str) -> Result<Vec<Need>, Refusal> {
        let mut touched =
            Touched { select: Some(self.select), consumed: self.consumed.as_deref(), ..Touched::default() };
        touched.attributes.extend(self.projection.iter().flat_map(Projection::attributes));
        if let Some(filter) = &self.read.filter {
            filter.visit_paths(&mut |path| _ = touched.attributes.insert(path.attribute()));
        }
        if let Selection::Query { condition, .. } = &self.read.selection {
            touched.attributes.extend(condition.names().map(|(name, _)| name));
            touched.condition = Some(condition);
        }
        let index = self.read.index.as_deref();
        Ok(vec![asking.on_items(action, &self.read.table, index, &touched)?])
    }

    async fn carry_out(mut self, service: &Inner, caller: &Caller) -> Result<Shown, Refusal> {
        let target = Target::of(caller, &self.read.table)?;
        if self.read.index.as_deref().is_some_and(|index| !is_name(index)) {
            return Err(invalid_name());
        }
        self.read.table = target.table.clone();
        let consistent = self.read.consistent;
        let reply = service.ask(&target.room, Command::Read(Box::new(self.read))).await?;
        let Reply::Page(page) = reply else { return Err(unexpected(&reply)) };
        let consumed = by_read(self.consumed.as_deref(), &target.table, page.bytes, consistent);
        let Page { items, scanned, last, .. } = page;
        let count = items.len();
        let show =
            |item: &Arc<Item>| self.projection.as_ref().map_or_else(|| item.show(), |shown| shown.of(item).show());
        let items = (self.select != "COUNT").then(|| items.iter().map(show).collect());
        Ok(Shown {
            items,
            count: number(count),
            scanned: number(scanned),
            last: last.as_ref().map(Item::show),
            consumed,
        })
    }
}

/// A page is of a mebibyte, so it has fewer items than this has room for.
fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn wanted(projection: Option<&Projection>) -> Vec<Box<str>> {
    projection.into_iter().flat_map(Projection::attributes).map(Into::into).collect()
}

fn segment(number: Option<i32>, of: Option<i32>) -> Result<Option<Segment>, Refusal> {
    match (number, of) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        )),
        (Some(_), None) => Err(Refusal::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        )),
        (Some(number), Some(of)) if number >= of => Err(Refusal::validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {number} is not less than TotalSegments: {of}"
        ))),
        // The model bounds both.
        (Some(number), Some(of)) => Ok(Some(Segment { number: number.unsigned_abs(), of: of.unsigned_abs() })),
    }
}

pub(crate) struct Scan;

impl Operation<Inner> for Scan {
    type Input = ScanInput;
    type Output = ScanOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ScanInput) -> Result<Vec<Need>, Refusal> {
        Planned::scan(input.clone())?.needs(&Asking { service, caller }, "Scan")
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ScanInput) -> Result<ScanOutput, Refusal> {
        let Shown { items, count, scanned, last, consumed } =
            Planned::scan(input)?.carry_out(&service, &caller).await?;
        Ok(ScanOutput {
            items,
            count: Some(count),
            scanned_count: Some(scanned),
            last_evaluated_key: last,
            consumed_capacity: consumed,
        })
    }
}

pub(crate) struct Query;

impl Operation<Inner> for Query {
    type Input = QueryInput;
    type Output = QueryOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &QueryInput) -> Result<Vec<Need>, Refusal> {
        Planned::query(input.clone())?.needs(&Asking { service, caller }, "Query")
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: QueryInput) -> Result<QueryOutput, Refusal> {
        let Shown { items, count, scanned, last, consumed } =
            Planned::query(input)?.carry_out(&service, &caller).await?;
        Ok(QueryOutput {
            items,
            count: Some(count),
            scanned_count: Some(scanned),
            last_evaluated_key: last,
            consumed_capacity: consumed,
        })
    }
}
