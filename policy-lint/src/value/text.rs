//! Texts, whose parts may be unknown and may come from many places.
use std::fmt;
use std::sync::Arc;

use crate::pattern::PLACEHOLDER;
use crate::source::Span;
use crate::value::Value;

/// A text, of which parts may be unknown: each such part is one [`PLACEHOLDER`] character.
#[derive(Clone, Debug)]
pub struct Text(Form);

/// Most texts are plain; only those of Terraform source have more.
#[derive(Clone, Debug)]
enum Form {
    Plain(Arc<str>),
    Made(Box<Made>),
}

/// A text that was put together.
#[derive(Clone, Debug, Default)]
struct Made {
    value: Arc<str>,
    unknowns: Vec<Unknown>,
    origin: Vec<Segment>,
}

impl Default for Text {
    fn default() -> Text {
        Text::known("")
    }
}

/// An unknown part of a text.
#[derive(Clone, Debug, Default)]
pub struct Unknown {
    /// The expression as written, for messages.
    pub source: String,
    /// The Terraform reference it is, as `aws_s3_bucket.raw.arn`, when it is one.
    pub reference: Option<String>,
    /// What it can be, where that is known; see [`Value::one_of`].
    pub candidates: Vec<Value>,
}

impl PartialEq for Unknown {
    fn eq(&self, other: &Unknown) -> bool {
        self.source == other.source && self.reference == other.reference
    }
}

/// Where a stretch of a text came from, when that is not simply its own span.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// First byte within the text.
    pub at: u32,
    /// The source of the stretch.
    pub span: Span,
    /// Whether bytes of the text and of the source correspond one to one.
    pub exact: bool,
}

impl Unknown {
    /// Something that is not known and is not a reference.
    pub fn plain(source: impl Into<String>) -> Unknown {
        Unknown { source: source.into(), ..Unknown::default() }
    }
}

impl Text {
    /// A text without unknown parts.
    pub fn known(value: impl Into<Arc<str>>) -> Text {
        Text(Form::Plain(value.into()))
    }

    /// A text that is one unknown part.
    pub fn unknown(unknown: Unknown) -> Text {
        Text::with_origin(PLACEHOLDER.to_string(), vec![unknown], Vec::new())
    }

    /// A text whose bytes came from the places that `origin` tells.
    pub fn with_origin(value: impl Into<Arc<str>>, unknowns: Vec<Unknown>, origin: Vec<Segment>) -> Text {
        if unknowns.is_empty() && origin.is_empty() {
            return Text::known(value);
        }
        Text(Form::Made(Box::new(Made { value: value.into(), unknowns, origin })))
    }

    /// The text with a [`PLACEHOLDER`] for every unknown part.
    pub fn raw(&self) -> &str {
        match &self.0 {
            Form::Plain(value) => value,
            Form::Made(made) => &made.value,
        }
    }

    fn made(&self) -> Option<&Made> {
        match &self.0 {
            Form::Plain(_) => None,
            Form::Made(made) => Some(made),
        }
    }

    /// The text, when all of it is known.
    pub fn as_known(&self) -> Option<&str> {
        self.is_known().then_some(self.raw())
    }

    /// Whether all of it is known.
    pub fn is_known(&self) -> bool {
        self.unknowns().is_empty()
    }

    /// The unknown parts, in order.
    pub fn unknowns(&self) -> &[Unknown] {
        self.made().map_or(&[], |m| &m.unknowns)
    }

    /// Where its stretches came from; empty when that is its own span.
    pub fn origin(&self) -> &[Segment] {
        self.made().map_or(&[], |m| &m.origin)
    }

    /// The bytes `from..to` as a text of their own, with their origin.
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

    /// Where the bytes `start..end` of the text came from, `whole` being the place of all of it.
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

/// A text that is being put together.
#[derive(Debug, Default)]
pub struct TextBuilder {
    value: String,
    unknowns: Vec<Unknown>,
    origin: Vec<Segment>,
}

impl TextBuilder {
    /// Appends a text; `span` is its place.
    pub fn push(&mut self, text: &Text, span: Span) {
        let base = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        if text.origin().is_empty() {
            self.origin.push(Segment { at: base, span, exact: false });
        }
        self.origin.extend(text.origin().iter().map(|s| Segment { at: base + s.at, ..*s }));
        self.value.push_str(text.raw());
        self.unknowns.extend(text.unknowns().iter().cloned());
    }

    /// Appends letters; `span` is what they come from.
    pub fn put(&mut self, letters: &str, span: Span) {
        let at = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        self.origin.push(Segment { at, span, exact: false });
        self.value.push_str(letters);
    }

    /// Its length so far, in bytes.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The text.
    pub fn text(self) -> Text {
        Text::with_origin(self.value, self.unknowns, self.origin)
    }

    /// The text without where its parts came from.
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
