//! Texts with unknown parts and origins, and how they are built.
use std::fmt;
use std::sync::Arc;

use crate::source::Span;
use crate::value::{ComposedText, PLACEHOLDER, Segment, Text, TextRepr, Unknown};

impl Default for Text {
    fn default() -> Text {
        Text::known("")
    }
}

impl Unknown {
    /// An unknown value that is not a reference.
    pub fn plain(source: impl Into<String>) -> Unknown {
        Unknown { source: source.into(), ..Unknown::default() }
    }
}

impl Text {
    /// A text without unknown parts.
    #[inline]
    pub fn known(value: impl Into<Arc<str>>) -> Text {
        Text(TextRepr::Plain(value.into()))
    }

    /// A text that is one unknown part.
    pub fn unknown(unknown: Unknown) -> Text {
        Text::with_origin(PLACEHOLDER.to_string(), vec![unknown], Vec::new())
    }

    /// A text with unknown parts and the origin of its bytes. `unknowns` has one entry for each [`PLACEHOLDER`].
    pub fn with_origin(value: impl Into<Arc<str>>, unknowns: Vec<Unknown>, origin: Vec<Segment>) -> Text {
        if unknowns.is_empty() && origin.is_empty() {
            return Text::known(value);
        }
        Text(TextRepr::Composed(Box::new(ComposedText { value: value.into(), unknowns, origin })))
    }

    /// The text with a [`PLACEHOLDER`] for every unknown part.
    #[inline]
    pub fn raw(&self) -> &str {
        match &self.0 {
            TextRepr::Plain(value) => value,
            TextRepr::Composed(composed) => &composed.value,
        }
    }

    #[inline]
    fn composed(&self) -> Option<&ComposedText> {
        match &self.0 {
            TextRepr::Plain(_) => None,
            TextRepr::Composed(composed) => Some(composed),
        }
    }

    /// The text, when it has no unknown parts.
    #[inline]
    pub fn as_known(&self) -> Option<&str> {
        self.is_known().then_some(self.raw())
    }

    /// Whether it has no unknown parts.
    #[inline]
    pub fn is_known(&self) -> bool {
        self.unknowns().is_empty()
    }

    /// Whether both can be the same text: each unknown part can be any text.
    pub fn may_equal(&self, other: &Text) -> bool {
        let (a, b) = (self.raw(), other.raw());
        match (self.is_known(), other.is_known()) {
            (true, true) => a == b,
            (false, true) => fits_between_gaps(a, b),
            (true, false) => fits_between_gaps(b, a),
            (false, false) => {
                // The parts between the first and the last gap can follow each other, so only the ends decide.
                let starts = (a.split(PLACEHOLDER).next(), b.split(PLACEHOLDER).next());
                let ends = (a.rsplit(PLACEHOLDER).next(), b.rsplit(PLACEHOLDER).next());
                let prefix = |(a, b): (Option<&str>, Option<&str>)| {
                    a.zip(b).is_none_or(|(a, b)| a.starts_with(b) || b.starts_with(a))
                };
                let suffix = |(a, b): (Option<&str>, Option<&str>)| {
                    a.zip(b).is_none_or(|(a, b)| a.ends_with(b) || b.ends_with(a))
                };
                prefix(starts) && suffix(ends)
            }
        }
    }

    /// The unknown parts, in order.
    #[inline]
    pub fn unknowns(&self) -> &[Unknown] {
        self.composed().map_or(&[], |m| &m.unknowns)
    }

    /// The origin of its stretches; empty if that is the span of the text.
    #[inline]
    pub fn origin(&self) -> &[Segment] {
        self.composed().map_or(&[], |m| &m.origin)
    }

