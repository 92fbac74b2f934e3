//! One file per operation, or for a few that belong together: input → command → output.

mod backups;
mod consumed;
mod items;
pub(crate) mod put_metric_data;
mod reads;
mod table_keys;
mod tables;
mod tags;
mod transact;

use crate::service::{Prepare, prepare};

/// The operations of DynamoDB that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("UpdateItem", prepare::<items::UpdateItem>),
    ("GetItem", prepare::<items::GetItem>),
    ("PutItem", prepare::<items::PutItem>),
    ("DeleteItem", prepare::<items::DeleteItem>),
    ("Scan", prepare::<reads::Scan>),
    ("Query", prepare::<reads::Query>),
    ("TransactWriteItems", prepare::<transact::TransactWriteItems>),
    ("CreateTable", prepare::<tables::CreateTable>),
    ("DeleteTable", prepare::<tables::DeleteTable>),
    ("DescribeContinuousBackups", prepare::<backups::DescribeContinuousBackups>),
    ("DescribeTable", prepare::<tables::DescribeTable>),
    ("ListTables", prepare::<tables::ListTables>),
    ("ListTagsOfResource", prepare::<tags::ListTagsOfResource>),
    ("TagResource", prepare::<tags::TagResource>),
    ("UntagResource", prepare::<tags::UntagResource>),
    ("UpdateContinuousBackups", prepare::<backups::UpdateContinuousBackups>),
    ("UpdateTable", prepare::<tables::UpdateTable>),
];
