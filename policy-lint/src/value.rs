//! What every source is turned into before it is understood: a JSON-like tree whose every part knows where
//! it was written, and whose texts may have parts that only a plan can know.
use std::fmt;

use crate::pattern::HOLE;
use crate::source::Span;

mod choice;

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
    Number(String),
    /// A text.
    String(Text),
    /// A list.
    Array(Vec<Value>),
    /// An object; keys may repeat.
    Object(Vec<Member>),
    /// A text that is the JSON of this value.
    Encoded(Box<Value>),
    /// A value that is not known before it runs.
    Unknown(Hole),
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

/// A text, of which parts may be unknown: each such part is one [`HOLE`] character.
#[derive(Clone, Debug, Default)]
pub struct Text {
    value: String,
    holes: Vec<Hole>,
    origin: Vec<Segment>,
}

/// An unknown part of a text.
#[derive(Clone, Debug, Default)]
pub struct Hole {
    /// The expression as written, for messages.
    pub source: String,
    /// The Terraform reference it is, as `aws_s3_bucket.raw.arn`, when it is one.
    pub reference: Option<String>,
    /// What it can be, where that is known; see [`Value::one_of`].
    pub choices: Vec<Value>,
}

impl PartialEq for Hole {
    fn eq(&self, other: &Hole) -> bool {
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

impl Hole {
    /// Something that is not known and is not a reference.
    pub fn plain(source: impl Into<String>) -> Hole {
        Hole { source: source.into(), ..Hole::default() }
    }
}

impl Text {
    /// A text without unknown parts.
    pub fn known(value: impl Into<String>) -> Text {
        Text { value: value.into(), holes: Vec::new(), origin: Vec::new() }
    }

    /// A text that is one unknown part.
    pub fn unknown(hole: Hole) -> Text {
        Text { value: HOLE.to_string(), holes: vec![hole], origin: Vec::new() }
    }

    /// A text whose bytes came from the places that `origin` tells.
    pub fn with_origin(value: String, holes: Vec<Hole>, origin: Vec<Segment>) -> Text {
        Text { value, holes, origin }
    }

    /// The text with a [`HOLE`] for every unknown part.
    pub fn raw(&self) -> &str {
        &self.value
    }

    /// The text, when all of it is known.
    pub fn as_known(&self) -> Option<&str> {
        self.is_known().then_some(self.value.as_str())
    }

    /// Whether all of it is known.
    pub fn is_known(&self) -> bool {
        self.holes.is_empty()
    }

    /// The unknown parts, in order.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Where its stretches came from; empty when that is its own span.
    pub fn origin(&self) -> &[Segment] {
        &self.origin
    }

    /// Appends another text; `span` is the other's place.
    pub fn push(&mut self, other: &Text, span: Span) {
        let base = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        if other.origin.is_empty() {
            self.origin.push(Segment { at: base, span, exact: false });
        }
        self.origin.extend(other.origin.iter().map(|s| Segment { at: base + s.at, ..*s }));
        self.value.push_str(&other.value);
        self.holes.extend(other.holes.iter().cloned());
    }

    /// The bytes `from..to` as a text of their own, with their origin.
    pub fn slice(&self, from: usize, to: usize) -> Text {
        let count = |text: &str| text.matches(HOLE).count();
        let before = count(&self.value[..from]);
        let value = self.value[from..to].to_owned();
        let holes = self.holes.iter().skip(before).take(count(&value)).cloned().collect();
        let mut origin = Vec::new();
        for (i, segment) in self.origin.iter().enumerate() {
            let start = segment.at as usize;
            let end = self.origin.get(i + 1).map_or(self.value.len(), |n| n.at as usize);
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
        Text { value, holes, origin }
    }

    /// Where the bytes `start..end` of the text came from, `whole` being the place of all of it.
    pub fn locate(&self, start: usize, end: usize, whole: Span) -> Span {
        let segment = |byte: usize| {
            let next = self.origin.partition_point(|s| s.at as usize <= byte);
            next.checked_sub(1).and_then(|i| self.origin.get(i))
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

impl fmt::Display for Text {
    /// Unknown parts appear as `${source}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut holes = self.holes.iter();
        for c in self.value.chars() {
            match (c, c == HOLE) {
                (_, true) => match holes.next() {
                    Some(hole) => write!(f, "${{{}}}", hole.source)?,
                    None => write!(f, "{c}")?,
                },
                (c, _) => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

impl Value {
    /// A value at a place.
    pub fn new(data: Data, span: Span) -> Value {
        Value { data, span }
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
    pub fn unknown(hole: Hole, span: Span) -> Value {
        Value::new(Data::Unknown(hole), span)
    }

    /// Whether a value is not known at all.
    pub fn is_unknown(&self) -> bool {
        matches!(self.data, Data::Unknown(_))
    }

    /// The JSON Pointer of the part that `trail` leads to.
    pub fn pointer(&self, trail: &Trail) -> String {
        let mut pointer = String::new();
        let mut here = self;
        for &step in trail.steps() {
            let next = match &here.data {
                Data::Object(members) => members.get(step as usize).map(|m| {
                    let key = m.key.to_string().replace('~', "~0").replace('/', "~1");
                    pointer.push_str(&format!("/{key}"));
                    &m.value
                }),
                Data::Array(elements) => elements.get(step as usize).inspect(|_| pointer.push_str(&format!("/{step}"))),
                _ => None,
            };
            let Some(next) = next else { break };
            here = next;
        }
        pointer
    }
}

/// The way from a document's root to one of its parts: the number of the child at each level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    length: u8,
    steps: [u32; 6],
}

impl Trail {
    /// The way to a child; below the deepest level a policy has, the parent's own.
    pub fn child(self, step: usize) -> Trail {
        let mut next = self;
        if let Some(slot) = next.steps.get_mut(next.length as usize) {
            *slot = u32::try_from(step).unwrap_or(u32::MAX);
            next.length += 1;
        }
        next
    }

    fn steps(&self) -> &[u32] {
        &self.steps[..self.length as usize]
    }
}
