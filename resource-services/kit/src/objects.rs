//! JSON objects only: serde would also deserialize a struct from an array, by position.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

/// The function that the derive generates for a type with `#[serde(remote = "Self")]` in place of `Deserialize`.
pub trait Members<'de>: Sized {
    fn read<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
}

/// Implements `Deserialize` for such types, from objects only.
#[macro_export]
macro_rules! objects {
    ($($name:ident),+) => {$(
        impl<'de> $crate::Members<'de> for $name {
            fn read<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $name::deserialize(from) // the derived one: an inherent function takes precedence over a trait's
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_map($crate::Object::default())
            }
        }
    )+};
}

/// A visitor that accepts objects and rejects everything else.
pub struct Object<T>(PhantomData<fn() -> T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Members<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::read(MapAccessDeserializer::new(members))
    }
}
