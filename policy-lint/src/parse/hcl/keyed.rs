//! Objects that are being put together, where a key may come again.
use crate::source::Span;
use crate::value::{Member, Text, Value};

/// A key with its values: one, or where values are grouped all that have the key.
#[derive(Clone)]
pub struct Keyed {
    /// The key.
    pub key: Text,
    /// Where it stands.
    pub span: Span,
    /// The values.
    pub values: Vec<Value>,
}

impl Keyed {
    /// The key with its value, or with the list of its values.
    pub fn member(mut self, grouping: bool) -> Option<Member> {
        let span = self.values.first()?.span;
        let value = if grouping { Value::list(self.values, span) } else { self.values.pop()? };
        Some(Member { key: self.key, key_span: self.span, value })
    }
}

/// Adds a key: what it had before gets more, or is replaced.
pub fn insert(keyed: &mut Vec<Keyed>, next: Keyed, grouping: bool) {
    match keyed.iter_mut().find(|k| k.key.raw() == next.key.raw()) {
        Some(found) if grouping => found.values.extend(next.values),
        Some(found) => found.values = next.values,
        None => keyed.push(next),
    }
}
