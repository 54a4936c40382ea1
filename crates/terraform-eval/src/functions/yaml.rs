//! `yamldecode`: the value of a YAML document, every part with its span.
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use source_text::{Data, Member, PLACEHOLDER, Span, Text, Unknown, Value};

use crate::values::{number, to_text};

/// Values of a document after its aliases are expanded.
const MAX_VALUES: usize = 50_000;
/// Depth of nested lists and mappings.
const MAX_NESTING: usize = 64;

/// Decodes a text with the span `whole`; `None` if Terraform rejects it.
pub(crate) fn decode(text: &Text, whole: Span) -> Option<Value> {
    let raw = text.raw();
    let mut reader = Reader { parser: Parser::new_from_str(raw), text, whole, anchors: HashMap::new(), made: 0 };
    while !matches!(reader.parser.next()?.ok()?.0, Event::DocumentStart(_)) {}
    let value = reader.next(0)?;
    let rest: Option<Vec<Event<'_>>> = reader.parser.map(|e| e.ok().map(|(event, _)| event)).collect();
    rest?.iter().all(|e| matches!(e, Event::DocumentEnd | Event::StreamEnd)).then_some(value)
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    text: &'a Text,
    whole: Span,
    anchors: HashMap<usize, Value>,
    made: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self, depth: usize) -> Option<Value> {
        let (event, at) = self.parser.next()?.ok()?;
        self.value(event, at, depth)
    }

    fn value(&mut self, event: Event<'a>, at: saphyr_parser::Span, depth: usize) -> Option<Value> {
        self.made += 1;
        if depth > MAX_NESTING || self.made > MAX_VALUES {
            return None;
        }
        let (from, to) = (self.byte(at.start.index()), self.byte(at.end.index()));
        let location = |from: usize, to: usize| self.text.locate(from, to.max(from + 1), self.whole);
        let start = location(from, to);
        let (anchor, data) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor)?.clone();
                self.made += size(&value);
                return (self.made <= MAX_VALUES).then_some(value);
            }
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.as_deref(), from)?),
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.parser.next()?.ok()? {
                        (Event::SequenceEnd, _) => break,
                        (event, at) => list.push(self.value(event, at, depth + 1)?),
                    }
                }
                (anchor, Data::Array(list.into()))
            }
            Event::MappingStart(anchor, _) => (anchor, Data::Object(self.mapping(depth)?.into())),
            _ => return None,
        };
        let value = Value::new(data, start);
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Some(value)
    }

    /// The members of a mapping; those of `<<` come before its own.
    fn mapping(&mut self, depth: usize) -> Option<Vec<Member>> {
        let (mut members, mut merged): (Vec<Member>, Vec<Member>) = (Vec::new(), Vec::new());
        loop {
            let key = match self.parser.next()?.ok()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, ScalarStyle::Plain, _, None), _) if text == "<<" => {
                    let Data::Object(more) = self.next(depth + 1)?.data else { return None };
                    merged.extend(more);
                    continue;
                }
                (event, at) => self.value(event, at, depth + 1)?,
            };
            let text = match &key.data {
                Data::Null | Data::Array(_) | Data::Object(_) => return None,
                _ => to_text(&key)?,
            };
            let value = self.next(depth + 1)?;
            members.retain(|m| m.key.raw() != text.raw());
            members.push(Member { key: text, key_span: key.span, value });
        }
        merged.retain(|m| !members.iter().any(|own| own.key.raw() == m.key.raw()));
        merged.extend(members);
        Some(merged)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, from: usize) -> Option<Data> {
        let unknowns = text.matches(PLACEHOLDER).count();
        if unknowns > 0 {
            let before = self.text.raw().get(..from)?.matches(PLACEHOLDER).count();
            let mut taken = self.text.unknowns().iter().skip(before).take(unknowns).cloned();
            return Some(match (style, text.chars().eq([PLACEHOLDER])) {
                (ScalarStyle::Plain, true) => {
                    Data::Unknown(Box::new(taken.next().unwrap_or_else(|| Unknown::plain(text))))
                }
                _ => Data::String(Text::with_origin(text, taken.collect(), Vec::new())),
            });
        }
        let string = || Some(Data::String(Text::known(text)));
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => string(),
            Some(_) => None,
            None if style == ScalarStyle::Plain => Some(plain(text)),
            None => string(),
        }
    }

    /// The offset in bytes of a character, by its number.
    fn byte(&self, character: usize) -> usize {
        let raw = self.text.raw();
        if raw.is_ascii() {
            return character.min(raw.len());
        }
        raw.char_indices().nth(character).map_or(raw.len(), |(at, _)| at)
    }
}

fn size(value: &Value) -> usize {
    let inner: usize = value.elements().iter().chain(value.members().iter().map(|m| &m.value)).map(size).sum();
    1 + inner
}

/// A scalar without quotes. Terraform has the booleans of YAML 1.1 and converts a date to a timestamp.
fn plain(text: &str) -> Data {
    let string = || Data::String(Text::known(text));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Data::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Data::Bool(false);
        }
        _ => {}
    }
    if is_date(text) {
        return Data::String(Text::known(format!("{text}T00:00:00Z")));
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    let based = |prefix: &str, base: u32| unsigned.strip_prefix(prefix).and_then(|d| i64::from_str_radix(d, base).ok());
    if let Some(number) = based("0x", 16).or_else(|| based("0o", 8)) {
        return Data::Number(number.to_string().into());
    }
    let is_number = text.len() - unsigned.len() < 2
        && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match text.trim_start_matches('+').parse::<i64>() {
        Ok(number) if is_number => Data::Number(number.to_string().into()),
        _ => match text.parse::<f64>() {
            Ok(parsed) if is_number => number(parsed),
            _ => string(),
        },
    }
}

fn is_date(text: &str) -> bool {
    let shape = |(i, b): (usize, u8)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}
