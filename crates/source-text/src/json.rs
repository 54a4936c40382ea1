//! A strict JSON parser (RFC 8259) that keeps the span of every value and every repeated key.
use std::borrow::Cow;
use std::sync::Arc;

use crate::source::Span;
use crate::value::{Data, Member, Text, Value};

mod malformed;

pub use malformed::Malformed;

/// Depth of nested lists and objects.
const MAX_NESTING: usize = 512;
/// Keys, numbers and short texts that are interned, so that repeated ones are kept once.
const MAX_INTERNED: usize = 32;
/// Bytes of the longest text that is interned: `Allow`, `Deny`, `*`.
const MAX_INTERNED_LENGTH: usize = 5;

/// Parses a JSON text; `locate` turns byte offsets of `text` into spans.
///
/// # Errors
/// If the text is not JSON, or nests deeper than 512 levels.
pub fn parse(text: &str, location: &dyn Fn(usize, usize) -> Span) -> Result<Value, Malformed> {
    let skipped = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: skipped,
        depth: 0,
        known: Vec::new(),
        values: Vec::new(),
        members: Vec::new(),
        location,
    };
    reader.document().ok_or_else(|| malformed::diagnose(&text[skipped..], skipped, reader.at))
}

/// Reads one document from front to back. When a method returns `None`, `at` is the offset that it could not read.
struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    known: Vec<Arc<str>>,
    /// The elements so far of the lists and objects that are open.
    values: Vec<Value>,
    members: Vec<Member>,
    location: &'a dyn Fn(usize, usize) -> Span,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<Value> {
        let value = self.value()?;
        self.skip_space();
        (self.at == self.bytes.len()).then_some(value)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        let space = |b: &&u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.bytes[self.at..].iter().take_while(space).count();
    }

    /// Skips a byte that must come next.
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_space();
        let start = self.at;
        let data = match self.peek()? {
            b'"' => {
                let text = self.string()?;
                Data::String(Text::known(if text.len() <= MAX_INTERNED_LENGTH {
                    self.shared(&text)
                } else {
                    Arc::from(text)
                }))
            }
            b'{' => self.nested(Reader::object)?,
            b'[' => self.nested(Reader::array)?,
            b't' => self.word("true", Data::Bool(true))?,
            b'f' => self.word("false", Data::Bool(false))?,
            b'n' => self.word("null", Data::Null)?,
            _ => self.number()?,
        };
        Some(Value::new(data, (self.location)(start, self.at)))
    }

    fn word(&mut self, word: &str, data: Data) -> Option<Data> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            data
        })
    }

    fn nested(&mut self, read: fn(&mut Reader<'a>) -> Option<Data>) -> Option<Data> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return None;
        }
        self.at += 1;
        self.skip_space();
        let data = read(self)?;
        self.depth -= 1;
        Some(data)
    }

    fn array(&mut self) -> Option<Data> {
        let first = self.values.len();
        if self.take(b']').is_none() {
            loop {
                let value = self.value()?;
                self.values.push(value);
                if self.ends(b']')? {
                    break;
                }
            }
        }
        Some(Data::Array(cut(&mut self.values, first)))
    }

    fn object(&mut self) -> Option<Data> {
        let first = self.members.len();
        if self.take(b'}').is_none() {
            loop {
                self.skip_space();
                let start = self.at;
                let key = self.key()?;
                let key_span = (self.location)(start, self.at);
                self.skip_space();
                self.take(b':')?;
                let value = self.value()?;
                self.members.push(Member { key, key_span, value });
                if self.ends(b'}')? {
                    break;
                }
            }
        }
        Some(Data::Object(cut(&mut self.members, first)))
    }

    /// Skips a comma or the end of a list or object; returns whether it was the end.
    fn ends(&mut self, close: u8) -> Option<bool> {
        self.skip_space();
        let next = self.peek()?;
        (next == b',' || next == close).then(|| {
            self.at += 1;
            next == close
        })
    }

    fn key(&mut self) -> Option<Text> {
        let key = self.string()?;
        Some(Text::known(self.shared(&key)))
    }

    /// The interned text.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.iter().find(|k| ***k == *text) {
            return known.clone();
        }
        let text: Arc<str> = Arc::from(text);
        if self.known.len() < MAX_INTERNED {
            self.known.push(text.clone());
        }
        text
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let start = self.at;
        let plain = self.plain();
        if self.peek()? == b'"' {
            self.at += 1;
            return Some(Cow::Borrowed(plain));
        }
        self.at = start;
        let mut out = String::new();
        loop {
            out.push_str(self.plain());
            match self.peek()? {
                b'"' => break,
                b'\\' => out.push(self.escape()?),
                _ => return None,
            }
        }
        self.at += 1;
        Some(Cow::Owned(out))
    }

    /// The characters up to a quote, an escape or a control character.
    fn plain(&mut self) -> &'a str {
        let special = |b: &u8| matches!(b, b'"' | b'\\' | 0..=0x1F);
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(special).unwrap_or(rest.len());
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        text
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.bytes.get(self.at + 1)?;
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(*letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return None,
        };
        self.at += 2;
        Some(plain)
    }

    /// `\uXXXX`, or two of them for a character beyond the basic plane.
    fn unicode(&mut self) -> Option<char> {
        let unit = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let high = unit(self.at)?;
        let (code, length) = match high {
            0xD800..=0xDBFF => match unit(self.at + 6)? {
                low @ 0xDC00..=0xDFFF => (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 12),
                _ => return None,
            },
            _ => (high, 6),
        };
        let character = char::from_u32(code)?;
        self.at += length;
        Some(character)
    }

    fn number(&mut self) -> Option<Data> {
        let start = self.at;
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Data::Number(self.shared(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}

/// Takes the end of a stack, from `first` on, without spare capacity. If that is most of the stack, the rest is copied
/// instead.
fn cut<T>(stack: &mut Vec<T>, first: usize) -> Box<[T]> {
    if stack.len() - first > 64.max(first) {
        let rest = stack.drain(..first).collect();
        return std::mem::replace(stack, rest).into();
    }
    stack.drain(first..).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, Malformed> {
        parse(text, &|start, end| Span::new(0, start, end))
    }

    fn plain(value: &Value) -> serde_json::Value {
        match &value.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(b) => (*b).into(),
            Data::Number(n) => n.parse().unwrap(),
            Data::String(text) => text.raw().into(),
            Data::Array(list) => list.iter().map(plain).collect(),
            Data::Object(members) => members.iter().map(|m| (m.key.raw().to_owned(), plain(&m.value))).collect(),
            _ => panic!("JSON has no other values"),
        }
    }

    #[test]
    fn values_are_those_of_json_and_know_their_places() {
        let text = " {\"a\\u00e9\\ud83d\\ude00\" : [1, -0.5e+3, true, null, \"x\\n\", {}, []], \"ü\": \"\\\\\"} ";
        let value = read(text).unwrap();
        assert_eq!(plain(&value), serde_json::from_str::<serde_json::Value>(text).unwrap());
        let shown = |v: &Value| &text[v.span.start as usize..v.span.end as usize];
        assert_eq!(shown(&value), text.trim());
        assert_eq!(shown(&value.members()[1].value), "\"\\\\\"");
        assert_eq!(value.members()[0].value.elements().iter().map(shown).collect::<Vec<_>>()[1], "-0.5e+3");
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_is_wrong() {
        for (text, at) in [
            ("{\"a\": 01}", 7),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("{a: 1}", 1),
            ("\"\u{1}\"", 1),
            ("\"\\ud800\"", 1),
            ("\"\\x\"", 1),
            ("[1.]", 3),
            ("{} {}", 3),
            ("nul", 0),
            ("", 0),
            ("+1", 0),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text:?} is taken for JSON"));
            assert!(error.start.abs_diff(at) <= 2 && error.end <= text.len(), "{text:?}: {error:?}");
            assert!(!error.reason.is_empty());
        }
        assert!(
            read(&"[".repeat(100_000)).is_err() && read(&format!("{}{}", "[".repeat(513), "]".repeat(513))).is_err()
        );
        assert!(read(&format!("{}{}", "[".repeat(512), "]".repeat(512))).is_ok());
    }
}
