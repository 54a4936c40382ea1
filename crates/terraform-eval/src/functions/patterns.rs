//! Functions with regular expressions, over known texts. Terraform's engine and this one follow RE2.
use regex_lite::{Captures, Regex};
use source_text::{Data, Member, Span, Text, Value};

/// Applies a function; `None` if it is not one of these or nothing matches.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let [pattern, text] = arguments else { return None };
    match name {
        "regex" => {
            let (pattern, known) = (Regex::new(pattern.as_str()?).ok()?, text.as_str()?);
            Some(found(&pattern, &pattern.captures(known)?, text.span))
        }
        "regexall" => {
            let (pattern, known) = (Regex::new(pattern.as_str()?).ok()?, text.as_str()?);
            let all = pattern.captures_iter(known).map(|c| found(&pattern, &c, text.span));
            Some(Value::list(all, span))
        }
        _ => None,
    }
}

/// A match: the text, the list of its groups, or the object of its named groups.
fn found(pattern: &Regex, captures: &Captures<'_>, span: Span) -> Value {
    let group = |at: usize| match captures.get(at) {
        Some(part) => Value::new(Data::String(Text::known(part.as_str())), span),
        None => Value::new(Data::Null, span),
    };
    let names: Vec<(usize, &str)> = pattern.capture_names().enumerate().filter_map(|(i, n)| Some((i, n?))).collect();
    let data = match (captures.len(), names.is_empty()) {
        (1, _) => return group(0),
        (groups, true) => Data::Array((1..groups).map(group).collect()),
        (_, false) => {
            let member =
                |(at, name): (usize, &str)| Member { key: Text::known(name), key_span: span, value: group(at) };
            Data::Object(names.into_iter().map(member).collect())
        }
    };
    Value::new(data, span)
}

/// `replace` with a pattern between slashes.
pub(crate) fn replaced(value: &Value, pattern: &str, to: &str) -> Option<Value> {
    let pattern = Regex::new(pattern).ok()?;
    let text = pattern.replace_all(value.as_str()?, to).into_owned();
    Some(Value::new(Data::String(Text::known(text)), value.span))
}
