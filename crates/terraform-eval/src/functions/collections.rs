//! Functions over lists, sets and maps. An unknown element stays one.
use source_text::{Data, Member, Span, Text, Value};

use crate::member_groups::{MemberGroup, insert};
use crate::values::{MAX_LIST_LENGTH, any_of, entries, equal, first_of, to_text};

/// Applies a function; `None` if it is not a function over collections or its result is unknown.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let list = |values: Vec<Value>| (values.len() <= MAX_LIST_LENGTH).then(|| Value::list(values, span));
    match (name, arguments) {
        ("concat", lists) => list(lists.iter().flat_map(parts).collect()),
        ("flatten", [value]) => {
            let mut flat = Vec::new();
            flatten(value, &mut flat, 0)?;
            list(flat)
        }
        ("merge", maps) => merge(maps, span),
        ("distinct" | "toset", [value]) => {
            let mut values = distinct(value)?;
            if name == "toset" {
                values.sort_by_key(key);
            }
            list(values)
        }
        // Before Terraform 0.12, lists and maps were made by functions.
        ("list", _) => list(arguments.to_vec()),
        ("map", pairs) => {
            let (keys, values): (Vec<Value>, Vec<Value>) =
                pairs.chunks_exact(2).map(|p| (p[0].clone(), p[1].clone())).unzip();
            zipmap(&Value::list(keys, span), &Value::list(values, span), span)
        }
        ("tolist", [value]) => Some(Value::list(elements(value)?, value.span)),
        ("tomap", [value]) => matches!(value.data, Data::Object(_)).then(|| value.clone()),
        ("compact", [value]) => {
            let absent = |v: &Value| matches!(v.data, Data::Null) || v.as_str() == Some("");
            list(elements(value)?.into_iter().filter(|v| !absent(v)).collect())
        }
        ("coalescelist", lists) => first_of(lists, |l| l.elements().is_empty(), span),
        _ => {
            entry(name, arguments, span).or_else(|| order(name, arguments, span)).or_else(|| set(name, arguments, span))
        }
    }
}

/// Functions that select from a collection.
fn entry(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let list = |values: Vec<Value>| Some(Value::list(values, span));
    match (name, arguments) {
        ("keys", [value]) => match &value.data {
            Data::Object(_) => list(entries(value)?.into_iter().map(|(k, _)| k).collect()),
            _ => None,
        },
        ("values", [value]) => match &value.data {
            Data::Object(_) => list(entries(value)?.into_iter().map(|(_, v)| v).collect()),
            _ => None,
        },
        ("lookup", [map, key, ..]) => {
            let Data::Object(_) = &map.data else { return None };
            let Some(key) = key.as_str() else {
                let any = map.members().iter().map(|m| &m.value).chain(arguments.get(2)).cloned().collect();
                return Some(any_of(any, source(key), span));
            };
            let absent = || arguments.get(2).filter(|_| map.members().iter().all(|m| m.key.is_known()));
            map.get(key).or_else(absent).cloned()
        }
        ("element", [value, index]) => element(value, index, span),
        ("one", [value]) => match elements(value)?.as_slice() {
            [] => Some(Value::new(Data::Null, span)),
            [only] => Some(only.clone()),
            _ => None,
        },
        ("index", [value, wanted]) => {
            let values = elements(value)?;
            let same = |v: &Value| equal(v, wanted);
            let at = values.iter().map(same).take_while(|s| *s == Some(false)).count();
            let number = values.get(at).filter(|v| same(v) == Some(true)).map(|_| at)?;
            Some(Value::new(Data::Number(number.to_string().into()), span))
        }
        ("matchkeys", [values, keys, wanted]) => {
            let pairs = elements(values)?.into_iter().zip(elements(keys)?);
            let kept = pairs.map(|(v, k)| Some((v, contains(wanted, &k)?))).collect::<Option<Vec<_>>>()?;
            list(kept.into_iter().filter(|(_, keep)| *keep).map(|(v, _)| v).collect())
        }
        ("transpose", [value]) => transpose(value, span),
        ("length", [value]) => length(value).map(|n| Value::new(Data::Number(n.to_string().into()), span)),
        ("contains", [value, wanted]) => contains(value, wanted).map(|b| Value::new(Data::Bool(b), span)),
        _ => None,
    }
}

