//! Operations of our own: what goes into them and comes out, declared as data.
//!
//! [`shapes!`](crate::shapes) makes of each declaration a type, its schema for the codecs, and how it is read and written; so an
//! operation of ours is spoken in every protocol as those of AWS's models are. A member of an `Option` may be missing, every other one
//! is demanded.

use crate::schema::{ListShape, Member, Rules, Shape, StructShape};
use crate::{Invalid, Read, Timestamp, Write, Writer, put, put_some, required};

/// A type that a schema can name.
pub trait Shaped: Read + Write {
    /// Its schema.
    const SHAPE: Shape;
}

macro_rules! scalars {
    ($($kind:ty => $shape:ident),*) => { $(impl Shaped for $kind { const SHAPE: Shape = Shape::$shape; })* };
}

scalars!(String => String, bool => Boolean, i32 => Integer, i64 => Long, Timestamp => Timestamp);

trait Listed: Shaped + 'static {
    const LIST: &'static ListShape =
        &ListShape { name: "List", item_name: "member", item: Self::SHAPE, item_rules: Rules::NONE };
}

impl<T: Shaped + 'static> Listed for T {}

impl<T: Shaped + 'static> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::List(T::LIST);
}

/// What stands in a member.
pub trait Held: Sized {
    /// What it is when it is there.
    type Value: Shaped;
    /// Whether it must be there.
    const REQUIRED: bool;

    /// What a reader found.
    ///
    /// # Errors
    /// If it is missing and may not be.
    fn given(value: Option<Self::Value>, member: &'static Member) -> Result<Self, Invalid>;
    /// Writes it, if it is there.
    fn put(&self, writer: &mut dyn Writer, member: &'static Member);
}

impl<T: Shaped> Held for T {
    type Value = T;
    const REQUIRED: bool = true;

    fn given(value: Option<T>, member: &'static Member) -> Result<T, Invalid> {
        required(value, member)
    }

    fn put(&self, writer: &mut dyn Writer, member: &'static Member) {
        put(writer, member, self);
    }
}

impl<T: Shaped> Held for Option<T> {
    type Value = T;
    const REQUIRED: bool = false;

    fn given(value: Option<T>, _member: &'static Member) -> Result<Self, Invalid> {
        Ok(value)
    }

    fn put(&self, writer: &mut dyn Writer, member: &'static Member) {
        put_some(writer, member, self.as_ref());
    }
}

/// The member of a declaration.
pub const fn member<T: Held>(name: &'static str, rules: Rules) -> Member {
    Member { name, location: name, flattened: false, required: T::REQUIRED, shape: T::Value::SHAPE, rules }
}

/// The member of this name.
///
/// # Panics
/// If there is none.
pub fn of(shape: &'static StructShape, name: &str) -> &'static Member {
    &shape.members[shape.position(name).expect("the schema has every member of its type")]
}

/// Declares types of a service's own operations.
#[macro_export]
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty = $wire:literal $(if $rules:expr)?;)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name { $(pub(crate) $field: $kind,)* }

        impl $name {
            pub(crate) const STRUCT: &'static $crate::schema::StructShape = {
                static SHAPE: $crate::schema::StructShape = $crate::schema::StructShape {
                    name: stringify!($name),
                    members: &[$($crate::declared::member::<$kind>($wire, $crate::shapes!(@rules $($rules)?)),)*],
                };
                &SHAPE
            };
        }

        impl $crate::declared::Shaped for $name {
            const SHAPE: $crate::schema::Shape = $crate::schema::Shape::Struct(Self::STRUCT);
        }

        impl $crate::Read for $name {
            fn read(reader: &mut dyn $crate::Reader) -> Result<Self, $crate::Invalid> {
                let shape = Self::STRUCT;
                $(let mut $field = None;)*
                $crate::read_struct(reader, shape, |at, reader| {
                    match shape.members[at].name {
                        $($wire => $field = Some($crate::Read::read(reader)?),)*
                        other => unreachable!("{} has no member {other}", shape.name),
                    }
                    Ok(())
                })?;
                Ok(Self { $($field: <$kind as $crate::declared::Held>::given($field, $crate::declared::of(shape, $wire))?,)* })
            }
        }

        impl $crate::Write for $name {
            fn write(&self, writer: &mut dyn $crate::Writer) {
                let shape = Self::STRUCT;
                writer.begin_struct(shape);
                $($crate::declared::Held::put(&self.$field, writer, $crate::declared::of(shape, $wire));)*
                writer.end_struct();
            }
        }
    )* };
    (@rules) => { $crate::schema::Rules::NONE };
    (@rules $rules:expr) => { $rules };
}
