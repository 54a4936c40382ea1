//! JSON text to [`Value`]: strict, with the place of every part and every repeated key.
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::source::Span;
use crate::value::{Data, Member, Text, Value};

/// What is wrong with a text that is not JSON.
#[derive(Debug)]
pub struct Malformed {
    /// First byte of the offending part.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What is wrong, in lower case.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
}

/// Parses a file's text; `place` turns byte offsets of `text` into spans.
pub fn parse(text: &str, place: &dyn Fn(usize, usize) -> Span) -> Result<Value, Malformed> {
    let skipped = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let parsed = parse_to_ast(&text[skipped..], &CollectOptions::default(), &strict());
    match parsed {
        Ok(result) => match result.value {
            Some(value) => Ok(convert(&value, &|a, b| place(a + skipped, b + skipped))),
            None => Err(Malformed {
                start: 0,
                end: text.len().min(1),
                reason: String::from("the text is empty"),
                help: "write a policy document, or remove the file",
            }),
        },
        Err(error) => Err(malformed(&text[skipped..], skipped, &error)),
    }
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn malformed(text: &str, skipped: usize, error: &jsonc_parser::errors::ParseError) -> Malformed {
    let range = error.range();
    let lenient = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).is_ok();
    let message = error.kind().to_string();
    let mut letters = message.chars();
    let reason = letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect());
    let help = if lenient {
        "the text is JSON with extensions; policies take plain JSON only: no comments, trailing commas or single quotes"
    } else {
        "mend the JSON at this place; nothing after it was checked"
    };
    let start = range.start.min(text.len());
    Malformed { start: start + skipped, end: range.end.clamp(start, text.len()) + skipped, reason, help }
}

fn convert(value: &ast::Value<'_>, place: &dyn Fn(usize, usize) -> Span) -> Value {
    let range = value.range();
    let data = match value {
        ast::Value::NullKeyword(_) => Data::Null,
        ast::Value::BooleanLit(b) => Data::Bool(b.value),
        ast::Value::NumberLit(n) => Data::Number(n.value.to_owned()),
        ast::Value::StringLit(s) => Data::String(Text::known(s.value.as_ref())),
        ast::Value::Array(a) => Data::Array(a.elements.iter().map(|e| convert(e, place)).collect()),
        ast::Value::Object(o) => Data::Object(o.properties.iter().map(|p| member(p, place)).collect()),
    };
    Value::new(data, place(range.start, range.end))
}

fn member(property: &ast::ObjectProp<'_>, place: &dyn Fn(usize, usize) -> Span) -> Member {
    let range = property.name.range();
    Member {
        key: Text::known(property.name.as_str()),
        key_span: place(range.start, range.end),
        value: convert(&property.value, place),
    }
}
