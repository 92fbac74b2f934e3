//! AWS query requests: a form whose dotted names spell a tree.
//!
//! ```text
//! Action=SendMessageBatch&Version=2012-11-05&SendMessageBatchRequestEntry.1.Id=a
//!   &SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n
//!   &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String
//! flattened list  Name.N          other list  Name.member.N
//! flattened map   Name.N.Key …    other map   Name.entry.N.key, Name.entry.N.value
//! ```
//!
//! [`Form`] splits and decodes, [`FormReader`] walks the tree. Whatever the model says, both spellings of lists and maps
//! are read, and the oldest one too, which leaves the index out when there is one item (`AttributeName=All`,
//! `Attribute.Name=…&Attribute.Value=…`): clients of every age still send them. Replies are [`xml`](crate::xml).

mod form;
mod reader;

pub use form::{Form, unescape};
pub use reader::FormReader;

use crate::contract::Read;
use crate::invalid::Invalid;

/// Reads an input out of a form. Parameters that no member is named after are ignored, `Action` among them.
pub fn decode<T: Read>(form: &Form<'_>) -> Result<T, Invalid> {
    T::read(&mut form.reader())
}
