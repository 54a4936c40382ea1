//! From a [`Value`] to a [`Policy`]. Keys are read in any case and single values as lists of one.
use std::borrow::Cow;

use source_text::{Data, Member, NodePath, Span, Text, Unknown, Value};

use crate::kind::PolicyKind;
use crate::model::{
    Condition, Effect, Elements, Item, NodeSpan, Patterns, Policy, PolicyOrigin, Principal, PrincipalType, Principals,
    Statement, is_key,
};

/// Statements without an effect or without actions that are read. AWS rejects the first one, and a short text can hold
/// very many.
const MAX_INCOMPLETE_STATEMENTS: usize = 2_000;

/// Whether an unknown value is an ARN, as far as the source of the document determines it.
pub type IsArn<'a> = &'a dyn Fn(&Unknown) -> bool;

/// Reads a document. Parts of a wrong type are omitted; grammar rules report them.
pub fn policy(
    root: Value,
    kind: PolicyKind,
    address: Option<String>,
    origin: PolicyOrigin,
    is_arn: IsArn<'_>,
) -> Policy {
    let mut policy = Policy {
        kind,
        address,
        origin,
        root,
        version: None,
        statements: Vec::new(),
        alternatives: Vec::new(),
        branch_points: Vec::new(),
    };
    let root = &policy.root;
    for (number, member) in root.members().iter().enumerate() {
        let node_path = NodePath::default().child(number);
        if is_key(member.key.raw(), "Version") {
            policy.version = item(&member.value, node_path);
        } else if is_key(member.key.raw(), "Statement") {
            match &member.value.data {
                Data::Array(list) => {
                    let objects = list.iter().enumerate().filter(|(_, s)| matches!(s.data, Data::Object(_)));
                    let mut incomplete = 0;
                    let statements = objects.take_while(|(_, s)| {
                        incomplete += usize::from(!is_complete(s));
                        incomplete <= MAX_INCOMPLETE_STATEMENTS
                    });
                    policy.statements = statements.map(|(i, s)| statement(s, node_path.child(i), is_arn)).collect();
                }
                Data::Object(_) => policy.statements = vec![statement(&member.value, node_path, is_arn)],
                _ => {}
            }
        }
    }
    policy
}

/// Whether a statement has an effect and actions, as every statement must.
fn is_complete(statement: &Value) -> bool {
    let open = |v: &Value| v.is_unknown() || v.as_text().is_some_and(|t| !t.is_known());
    let named = |m: &Member, name| is_key(m.key.raw(), name);
    let says_effect = |m: &Member| named(m, "Effect") && (effect(&m.value).is_some() || open(&m.value));
    let says_actions = |m: &Member| {
        let any = m.value.as_text().is_some() || m.value.is_unknown() || !m.value.elements().is_empty();
        any && (named(m, "Action") || named(m, "NotAction"))
    };
    statement.members().iter().any(says_effect) && statement.members().iter().any(says_actions)
}

fn item(value: &Value, node_path: NodePath) -> Option<Item> {
    let text = match &value.data {
        Data::String(text) => text.clone(),
        Data::Bool(b) => Text::known(b.to_string()),
        Data::Number(n) => Text::known(n.clone()),
        _ => return None,
    };
    Some(Item { text, at: NodeSpan { span: value.span, node_path } })
}

/// The resources, with each unknown value that is an ARN as a text with one unknown part.
fn known_arns_as_text<'v>(value: &'v Value, is_arn: IsArn<'_>) -> Cow<'v, Value> {
    let names_arn = |v: &Value| matches!(&v.data, Data::Unknown(u) if u.candidates.is_empty() && is_arn(u));
    let text = |v: &Value| match &v.data {
        Data::Unknown(unknown) if names_arn(v) => Value::new(Data::String(Text::unknown((**unknown).clone())), v.span),
        _ => v.clone(),
    };
    match &value.data {
        Data::Array(list) if list.iter().any(names_arn) => Cow::Owned(Value::list(list.iter().map(text), value.span)),
        Data::Unknown(_) => Cow::Owned(text(value)),
        _ => Cow::Borrowed(value),
    }
}

/// The texts of a value that is one text or a list, and whether some are unknown.
fn items(value: &Value, node_path: NodePath) -> (Vec<Item>, bool) {
    match &value.data {
        Data::Array(list) => {
            let mut items = Vec::with_capacity(list.len());
            items.extend(list.iter().enumerate().filter_map(|(i, v)| item(v, node_path.child(i))));
            (items, list.iter().any(Value::is_unknown))
        }
        _ => (item(value, node_path).into_iter().collect(), value.is_unknown()),
    }
}