    /// The bytes `from..to` with their origin.
    pub fn slice(&self, from: usize, to: usize) -> Text {
        let count = |text: &str| text.matches(PLACEHOLDER).count();
        let before = count(&self.raw()[..from]);
        let value = self.raw()[from..to].to_owned();
        let unknowns = self.unknowns().iter().skip(before).take(count(&value)).cloned().collect();
        let mut origin = Vec::new();
        for (i, segment) in self.origin().iter().enumerate() {
            let start = segment.at as usize;
            let end = self.origin().get(i + 1).map_or(self.raw().len(), |n| n.at as usize);
            if end <= from || start >= to {
                continue;
            }
            let cut = from.saturating_sub(start);
            let mut span = segment.span;
            if segment.exact {
                span.start += u32::try_from(cut).unwrap_or(0);
            }
            origin.push(Segment {
                at: u32::try_from((start + cut) - from).unwrap_or(u32::MAX),
                span,
                exact: segment.exact,
            });
        }
        Text::with_origin(value, unknowns, origin)
    }

    /// The span of the bytes `start..end`; `whole` is the span of the text.
    pub fn locate(&self, start: usize, end: usize, whole: Span) -> Span {
        let segment = |byte: usize| {
            let next = self.origin().partition_point(|s| s.at as usize <= byte);
            next.checked_sub(1).and_then(|i| self.origin().get(i))
        };
        let (Some(first), Some(last)) = (segment(start), segment(end.saturating_sub(1).max(start))) else {
            return whole;
        };
        let from = if first.exact { first.span.start + (start as u32 - first.at) } else { first.span.start };
        let to = if last.exact { last.span.start + (end as u32 - last.at) } else { last.span.end };
        if first.span.file == last.span.file && from <= to {
            Span { file: first.span.file, start: from, end: to }
        } else {
            first.span
        }
    }
}

/// Whether `text` can be `pattern` with some text for every [`PLACEHOLDER`].
fn fits_between_gaps(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<&str> = pattern.split(PLACEHOLDER).collect();
    let (Some(last), false) = (parts.pop(), parts.is_empty()) else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(parts.remove(0)) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Builds a text of parts with different origins.
#[derive(Debug, Default)]
pub struct TextBuilder {
    value: String,
    unknowns: Vec<Unknown>,
    origin: Vec<Segment>,
}

impl TextBuilder {
    /// Appends a text; `span` is its span.
    pub fn push(&mut self, text: &Text, span: Span) {
        let base = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        if text.origin().is_empty() {
            self.origin.push(Segment { at: base, span, exact: false });
        }
        self.origin.extend(text.origin().iter().map(|s| Segment { at: base + s.at, ..*s }));
        self.value.push_str(text.raw());
        self.unknowns.extend(text.unknowns().iter().cloned());
    }

    /// Appends characters with one span.
    pub fn put(&mut self, letters: &str, span: Span) {
        let at = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        self.origin.push(Segment { at, span, exact: false });
        self.value.push_str(letters);
    }

    /// The length so far, in bytes.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether the text is empty so far.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The text.
    pub fn finish(self) -> Text {
        Text::with_origin(self.value, self.unknowns, self.origin)
    }

    /// The text without the origin of its parts.
    pub fn finish_without_origin(self) -> Text {
        Text::with_origin(self.value, self.unknowns, Vec::new())
    }
}

impl fmt::Display for Text {
    /// Unknown parts appear as `${source}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.raw();
        for unknown in self.unknowns() {
            let Some((before, after)) = rest.split_once(PLACEHOLDER) else { break };
            write!(f, "{before}${{{}}}", unknown.source)?;
            rest = after;
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_equal_another_if_values_of_its_unknown_parts_make_it_so() {
        let text = |raw: &str| {
            let unknowns = raw.matches(PLACEHOLDER).map(|_| Unknown::plain("x")).collect();
            Text::with_origin(raw.to_owned(), unknowns, Vec::new())
        };
        for (a, b, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a\u{E000}", "abc", true),
            ("a\u{E000}", "bc", false),
            ("\u{E000}b\u{E000}d", "abcd", true),
            ("\u{E000}b\u{E000}d", "abc", false),
            ("ab\u{E000}ba", "aba", false),
            ("a\u{E000}", "\u{E000}b", true),
            ("a\u{E000}", "b\u{E000}", false),
            ("\u{E000}a", "\u{E000}b", false),
            ("a*\u{E000}", "ab", false),
        ] {
            assert_eq!(text(a).may_equal(&text(b)), expected, "{a} {b}");
            assert_eq!(text(b).may_equal(&text(a)), expected, "{b} {a}");
        }
    }
}
