//! What every source is turned into before it is understood: a JSON-like tree whose every part knows where
//! it was written, and whose texts may have parts that only a plan can know.
use std::sync::Arc;

use crate::source::Span;

mod choice;
mod text;

pub use text::{Segment, Text, TextBuilder, Unknown};

/// A value and the place it was written at.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum Data {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Arc<str>),
    /// A text.
    String(Text),
    /// A list.
    Array(Box<[Value]>),
    /// An object; keys may repeat.
    Object(Box<[Member]>),
    /// A text that is the JSON of this value.
    Encoded(Box<Value>),
    /// A value that is not known before it runs.
    Unknown(Box<Unknown>),
}

/// One key of an object with its value.
#[derive(Clone, Debug)]
pub struct Member {
    /// The key.
    pub key: Text,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

// A document may be millions of these: 20 bytes of room for one of text is the aim.
const _: () = assert!(size_of::<Value>() <= 40 && size_of::<Member>() <= 72);

impl Value {
    /// A value at a place.
    pub fn new(data: Data, span: Span) -> Value {
        Value { data, span }
    }

    /// A list at a place.
    pub fn list(elements: impl IntoIterator<Item = Value>, span: Span) -> Value {
        Value::new(Data::Array(elements.into_iter().collect()), span)
    }

    /// An object at a place.
    pub fn object(members: impl IntoIterator<Item = Member>, span: Span) -> Value {
        Value::new(Data::Object(members.into_iter().collect()), span)
    }

    /// The text, when it is one.
    pub fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, when it is one and all known.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(Text::as_known)
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[Member] {
        match &self.data {
            Data::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    pub fn elements(&self) -> &[Value] {
        match &self.data {
            Data::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The value under `key`, the first when it repeats.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members().iter().find(|m| m.key.raw() == key).map(|m| &m.value)
    }

    /// The value under a path of keys.
    pub fn path(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// What kind of value it is, in the words of JSON.
    pub fn kind(&self) -> &'static str {
        match self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::String(_) => "a string",
            Data::Array(_) => "a list",
            Data::Object(_) => "an object",
            Data::Encoded(_) => "a JSON text",
            Data::Unknown(_) => "an unknown value",
        }
    }

    /// A value that is not known.
    pub fn unknown(unknown: Unknown, span: Span) -> Value {
        Value::new(Data::Unknown(Box::new(unknown)), span)
    }

    /// Whether a value is not known at all.
    pub fn is_unknown(&self) -> bool {
        matches!(self.data, Data::Unknown(_))
    }

    /// The JSON Pointer of the part that `node_path` leads to.
    pub fn pointer(&self, node_path: &NodePath) -> String {
        let mut pointer = String::new();
        let mut here = self;
        for step in node_path.steps() {
            let next = match &here.data {
                Data::Object(members) => members.get(step).map(|m| {
                    let key = m.key.to_string().replace('~', "~0").replace('/', "~1");
                    pointer.push_str(&format!("/{key}"));
                    &m.value
                }),
                Data::Array(elements) => elements.get(step).inspect(|_| pointer.push_str(&format!("/{step}"))),
                _ => None,
            };
            let Some(next) = next else { break };
            here = next;
        }
        pointer
    }
}

/// The way from a document's root to one of its parts: the number of the child at each level, as base-128
/// numbers. Every part of a model has one, so it is small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePath {
    length: u8,
    bytes: [u8; 15],
}

impl NodePath {
    /// The way to a child; where there is no room for a level more, the parent's own.
    pub fn child(self, step: usize) -> NodePath {
        let (mut next, mut rest) = (self, step);
        loop {
            let Some(slot) = next.bytes.get_mut(next.length as usize) else { return self };
            *slot = (rest & 0x7F) as u8;
            next.length += 1;
            rest >>= 7;
            if rest == 0 {
                return next;
            }
            *slot |= 0x80;
        }
    }

    fn steps(&self) -> impl Iterator<Item = usize> {
        let mut rest = self.bytes[..self.length as usize].iter();
        std::iter::from_fn(move || {
            let (mut step, mut shift) = (0, 0);
            loop {
                let byte = *rest.next()?;
                step |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return Some(step);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_gives_back_its_steps_and_ends_at_the_deepest_that_fits() {
        let walk = |steps: &[usize]| steps.iter().fold(NodePath::default(), |t, &s| t.child(s));
        for steps in [&[][..], &[0], &[127, 128, 0], &[1, 999_999, 3, 2_000_000, 16_383, 7]] {
            assert_eq!(walk(steps).steps().collect::<Vec<_>>(), steps);
        }
        let full = walk(&[1; 15]);
        assert_eq!(full.child(1), full);
        assert_eq!(walk(&[1; 14]).child(128).steps().count(), 14);
    }
}
