//! The members of an object under construction, whose keys may repeat.
use source_text::{Member, Span, Text, Value};

/// A key with its value, or with all its values if the expression groups them.
#[derive(Clone)]
pub(crate) struct MemberGroup {
    /// The key.
    pub(crate) key: Text,
    /// The span of the key.
    pub(crate) span: Span,
    /// The values.
    pub(crate) values: Vec<Value>,
}

impl MemberGroup {
    /// The key with its value, or with the list of its values.
    pub(crate) fn member(mut self, grouping: bool) -> Option<Member> {
        let span = self.values.first()?.span;
        let value = if grouping { Value::list(self.values, span) } else { self.values.pop()? };
        Some(Member { key: self.key, key_span: self.span, value })
    }
}

/// Adds a key. The values of a key that is already there are extended (`grouping`) or replaced.
pub(crate) fn insert(groups: &mut Vec<MemberGroup>, next: MemberGroup, grouping: bool) {
    match groups.iter_mut().find(|k| k.key.raw() == next.key.raw()) {
        Some(found) if grouping => found.values.extend(next.values),
        Some(found) => found.values = next.values,
        None => groups.push(next),
    }
}
