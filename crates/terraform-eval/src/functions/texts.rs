//! Functions over texts. Unknown parts of a text are kept where the result does not depend on them.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use source_text::{Data, Member, PLACEHOLDER, Span, Text, TextBuilder, Value};

use super::{formats, patterns};
use crate::values::to_text;

/// What `urlencode` encodes: everything but letters, digits and these four. Terraform encodes a space as `+`; this is `%20`.
const ENCODED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn decoded(text: &str) -> Option<Text> {
    Some(Text::known(String::from_utf8(BASE64.decode(text).ok()?).ok()?))
}

/// Applies a function; `None` if it is not a function over texts or its result is unknown.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let text = |t: Text, at: Span| Some(Value::new(Data::String(t), at));
    let known = |i: usize| arguments.get(i).and_then(Value::as_str);
    let plain = |s: String| text(Text::known(s), arguments.first().map_or(span, |v| v.span));
    let truth = |b: bool| Some(Value::new(Data::Bool(b), span));
    match (name, arguments) {
        ("join", [separator, list]) => text(join(separator.as_str()?, list)?, span),
        ("split", [separator, value]) => split(separator.as_str()?, value),
        ("format", [format, rest @ ..]) => text(formats::format(format.as_str()?, rest, format.span)?, span),
        ("formatlist", [format, rest @ ..]) => formats::format_list(format.as_str()?, rest, span),
        ("lower", [value]) => changed(value, &str::to_lowercase),
        ("upper", [value]) => changed(value, &str::to_uppercase),
        ("trimspace", [value]) => changed(value, &|s| s.trim().to_owned()),
        ("chomp", [value]) => changed(value, &|s| s.trim_end_matches(['\n', '\r']).to_owned()),
        ("replace", [value, _, _]) => {
            let from = known(1).filter(|f| !f.is_empty())?;
            match from.strip_prefix('/').and_then(|f| f.strip_suffix('/')) {
                Some(pattern) => patterns::replaced(value, pattern, known(2)?),
                None => replaced(value, from, &to_text(&arguments[2])?),
            }
        }
        ("trimprefix", [value, _]) => {
            changed(value, &|s| s.strip_prefix(known(1).unwrap_or("")).unwrap_or(s).to_owned())
        }
        ("trimsuffix", [value, _]) => {
            changed(value, &|s| s.strip_suffix(known(1).unwrap_or("")).unwrap_or(s).to_owned())
        }
        ("trim", [_, _]) => plain(known(0)?.trim_matches(|c| known(1).unwrap_or("").contains(c)).to_owned()),
        ("title", [_]) => plain(title(known(0)?)),
        ("strrev", [_]) => plain(known(0)?.chars().rev().collect()),
        ("indent", [_, value]) => {
            let pad = " ".repeat(to_text(&arguments[0])?.as_known()?.parse::<usize>().ok()?.min(64));
            changed(value, &|s| s.replace('\n', &format!("\n{pad}")))
        }
        ("substr", [_, from, length]) => plain(substring(known(0)?, from, length)?),
        ("startswith", [_, _]) => truth(known(0)?.starts_with(known(1)?)),
        ("endswith", [_, _]) => truth(known(0)?.ends_with(known(1)?)),
        ("strcontains", [_, _]) => truth(known(0)?.contains(known(1)?)),
        ("base64encode", [value]) => plain(BASE64.encode(to_text(value)?.as_known()?)),
        ("base64decode", [value]) => text(decoded(known(0)?)?, value.span),
        ("textencodebase64", [value, _]) if known(1) == Some("UTF-8") => {
            plain(BASE64.encode(to_text(value)?.as_known()?))
        }
        ("textdecodebase64", [value, _]) if known(1) == Some("UTF-8") => text(decoded(known(0)?)?, value.span),
        ("urlencode", [_]) => plain(percent_encoding::utf8_percent_encode(known(0)?, ENCODED).to_string()),
        _ => None,
    }
}

fn substring(text: &str, from: &Value, length: &Value) -> Option<String> {
    let number = |v: &Value| to_text(v)?.as_known()?.parse::<i64>().ok();
    let characters: Vec<char> = text.chars().collect();
    let (from, length) = (number(from)?, number(length)?);
    let start = if from < 0 { characters.len().checked_sub(from.unsigned_abs() as usize)? } else { from as usize };
    let count = if length < 0 { characters.len() } else { length as usize };
    Some(characters.into_iter().skip(start).take(count).collect())
}

/// Functions over paths, without asking the disk.
pub(crate) fn path(name: &str, path: &str, span: Span) -> Option<Value> {
    let as_path = std::path::Path::new(path);
    let text = match name {
        "basename" => as_path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        "dirname" => as_path.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default(),
        "abspath" => source_text::paths::absolute(as_path).to_string_lossy().into_owned(),
        _ if !path.starts_with('~') => path.to_owned(),
        _ => return None,
    };
    Some(Value::new(Data::String(Text::known(text)), span))
}

/// Changes the known parts of a text.
/// A text, or every text of an encoded document, with `from` replaced.
fn replaced(value: &Value, from: &str, to: &Text) -> Option<Value> {
    let inside = |v: &Value| replaced(v, from, to);
    let data = match &value.data {
        Data::Encoded(inner) => Data::Encoded(Box::new(inside(inner)?)),
        Data::Array(list) => Data::Array(list.iter().map(inside).collect::<Option<_>>()?),
        Data::Object(members) => {
            let member = |m: &Member| Some(Member { value: inside(&m.value)?, ..m.clone() });
            Data::Object(members.iter().map(member).collect::<Option<_>>()?)
        }
        Data::String(text) if text.raw().contains(from) => {
            let mut made = TextBuilder::default();
            let mut at = 0;
            for (found, _) in text.raw().match_indices(from) {
                made.push(&text.slice(at, found), value.span);
                made.push(to, value.span);
                at = found + from.len();
            }
            made.push(&text.slice(at, text.raw().len()), value.span);
            Data::String(made.finish())
        }
        other => other.clone(),
    };
    Some(Value::new(data, value.span))
}

fn changed(value: &Value, change: &dyn Fn(&str) -> String) -> Option<Value> {
    let text = to_text(value)?;
    let unknowns = text.unknowns().to_vec();
    let new = change(text.raw());
    let kept = new.matches(PLACEHOLDER).count() == text.raw().matches(PLACEHOLDER).count();
    kept.then(|| Value::new(Data::String(Text::with_origin(new, unknowns, Vec::new())), value.span))
}

fn title(text: &str) -> String {
    let mut before = ' ';
    let letter = |c: char| {
        let first = !before.is_alphanumeric();
        before = c;
        if first { c.to_uppercase().collect::<String>() } else { c.to_string() }
    };
    text.chars().map(letter).collect()
}

fn join(separator: &str, list: &Value) -> Option<Text> {
    let Data::Array(elements) = &list.data else { return None };
    let mut joined = TextBuilder::default();
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            joined.put(separator, list.span);
        }
        joined.push(&to_text(element)?, element.span);
    }
    Some(joined.finish())
}

fn split(separator: &str, value: &Value) -> Option<Value> {
    let text = to_text(value)?;
    if separator.is_empty() {
        return None;
    }
    let mut unknowns = text.unknowns().iter();
    let part = |part: &str| {
        let count = part.matches(PLACEHOLDER).count();
        let taken = unknowns.by_ref().take(count).cloned().collect();
        Value::new(Data::String(Text::with_origin(part.to_owned(), taken, Vec::new())), value.span)
    };
    Some(Value::list(text.raw().split(separator).map(part), value.span))
}
