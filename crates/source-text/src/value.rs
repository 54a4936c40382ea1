//! Values with spans: a JSON-like tree in which every part knows where it was written, and in which a value or a part
//! of a text may be unknown until Terraform plans or applies it.
use std::sync::Arc;

use crate::node_path::NodePath;
use crate::source::Span;

/// Stands in a text for each part that is unknown; see [`Text::unknowns`].
pub const PLACEHOLDER: char = '\u{E000}';

/// A value and its span.
#[derive(Clone, Debug)]
pub struct Value {
    /// The value.
    pub data: Data,
    /// Where it was written.
    pub span: Span,
}

/// The data of a [`Value`].
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
    /// A text that is the JSON encoding of this value.
    Encoded(Box<Value>),
    /// A value that is unknown before a plan or an apply.
    Unknown(Box<Unknown>),
}

/// A key of an object with its value.
#[derive(Clone, Debug)]
pub struct Member {
    /// The key.
    pub key: Text,
    /// The span of the key.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

/// An unknown value, or an unknown part of a text.
#[derive(Clone, Debug, Default)]
pub struct Unknown {
    /// The expression as written, for messages.
    pub source: String,
    /// The attribute it refers to, by its address (`aws_s3_bucket.raw.arn`), when the expression is a reference.
    pub reference: Option<String>,
    /// The values it can have, where they are known; see [`Value::one_of`].
    pub candidates: Vec<Value>,
}

impl PartialEq for Unknown {
    fn eq(&self, other: &Unknown) -> bool {
        self.source == other.source && self.reference == other.reference
    }
}

/// A text. Each of its unknown parts is one [`PLACEHOLDER`] character.
#[derive(Clone, Debug)]
pub struct Text(pub(crate) TextRepr);

/// Most texts are plain; only texts of Terraform source have unknown parts or several origins.
#[derive(Clone, Debug)]
pub(crate) enum TextRepr {
    Plain(Arc<str>),
    Composed(Box<ComposedText>),
}

/// A text with its unknown parts and origins.
#[derive(Clone, Debug, Default)]
pub(crate) struct ComposedText {
    pub(crate) value: Arc<str>,
    pub(crate) unknowns: Vec<Unknown>,
    pub(crate) origin: Vec<Segment>,
}

/// The origin of a stretch of a text, where it is not the text's own span. A stretch ends where the next one begins.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Its first byte in the text.
    pub at: u32,
    /// Where the stretch was written.
    pub span: Span,
    /// Whether the bytes of the text and of the source correspond one to one.
    pub exact: bool,
}

// A document may have millions of these; a text of one byte takes 20 bytes at most.
const _: () = assert!(size_of::<Value>() <= 40 && size_of::<Member>() <= 72);

impl Value {
    /// A value with its span.
    #[inline]
    pub fn new(data: Data, span: Span) -> Value {
        Value { data, span }
    }

    /// A list with its span.
    pub fn list(elements: impl IntoIterator<Item = Value>, span: Span) -> Value {
        Value::new(Data::Array(elements.into_iter().collect()), span)
    }

    /// An object with its span.
    pub fn object(members: impl IntoIterator<Item = Member>, span: Span) -> Value {
        Value::new(Data::Object(members.into_iter().collect()), span)
    }

    /// The text, when it is one.
    #[inline]
    pub fn as_text(&self) -> Option<&Text> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, when it is one without unknown parts.
    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(Text::as_known)
    }

    /// The members of an object; none for anything else.
    #[inline]
    pub fn members(&self) -> &[Member] {
        match &self.data {
            Data::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list; none for anything else.
    #[inline]
    pub fn elements(&self) -> &[Value] {
        match &self.data {
            Data::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The value under `key`, the first when it repeats.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members().iter().find(|m| m.key.raw() == key).map(|m| &m.value)
    }

    /// The value under a path of keys, each of which is in the value of the one before.
    pub fn path(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The JSON type, with its article, for messages.
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

    /// An unknown value.
    pub fn unknown(unknown: Unknown, span: Span) -> Value {
        Value::new(Data::Unknown(Box::new(unknown)), span)
    }

    /// The unknown value, when it is one.
    #[inline]
    pub fn as_unknown(&self) -> Option<&Unknown> {
        match &self.data {
            Data::Unknown(unknown) => Some(unknown),
            _ => None,
        }
    }

    /// Whether the value as a whole is unknown.
    #[inline]
    pub fn is_unknown(&self) -> bool {
        matches!(self.data, Data::Unknown(_))
    }

    /// The JSON Pointer (RFC 6901) of the part at `node_path`.
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