fn element(value: &Value, index: &Value, span: Span) -> Option<Value> {
    let values = elements(value)?;
    if index.is_unknown() {
        return Some(any_of(values, source(index), span));
    }
    let index: i64 = to_text(index)?.as_known()?.parse().ok()?;
    values.get(usize::try_from(index.checked_rem_euclid(values.len() as i64)?).ok()?).cloned()
}

/// Functions over the order of a list.
fn order(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let list = |values: Vec<Value>| Some(Value::list(values, span));
    match (name, arguments) {
        ("reverse", [value]) => list(elements(value)?.into_iter().rev().collect()),
        ("sort", [value]) => {
            let mut values = elements(value)?;
            values.sort_by_key(key);
            list(values)
        }
        ("slice", [value, from, to]) => {
            let at = |v: &Value| to_text(v)?.as_known()?.parse::<usize>().ok();
            elements(value)?.get(at(from)?..at(to)?).map(<[Value]>::to_vec).and_then(list)
        }
        ("chunklist", [value, size]) => {
            let size: usize = to_text(size)?.as_known()?.parse().ok()?;
            let chunk = |c: &[Value]| Value::list(c.to_vec(), span);
            list(elements(value)?.chunks(if size == 0 { usize::MAX } else { size }).map(chunk).collect())
        }
        ("range", bounds) => range(bounds, span),
        ("zipmap", [keys, values]) => zipmap(keys, values, span),
        _ => None,
    }
}

/// Functions over sets and booleans.
fn set(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let list = |values: Vec<Value>| (values.len() <= MAX_LIST_LENGTH).then(|| Value::list(values, span));
    match (name, arguments) {
        ("setproduct", lists) => product(lists, span),
        ("setunion", sets) => list(distinct(&Value::list(sets.iter().flat_map(parts), span))?),
        ("setintersection", [first, second, more @ ..]) if !more.is_empty() => {
            let both = set(name, &[first.clone(), second.clone()], span)?;
            set(name, &[&[both], more].concat(), span)
        }
        ("setintersection" | "setsubtract", [first, second]) => {
            let others: Vec<String> = elements(second)?.iter().map(known_key).collect::<Option<_>>()?;
            let keep = |v: &Value| known_key(v).map(|k| others.contains(&k) == (name == "setintersection"));
            let values = elements(first)?;
            let marks = values.iter().map(keep).collect::<Option<Vec<_>>>()?;
            list(values.into_iter().zip(marks).filter(|(_, keep)| *keep).map(|(v, _)| v).collect())
        }
        ("anytrue" | "alltrue", [value]) => {
            let bools = elements(value)?
                .iter()
                .map(|v| if let Data::Bool(b) = v.data { Some(b) } else { None })
                .collect::<Option<Vec<_>>>()?;
            let answer = if name == "anytrue" { bools.contains(&true) } else { !bools.contains(&false) };
            Some(Value::new(Data::Bool(answer), span))
        }
        _ => None,
    }
}

/// The elements of a list; a value that is not a list is one unknown element.
fn parts(value: &Value) -> Vec<Value> {
    match &value.data {
        Data::Array(list) => list.to_vec(),
        Data::Null => Vec::new(),
        _ => vec![value.clone()],
    }
}

fn elements(value: &Value) -> Option<Vec<Value>> {
    match &value.data {
        Data::Array(list) => Some(list.to_vec()),
        _ => None,
    }
}

fn flatten(value: &Value, flat: &mut Vec<Value>, depth: u32) -> Option<()> {
    match &value.data {
        Data::Array(list) if depth < 64 => list.iter().try_for_each(|v| flatten(v, flat, depth + 1)),
        _ => {
            flat.push(value.clone());
            (flat.len() <= MAX_LIST_LENGTH).then_some(())
        }
    }
}

/// `transpose`: the texts of the lists as keys, each with the keys of its lists.
fn transpose(value: &Value, span: Span) -> Option<Value> {
    let mut groups: Vec<MemberGroup> = Vec::new();
    for (key, texts) in entries(value).filter(|_| !value.members().is_empty())? {
        for text in elements(&texts)? {
            let known = to_text(&text).filter(Text::is_known)?;
            insert(&mut groups, MemberGroup { key: known, span: text.span, values: vec![key.clone()] }, true);
        }
    }
    Some(Value::object(groups.into_iter().filter_map(|k| k.member(true)), span))
}

