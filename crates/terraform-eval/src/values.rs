//! What Terraform does with values everywhere: conversions, equality, entries of collections, and their cost.
use source_text::{Data, Member, Span, Text, TextBuilder, Unknown, Value};

/// Elements of the largest list that a function may make.
pub(crate) const MAX_LIST_LENGTH: usize = 5_000;

/// A value as a condition: a boolean, or a text or number that Terraform converts to one.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match (&value.data, value.as_str()) {
        (Data::Bool(b), _) => Some(*b),
        (Data::Number(n), _) => Some(&**n != "0"),
        (_, Some("true")) => Some(true),
        (_, Some("false")) => Some(false),
        _ => None,
    }
}

/// A number as Terraform writes it.
pub(crate) fn number(value: f64) -> Data {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    Data::Number(if whole { format!("{value:.0}") } else { value.to_string() }.into())
}

/// The text of a value in a template.
pub(crate) fn to_text(value: &Value) -> Option<Text> {
    match &value.data {
        Data::String(text) => Some(text.clone()),
        Data::Number(n) => Some(Text::known(n.clone())),
        Data::Bool(b) => Some(Text::known(b.to_string())),
        Data::Unknown(unknown) => Some(Text::unknown((**unknown).clone())),
        Data::Encoded(inner) => Some(encode(inner)),
        _ => None,
    }
}

/// The keys and values that a `for` or a splat iterates over.
pub(crate) fn entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    match &value.data {
        Data::Array(list) => {
            let keyed = list
                .iter()
                .enumerate()
                .map(|(i, v)| (Value::new(Data::Number(i.to_string().into()), v.span), v.clone()));
            Some(keyed.collect())
        }
        Data::Object(members) => {
            let mut entries: Vec<&Member> = members.iter().collect();
            entries.sort_by(|a, b| a.key.raw().cmp(b.key.raw()));
            let keyed =
                entries.into_iter().map(|m| (Value::new(Data::String(m.key.clone()), m.key_span), m.value.clone()));
            Some(keyed.collect())
        }
        _ => None,
    }
}

/// One entry that represents every entry of an unknown collection.
pub(crate) fn unknown_entry(collection: &Value, span: Span, name: &str) -> (Value, Value) {
    let source = match &collection.data {
        Data::Unknown(unknown) => format!("{}[*]", unknown.source),
        _ => name.to_owned(),
    };
    (Value::unknown(Unknown::plain(format!("key of {source}")), span), Value::unknown(Unknown::plain(source), span))
}

/// The index of an element.
pub(crate) fn index(key: &Value) -> Option<usize> {
    match &key.data {
        Data::Number(n) => n.parse().ok(),
        Data::String(t) => t.as_known()?.parse().ok(),
        _ => None,
    }
}

