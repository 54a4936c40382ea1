//! The data source `aws_iam_policy_document`: from its configuration to the policy document.
use source_text::{Data, Member, Span, Text, Unknown, Value};

/// The type of the data source.
pub(crate) const DATA_TYPE: &str = "aws_iam_policy_document";

/// The policy document of a configuration, merged with its source documents and its override
/// documents.
pub(crate) fn compose(configuration: &Value) -> Value {
    let own = to_policy(configuration);
    // The singular attributes are of providers before version 4.
    let all = |names: [&str; 2]| names.iter().filter_map(|n| configuration.get(n)).collect::<Vec<_>>();
    let sources = all(["source_json", "source_policy_documents"]);
    merge(own, &sources, &all(["override_policy_documents", "override_json"]))
}

/// The policy document of a configuration alone.
pub(crate) fn to_policy(attributes: &Value) -> Value {
    let mut members = Vec::new();
    if let Some(version) = attributes.get("version").filter(|v| !is_absent(v)) {
        members.push(member("Version", version.clone()));
    } else {
        let version = Data::String(Text::known("2012-10-17"));
        members.push(member("Version", Value::new(version, start_of(attributes.span))));
    }
    if let Some(id) = attributes.get("policy_id").filter(|v| !is_absent(v)) {
        members.push(member("Id", id.clone()));
    }
    let blocks = attributes.get("statement").map(list).unwrap_or_default();
    let statements = blocks.iter().map(|block| statement(block));
    members.push(member("Statement", Value::list(statements, attributes.span)));
    Value::object(members, attributes.span)
}

fn start_of(span: Span) -> Span {
    Span { end: span.start.saturating_add(1).min(span.end), ..span }
}

fn member(key: &str, value: Value) -> Member {
    Member { key: Text::known(key), key_span: value.span, value }
}

fn is_absent(value: &Value) -> bool {
    match &value.data {
        Data::Null => true,
        Data::Array(list) => list.is_empty(),
        Data::String(text) => text.raw().is_empty(),
        _ => false,
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match &value.data {
        Data::Array(elements) => elements.iter().collect(),
        Data::Null => Vec::new(),
        _ => vec![value],
    }
}

const ELEMENTS: &[(&str, &str)] = &[
    ("sid", "Sid"),
    ("effect", "Effect"),
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
];

fn statement(value: &Value) -> Value {
    if value.is_unknown() {
        return value.clone();
    }
    let mut members = Vec::new();
    if value.get("effect").is_none_or(is_absent) {
        let allow = Data::String(Text::known("Allow"));
        members.push(member("Effect", Value::new(allow, start_of(value.span))));
    }
    for source in value.members() {
        let Some((_, name)) = ELEMENTS.iter().find(|(key, _)| *key == source.key.raw()) else {
            continue;
        };
        if !is_absent(&source.value) {
            let value = unnull(&source.value, source.key.raw());
            members.push(Member { key: Text::known(*name), key_span: source.key_span, value });
        }
    }
    for (key, negation, name) in [("actions", "not_actions", "Action"), ("resources", "not_resources", "Resource")] {
        // An empty default of a variable is replaced by the caller's value.
        let given = |k: &str| value.get(k).filter(|v| v.span.file != value.span.file || !covers(value.span, v.span));
        let absent = |k: &str| value.get(k).is_none_or(is_absent);
        if let Some(given) = given(key).or(given(negation)).filter(|_| absent(key) && absent(negation)) {
            members.push(member(name, Value::unknown(Unknown::plain(key), given.span)));
        }
    }
    for (key, name) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        if let Some(blocks) = value.get(key).filter(|v| !is_absent(v)) {
            members.push(Member { key: Text::known(name), key_span: blocks.span, value: principals(blocks) });
        }
    }
    if let Some(blocks) = value.get("condition").filter(|v| !is_absent(v)) {
        members.push(Member { key: Text::known("Condition"), key_span: blocks.span, value: conditions(blocks) });
    }
    Value::object(members, value.span)
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// A list of texts: elements that are `null` in a plan are known after apply, and numbers and booleans are converted to
/// texts.
fn unnull(value: &Value, what: &str) -> Value {
    let unknown = |v: &Value| match &v.data {
        Data::Null => Value::new(Data::Unknown(Box::new(Unknown::plain(what))), v.span),
        Data::Bool(b) => Value::new(Data::String(Text::known(b.to_string())), v.span),
        Data::Number(n) => Value::new(Data::String(Text::known(n.clone())), v.span),
        _ => v.clone(),
    };
    match &value.data {
        // Before Terraform 0.12, a nested list was flattened.
        Data::Array(elements) => {
            let flat = elements.iter().flat_map(|e| if e.elements().is_empty() { vec![e] } else { list(e) });
            Value::list(flat.map(unknown), value.span)
        }
        _ => value.clone(),
    }
}

fn principals(blocks: &Value) -> Value {
    if blocks.is_unknown() {
        return blocks.clone();
    }
    let blocks_list = list(blocks);
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_owned);
    if let [only] = blocks_list.as_slice() {
        let identifiers = only.get("identifiers").map(list).unwrap_or_default();
        if let ([star], Some("*")) = (identifiers.as_slice(), text(only, "type").as_deref()) {
            return (*star).clone();
        }
    }
    let mut members: Vec<Member> = Vec::new();
    for block in blocks_list {
        let Some(identifiers) = block.get("identifiers").map(|v| unnull(v, "identifiers")) else {
            continue;
        };
        let given = text(block, "type").unwrap_or_default();
        let principal_type = if given == "*" { "AWS" } else { &given };
        append(&mut members, principal_type, block.span, identifiers);
    }
    Value::object(members, blocks.span)
}