fn statement(value: &Value, node_path: NodePath, is_arn: IsArn<'_>) -> Statement {
    let at = NodeSpan { span: value.span, node_path };
    let mut statement = Statement {
        at,
        head: at,
        sid: None,
        effect: None,
        actions: None,
        resources: None,
        principals: None,
        conditions: Vec::new(),
        unknown_condition: false,
    };
    for (number, member) in value.members().iter().enumerate() {
        let node_path = node_path.child(number);
        let key = NodeSpan { span: member.key_span, node_path };
        let name = member.key.raw();
        let negated = name.get(..3).is_some_and(|n| is_key(n, "Not"));
        if is_key(name, "Sid") {
            statement.sid = item(&member.value, node_path);
        } else if is_key(name, "Effect") {
            statement.effect = effect(&member.value);
        } else if is_key(name, "Action") || is_key(name, "NotAction") {
            statement.actions = Some(elements(&member.value, negated, key));
        } else if is_key(name, "Resource") || is_key(name, "NotResource") {
            statement.resources = Some(elements(&known_arns_as_text(&member.value, is_arn), negated, key));
        } else if is_key(name, "Principal") || is_key(name, "NotPrincipal") {
            statement.principals = Some(Box::new(principals(&member.value, negated, key)));
        } else if is_key(name, "Condition") {
            statement.unknown_condition = member.value.is_unknown();
            statement.conditions = conditions(&member.value, node_path);
        }
    }
    statement.head = statement.sid.as_ref().map_or_else(|| first_part(value, at), |sid| sid.at);
    statement
}

/// The statement's `Effect` or first key, so that a finding about the statement marks one line.
fn first_part(value: &Value, at: NodeSpan) -> NodeSpan {
    let key = value.members().iter().find(|m| is_key(m.key.raw(), "Effect")).or(value.members().first());
    key.map_or(at, |m| NodeSpan { span: join(m.key_span, m.value.span), node_path: at.node_path })
}

fn join(a: Span, b: Span) -> Span {
    if a.file == b.file && a.start <= b.end { Span { file: a.file, start: a.start, end: b.end } } else { a }
}

fn effect(value: &Value) -> Option<Effect> {
    match value.as_str() {
        Some("Allow") => Some(Effect::Allow),
        Some("Deny") => Some(Effect::Deny),
        _ => None,
    }
}

fn elements(value: &Value, negated: bool, key: NodeSpan) -> Elements {
    let (items, incomplete) = items(value, key.node_path);
    let at = NodeSpan { span: value.span, node_path: key.node_path };
    Patterns { negated, key, at, items, incomplete, expanded: std::cell::OnceCell::new() }.into()
}

fn principals(value: &Value, negated: bool, key: NodeSpan) -> Principals {
    let at = NodeSpan { span: value.span, node_path: key.node_path };
    let mut found = Principals { negated, key, at, items: Vec::new(), incomplete: value.is_unknown() };
    if let Some(text) = value.as_text() {
        let item = Item { text: text.clone(), at };
        found.items = vec![Principal { principal_type: PrincipalType::Everyone, item }];
    }
    found.items.reserve_exact(value.members().iter().map(|m| m.value.elements().len().max(1)).sum());
    for (number, member) in value.members().iter().enumerate() {
        let sort = match member.key.raw() {
            name if is_key(name, "AWS") => PrincipalType::Aws,
            name if is_key(name, "Service") => PrincipalType::Service,
            name if is_key(name, "Federated") => PrincipalType::Federated,
            name if is_key(name, "CanonicalUser") => PrincipalType::Canonical,
            other => PrincipalType::Other(other.to_owned()),
        };
        let (names, incomplete) = items(&member.value, key.node_path.child(number));
        found.items.extend(names.into_iter().map(|item| Principal { principal_type: sort.clone(), item }));
        found.incomplete |= incomplete;
    }
    found
}

fn conditions(value: &Value, node_path: NodePath) -> Vec<Condition> {
    let keys = value.members().iter().map(|operator| operator.value.members().len());
    let mut found = Vec::with_capacity(keys.sum());
    for (i, operator) in value.members().iter().enumerate() {
        let node_path = node_path.child(i);
        let operator_item = Item { text: operator.key.clone(), at: NodeSpan { span: operator.key_span, node_path } };
        for (j, key) in operator.value.members().iter().enumerate() {
            let node_path = node_path.child(j);
            let (values, incomplete) = items(&key.value, node_path);
            found.push(Condition {
                operator: operator_item.clone(),
                key: Item { text: key.key.clone(), at: NodeSpan { span: key.key_span, node_path } },
                values,
                at: NodeSpan { span: key.value.span, node_path },
                incomplete,
            });
        }
    }
    found
}