/// The key of an instance as a suffix of its address; empty if it is unknown.
pub(crate) fn index_suffix(key: &Value) -> String {
    match &key.data {
        Data::Number(n) => format!("[{n}]"),
        Data::String(text) => text.as_known().map(|k| format!("[\"{k}\"]")).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Whether a value usually disables something: null, false, 0 or empty.
pub(crate) fn is_falsy(value: &Value) -> bool {
    match &value.data {
        Data::Null | Data::Bool(false) => true,
        Data::Number(n) => &**n == "0",
        Data::String(text) => text.raw().is_empty(),
        Data::Array(elements) => elements.is_empty(),
        Data::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The entries of a `for_each`. The elements of a set are their own keys, also if they are unknown.
pub(crate) fn each_entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    match &value.data {
        Data::Array(list) => {
            let raw = |v: &Value| to_text(v).map(|t| t.raw().to_owned());
            let is_key = |v: &&Value| v.as_text().is_some() || v.is_unknown();
            let mut keys: Vec<Value> = list.iter().filter(is_key).cloned().collect();
            keys.sort_by_key(raw);
            keys.dedup_by(|a, b| raw(a) == raw(b));
            (!list.iter().all(Value::is_unknown) || list.is_empty())
                .then(|| keys.into_iter().map(|v| (v.clone(), v)).collect())
        }
        _ => entries(value),
    }
}

/// The cost of copying a value, in evaluation steps.
pub(crate) fn cost(value: &Value) -> u64 {
    let inner: u64 = match &value.data {
        Data::Array(list) => list.iter().map(cost).sum(),
        Data::Object(members) => members.iter().map(|m| cost(&m.value)).sum(),
        Data::Encoded(inner) => cost(inner),
        Data::String(text) => {
            let unknowns = text.unknowns().iter().flat_map(|h| &h.candidates);
            text.raw().len() as u64 / 64 + text.origin().len() as u64 + unknowns.map(cost).sum::<u64>()
        }
        Data::Unknown(unknown) => unknown.candidates.iter().map(cost).sum(),
        _ => 0,
    };
    1 + inner
}

/// One of several values without duplicates; the value itself if all are equal.
pub(crate) fn any_of(values: Vec<Value>, source: String, span: Span) -> Value {
    let mut different: Vec<Value> = Vec::new();
    for value in values {
        if !different.iter().any(|d| equal(d, &value) == Some(true)) {
            different.push(value);
        }
    }
    match different.len() {
        1 => different.swap_remove(0),
        _ => Value::one_of(different, source, span),
    }
}

/// The first value that is not absent. An unknown value may be absent, unless it is an attribute of a resource.
pub(crate) fn first_of(values: &[Value], absent: impl Fn(&Value) -> bool, span: Span) -> Option<Value> {
    let mut possible: Vec<Value> = Vec::new();
    for value in values {
        let Data::Unknown(unknown) = &value.data else {
            if absent(value) {
                continue;
            }
            possible.push(value.clone());
            break;
        };
        possible.push(value.clone());
        if unknown.reference.is_some() {
            break;
        }
    }
    let source = to_text(possible.first()?).map(|t| t.to_string()).unwrap_or_default();
    Some(any_of(possible, source, span))
}

/// The JSON text of a value as Terraform writes it, except that `<`, `>` and `&` are not escaped.
pub(crate) fn encode(value: &Value) -> Text {
    let mut text = TextBuilder::default();
    write(value, &mut text);
    text.finish_without_origin()
}

fn write(value: &Value, out: &mut TextBuilder) {
    let span = value.span;
    let put = |out: &mut TextBuilder, s: &str| out.put(s, span);
    match &value.data {
        Data::Null => put(out, "null"),
        Data::Bool(b) => put(out, if *b { "true" } else { "false" }),
        Data::Number(n) => put(out, n),
        Data::String(text) => {
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.unknowns().to_vec(), Vec::new()), span);
        }
        Data::Encoded(inner) => {
            let text = encode(inner);
            let quoted = serde_json::to_string(text.raw()).unwrap_or_default();
            out.push(&Text::with_origin(quoted, text.unknowns().to_vec(), Vec::new()), span);
        }
        Data::Unknown(unknown) => out.push(&Text::unknown((**unknown).clone()), span),
        Data::Array(list) => {
            put(out, "[");
            for (i, element) in list.iter().enumerate() {
                if i > 0 {
                    put(out, ",");
                }
                write(element, out);
            }
            put(out, "]");
        }
        Data::Object(members) => {
            put(out, "{");
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    put(out, ",");
                }
                let key = serde_json::to_string(member.key.raw()).unwrap_or_default();
                out.push(&Text::with_origin(format!("{key}:"), member.key.unknowns().to_vec(), Vec::new()), span);
                write(&member.value, out);
            }
            put(out, "}");
        }
    }
}

/// Whether two values are equal; `None` if that is unknown.
pub(crate) fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (&a.data, &b.data) {
        (Data::Unknown(_), _) | (_, Data::Unknown(_)) => None,
        (Data::Null, Data::Null) => Some(true),
        (Data::Null, _) | (_, Data::Null) => Some(false),
        (Data::Array(x), Data::Array(y)) => {
            if x.len() != y.len() {
                return Some(false);
            }
            x.iter().zip(y).try_fold(true, |same, (a, b)| Some(same && equal(a, b)?))
        }
        (Data::Object(x), Data::Object(_)) => {
            if x.len() != b.members().len() {
                return Some(false);
            }
            x.iter().try_fold(true, |same, m| match b.get(m.key.raw()) {
                Some(other) => Some(same && equal(&m.value, other)?),
                None => Some(false),
            })
        }
        (Data::Array(_) | Data::Object(_), _) | (_, Data::Array(_) | Data::Object(_)) => Some(false),
        _ => {
            let (a, b) = (to_text(a)?, to_text(b)?);
            if a.is_known() && b.is_known() {
                return Some(a.raw() == b.raw());
            }
            (!a.may_equal(&b)).then_some(false)
        }
    }
}

pub(crate) fn is_known(value: &Value) -> bool {
    match &value.data {
        Data::Unknown(_) => false,
        Data::String(text) => text.is_known(),
        Data::Encoded(inner) => is_known(inner),
        _ => {
            value.elements().iter().all(is_known)
                && value.members().iter().all(|m| m.key.is_known() && is_known(&m.value))
        }
    }
}