/// Adds values under a key, which may have values already.
fn append(members: &mut Vec<Member>, key: &str, key_span: Span, value: Value) {
    match members.iter_mut().find(|m| m.key.raw() == key) {
        Some(found) => {
            let mut all: Vec<Value> = list(&found.value).into_iter().cloned().collect();
            all.extend(list(&value).into_iter().cloned());
            found.value.data = Data::Array(all.into());
        }
        None => members.push(Member { key: Text::known(key), key_span, value }),
    }
}

fn conditions(blocks: &Value) -> Value {
    if blocks.is_unknown() {
        return blocks.clone();
    }
    let mut operators: Vec<Member> = Vec::new();
    for block in list(blocks) {
        let (Some(test), Some(variable)) = (block.get("test"), block.get("variable")) else {
            continue;
        };
        let (Some(test_text), Some(variable_text)) = (test.as_text(), variable.as_text()) else {
            continue;
        };
        let values = block.get("values").map(|v| unnull(v, "values")).unwrap_or(Value::list([], block.span));
        let operator = match operators.iter().position(|m| m.key.raw() == test_text.raw()) {
            Some(found) => &mut operators[found],
            None => {
                let value = Value::object([], block.span);
                operators.push(Member { key: test_text.clone(), key_span: test.span, value });
                let last = operators.len() - 1;
                &mut operators[last]
            }
        };
        if let Data::Object(keys) = &mut operator.value.data {
            let mut more = std::mem::take(keys).into_vec();
            append(&mut more, variable_text.raw(), variable.span, values);
            *keys = more.into();
        }
    }
    Value::object(operators, blocks.span)
}

/// Merges a document with its source and override documents: a statement replaces an earlier one with
/// the same `Sid`, and any other is added.
fn merge(own: Value, sources: &[&Value], overrides: &[&Value]) -> Value {
    let (before, after) = (documents(sources), documents(overrides));
    if before.is_empty() && after.is_empty() {
        return own;
    }
    let head: Vec<Member> = own.members().iter().filter(|m| m.key.raw() != "Statement").cloned().collect();
    let span = own.span;
    let mut statements: Vec<Value> = Vec::new();
    for document in before.into_iter().chain(std::iter::once(own)).chain(after) {
        for statement in statements_of(document) {
            let sid = statement.get("Sid").and_then(Value::as_str).filter(|s| !s.is_empty());
            let same = |s: &Value| sid.is_some() && s.get("Sid").and_then(Value::as_str) == sid;
            match statements.iter().position(same) {
                Some(at) => statements[at] = statement,
                None => statements.push(statement),
            }
        }
    }
    let mut members = head;
    members.push(member("Statement", Value::list(statements, span)));
    Value::object(members, span)
}

fn documents(lists: &[&Value]) -> Vec<Value> {
    lists.iter().flat_map(|l| list(l)).filter_map(decode).collect()
}

/// The policy in a JSON text; an unknown text is a policy with an unknown statement.
fn decode(value: &Value) -> Option<Value> {
    match &value.data {
        Data::Encoded(inner) => Some(inner.as_ref().clone()),
        Data::String(text) if !text.raw().trim().is_empty() => source_text::embedded_json::parse(text, value.span).ok(),
        Data::Unknown(_) => Some(Value::object([member("Statement", value.clone())], value.span)),
        _ => None,
    }
}

fn statements_of(document: Value) -> Vec<Value> {
    let found = document.members().iter().find(|m| m.key.raw() == "Statement").map(|m| m.value.clone());
    found.map(|v| list(&v).into_iter().cloned().collect()).unwrap_or_default()
}