/// `merge`: with an unknown map the result is unknown, or the known maps alone.
fn merge(maps: &[Value], span: Span) -> Option<Value> {
    let mut members: Vec<Member> = Vec::new();
    if let Some(unknown) = maps.iter().find(|m| m.is_unknown()) {
        let known: Vec<Value> = maps.iter().filter(|m| !m.is_unknown()).cloned().collect();
        let both = vec![merge(&known, span).filter(|m| !m.members().is_empty())?, unknown.clone()];
        return Some(Value::one_of(both, source(unknown), span));
    }
    for map in maps {
        match &map.data {
            Data::Null => {}
            Data::Object(more) => {
                for member in more {
                    members.retain(|m| m.key.raw() != member.key.raw());
                    members.push(member.clone());
                }
            }
            _ => return None,
        }
    }
    Some(Value::object(members, span))
}

fn source(value: &Value) -> String {
    to_text(value).and_then(|t| t.unknowns().first().map(|h| h.source.clone())).unwrap_or_default()
}

fn key(value: &Value) -> String {
    to_text(value).map(|t| t.to_string()).unwrap_or_default()
}

fn known_key(value: &Value) -> Option<String> {
    to_text(value)?.as_known().map(str::to_owned)
}

fn distinct(value: &Value) -> Option<Vec<Value>> {
    let mut seen: Vec<Value> = Vec::new();
    for element in elements(value)? {
        let known = seen.iter().any(|s| equal(s, &element) == Some(true) || same_unknown(s, &element));
        if !known {
            seen.push(element);
        }
    }
    Some(seen)
}

fn same_unknown(a: &Value, b: &Value) -> bool {
    match (to_text(a), to_text(b)) {
        (Some(a), Some(b)) => !a.is_known() && a.raw() == b.raw() && a.unknowns() == b.unknowns(),
        _ => false,
    }
}

fn length(value: &Value) -> Option<usize> {
    match &value.data {
        Data::Array(list) if !list.iter().any(Value::is_unknown) => Some(list.len()),
        Data::Object(members) => Some(members.len()),
        Data::String(text) => text.as_known().map(|t| t.chars().count()),
        _ => None,
    }
}

fn contains(value: &Value, wanted: &Value) -> Option<bool> {
    let answers: Vec<Option<bool>> = elements(value)?.iter().map(|v| equal(v, wanted)).collect();
    if answers.contains(&Some(true)) {
        Some(true)
    } else {
        answers.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
    }
}

fn range(bounds: &[Value], span: Span) -> Option<Value> {
    let numbers = bounds.iter().map(|v| to_text(v)?.as_known()?.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
    let (from, to, step) = match numbers.as_slice() {
        [to] => (0, *to, 1),
        [from, to] => (*from, *to, if from <= to { 1 } else { -1 }),
        [from, to, step] => (*from, *to, *step),
        _ => return None,
    };
    let mut values = Vec::new();
    let mut at = from;
    while step != 0 && values.len() < 1024 && if step > 0 { at < to } else { at > to } {
        values.push(Value::new(Data::Number(at.to_string().into()), span));
        at += step;
    }
    Some(Value::list(values, span))
}

fn zipmap(keys: &Value, values: &Value, span: Span) -> Option<Value> {
    let mut members: Vec<Member> = Vec::new();
    for (key, value) in elements(keys)?.into_iter().zip(elements(values)?) {
        let text: Text = to_text(&key)?;
        members.retain(|m| m.key.raw() != text.raw());
        members.push(Member { key: text, key_span: key.span, value });
    }
    Some(Value::object(members, span))
}

fn product(lists: &[Value], span: Span) -> Option<Value> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        let values = if list.is_unknown() { vec![list.clone()] } else { elements(list)? };
        if rows.len().saturating_mul(values.len()) > 4096 {
            return None;
        }
        rows = rows
            .iter()
            .flat_map(|row| values.iter().map(|v| row.iter().cloned().chain(std::iter::once(v.clone())).collect()))
            .collect();
    }
    let mut rows: Vec<Value> = rows.into_iter().map(|row| Value::list(row, span)).collect();
    rows.extend(lists.iter().filter(|l| l.is_unknown()).take(1).cloned());
    Some(Value::list(rows, span))
}
