//! JSON inside a text of another document. Every part has its span in the outer file, and unknown parts of the text are
//! unknown parts of the values.
use crate::json::{self, Malformed};
use crate::source::Span;
use crate::value::{Data, PLACEHOLDER, Segment, Text, Unknown, Value};

/// Follows a placeholder that stands where JSON requires a value.
const WHOLE: char = '\u{E001}';

/// Bytes of a quoted placeholder: two quotes, the placeholder and the mark.
const QUOTED: usize = 8;
/// Bytes of it that are not in the original text: the quotes and the mark.
const ADDED: usize = 5;

/// Why an inner text is not JSON.
#[derive(Debug)]
pub struct EmbeddedJsonError {
    /// Where the text is not JSON.
    pub span: Span,
    /// What is wrong, in lower case.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
}

/// Parses a text as JSON; `whole` is the span of the text.
///
/// # Errors
/// If the text is not JSON whatever its unknown parts are.
pub fn parse(text: &Text, whole: Span) -> Result<Value, EmbeddedJsonError> {
    let (source, shifts) = quote_unknowns(text.raw(), text.is_known());
    let original = |at: usize| {
        let added = shifts.iter().map(|&s| {
            if at <= s {
                0
            } else if at < s + QUOTED {
                at - s
            } else {
                ADDED
            }
        });
        at - added.sum::<usize>()
    };
    let location = |start: usize, end: usize| text.locate(original(start), original(end), whole);
    let error = |e: Malformed| EmbeddedJsonError { span: location(e.start, e.end), reason: e.reason, help: e.help };
    let mut value = json::parse(&source, &location).map_err(error)?;
    if !text.is_known() {
        fill(&mut value, &mut text.unknowns().iter());
    }
    Ok(value)
}

/// Whether an unknown part of a JSON text is outside of its strings.
pub fn has_unknown_outside_strings(text: &Text) -> bool {
    !quote_unknowns(text.raw(), text.is_known()).1.is_empty()
}

/// Quotes and marks the placeholders outside of strings; returns the text and the offsets of the quoted placeholders.
fn quote_unknowns(text: &str, known: bool) -> (std::borrow::Cow<'_, str>, Vec<usize>) {
    if known {
        return (text.into(), Vec::new());
    }
    let (mut out, mut shifts) = (String::with_capacity(text.len() + 16), Vec::new());
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if c == PLACEHOLDER && !inside {
            shifts.push(out.len());
            out.extend(['"', PLACEHOLDER, WHOLE, '"']);
            continue;
        }
        if c == '"' && !escaped {
            inside = !inside;
        }
        escaped = c == '\\' && !escaped && inside;
        out.push(c);
    }
    (out.into(), shifts)
}

fn fill<'a>(value: &mut Value, unknowns: &mut impl Iterator<Item = &'a Unknown>) {
    match &mut value.data {
        Data::String(text) if text.raw().contains(PLACEHOLDER) => {
            let is_whole = text.raw().contains(WHOLE);
            let filled = take(text, unknowns);
            value.data = if is_whole {
                let unknown = filled.unknowns().first().cloned().unwrap_or_else(|| Unknown::plain("value"));
                let candidates = unknown.candidates.iter().map(decoded).collect();
                Data::Unknown(Box::new(Unknown { candidates, ..unknown }))
            } else {
                Data::String(filled)
            };
        }
        Data::Array(elements) => elements.iter_mut().for_each(|e| fill(e, unknowns)),
        Data::Object(members) => members.iter_mut().for_each(|m| {
            m.key = take(&m.key, unknowns);
            fill(&mut m.value, unknowns);
        }),
        _ => {}
    }
}

/// The value that a part of a JSON text encodes.
fn decoded(value: &Value) -> Value {
    match &value.data {
        Data::Encoded(inner) => inner.as_ref().clone(),
        Data::String(text) => parse(text, value.span).unwrap_or_else(|_| value.clone()),
        _ => value.clone(),
    }
}

fn take<'a>(text: &Text, unknowns: &mut impl Iterator<Item = &'a Unknown>) -> Text {
    let count = text.raw().chars().filter(|&c| c == PLACEHOLDER).count();
    let taken = unknowns.take(count).cloned().collect();
    Text::with_origin(text.raw().to_owned(), taken, Vec::new())
}

/// The text of a JSON string literal. `raw` is the literal with its quotes and `span` its span; every byte keeps the span
/// that it was written at.
pub fn unquote(raw: &str, span: Span) -> Text {
    let body = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    let (mut out, mut origin) = (String::with_capacity(body.len()), Vec::new());
    let mut at = 1;
    let mut rest = body;
    let mut mark = |out: &str, from: usize, length: usize, exact: bool| {
        let start = span.start as usize + from;
        let segment_span = Span::new(span.file, start, start + length);
        origin.push(Segment { at: u32::try_from(out.len()).unwrap_or(u32::MAX), span: segment_span, exact });
    };
    while !rest.is_empty() {
        let plain = rest.find('\\').unwrap_or(rest.len());
        if plain > 0 {
            mark(&out, at, plain, true);
            out.push_str(&rest[..plain]);
            at += plain;
            rest = &rest[plain..];
            continue;
        }
        let (c, length) = escape(rest);
        mark(&out, at, length, false);
        out.push(c);
        at += length;
        rest = &rest[length..];
    }
    Text::with_origin(out, Vec::new(), origin)
}

/// The character of the escape sequence at the start of `text`, and the length of the sequence in bytes.
fn escape(text: &str) -> (char, usize) {
    let unit = |at: usize| text.get(at..at + 4).and_then(|h| u32::from_str_radix(h, 16).ok());
    let simple = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => {
            let Some(high) = unit(2) else {
                return (char::REPLACEMENT_CHARACTER, text.len().min(2));
            };
            let low = text.get(6..8).filter(|p| *p == "\\u").and_then(|_| unit(8));
            return match (high, low) {
                (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                _ => (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            };
        }
        Some(&b) if b.is_ascii() => char::from(b),
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (simple, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_inside_an_escaped_literal_are_those_of_the_outer_file() {
        let raw = r#""{\"A\":\"x\u003cy\"}""#;
        let whole = Span::new(0, 10, 10 + raw.len());
        let value = parse(&unquote(raw, whole), whole).unwrap();
        let inner = value.get("A").unwrap();
        assert_eq!(inner.as_str(), Some("x<y"));
        let (start, end) = (inner.span.start as usize - 10, inner.span.end as usize - 10);
        assert_eq!(&raw[start..end], r#"\"x\u003cy\""#);
    }

    #[test]
    fn an_unknown_part_outside_a_string_is_an_unknown_value() {
        let unknown = |s: &str| Unknown::plain(s);
        let text = Text::with_origin(
            String::from("{\"A\":\u{E000},\"B\":\"x\u{E000}\",\"C\":1}"),
            vec![unknown("one"), unknown("two")],
            Vec::new(),
        );
        let value = parse(&text, Span::default()).unwrap();
        assert!(matches!(&value.get("A").unwrap().data, Data::Unknown(h) if h.source == "one"));
        assert_eq!(value.get("B").unwrap().as_text().unwrap().to_string(), "x${two}");
    }
}
