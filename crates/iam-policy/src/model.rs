//! A policy document as IAM reads it, every part with its span.
use std::cell::OnceCell;
use std::rc::Rc;

use source_text::{Data, Member, NodePath, Span, Text, Value};

use crate::arn::{Arn, is_everything};
use crate::catalogue::{Action, expand};
use crate::kind::PolicyKind;
use crate::pattern;

/// The position of a part of a policy: in the source and in the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeSpan {
    /// In the source.
    pub span: Span,
    /// In the document.
    pub node_path: NodePath,
}

/// A text of a policy and its position.
#[derive(Clone, Debug)]
pub struct Item {
    /// The text.
    pub text: Text,
    /// Its position.
    pub at: NodeSpan,
}

impl Item {
    /// The text with a [`source_text::PLACEHOLDER`] for each unknown part.
    #[inline]
    pub fn raw(&self) -> &str {
        self.text.raw()
    }

    /// Whether both are certainly equal: their unknown parts are the same expressions, and not the same expression of a
    /// loop, which can have several values.
    pub fn same(&self, other: &Item) -> bool {
        let unlike = !self.text.is_known() && self.at.span == other.at.span;
        self.raw() == other.raw() && self.text.unknowns() == other.text.unknowns() && !unlike
    }
}

/// A policy document and where it is used.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The kind of policy, which determines its grammar.
    pub kind: PolicyKind,
    /// The address of the resource that holds it.
    pub address: Option<String>,
    /// The attribute that holds it.
    pub origin: PolicyOrigin,
    /// The document as it was written.
    pub root: Value,
    /// `Version`.
    pub version: Option<Item>,
    /// The statements.
    pub statements: Vec<Statement>,
    /// The same policy for the other alternatives of its document.
    pub alternatives: Vec<Policy>,
    /// The expressions that select between the alternatives, and their spans.
    pub branch_points: Vec<(Span, String)>,
}

/// The attribute that holds a policy; both names are empty for a document of its own.
#[derive(Clone, Debug, Default)]
pub struct PolicyOrigin {
    /// The type of the resource, as `aws_sqs_queue_policy`.
    pub resource_type: String,
    /// The attribute, as `policy`.
    pub attribute: String,
}

/// `Allow` or `Deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids.
    Deny,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its position.
    pub at: NodeSpan,
    /// The position of findings about the statement as a whole: its `Sid`, else its first key.
    pub head: NodeSpan,
    /// `Sid`.
    pub sid: Option<Item>,
    /// `Effect`; absent when missing, misspelled or unknown.
    pub effect: Option<Effect>,
    /// `Action` or `NotAction`.
    pub actions: Option<Elements>,
    /// `Resource` or `NotResource`.
    pub resources: Option<Elements>,
    /// `Principal` or `NotPrincipal`; boxed, because most statements have neither.
    pub principals: Option<Box<Principals>>,
    /// `Condition`.
    pub conditions: Vec<Condition>,
    /// Whether there is a `Condition` that is unknown.
    pub unknown_condition: bool,
}

impl Statement {
    /// Whether its effect is `Allow`.
    #[inline]
    pub fn allows(&self) -> bool {
        self.effect == Some(Effect::Allow)
    }

    /// Whether its effect is `Deny`.
    #[inline]
    pub fn denies(&self) -> bool {
        self.effect == Some(Effect::Deny)
    }

    /// Whether it has a condition, known or not.
    #[inline]
    pub fn is_conditional(&self) -> bool {
        !self.conditions.is_empty() || self.unknown_condition
    }

    /// The patterns of `Action`; none for `NotAction`.
    #[inline]
    pub fn action_items(&self) -> &[Item] {
        positive(self.actions.as_ref())
    }

    /// The patterns of `Action` with the actions that they match; none for `NotAction`.
    #[inline]
    pub fn granted_actions(&self) -> impl Iterator<Item = (&Item, &[Action])> {
        self.actions.iter().filter(|a| !a.negated).flat_map(|a| a.expanded())
    }

    /// The patterns of `Resource`; none for `NotResource`.
    #[inline]
    pub fn resource_items(&self) -> &[Item] {
        positive(self.resources.as_ref())
    }

    /// Whether its `Action` or `NotAction` covers an action.
    pub fn applies_to_action(&self, action: &str) -> bool {
        let Some(actions) = &self.actions else { return false };
        let listed = actions.items.iter().any(|i| pattern::matches_action(i.raw(), action));
        listed != actions.negated
    }

    /// Whether it covers every resource of an account: `*`, or an ARN with only wildcards for the name.
    pub fn covers_all_resources(&self) -> bool {
        let Some(resources) = &self.resources else { return false };
        resources.negated
            || resources.items.iter().any(|item| {
                let raw = item.raw();
                let name = Arn::parse(raw).map(|a| a.resource.rsplit(['/', ':']).next().unwrap_or_default());
                is_everything(raw) || name.is_some_and(is_everything)
            })
    }

    /// The conditions on `key`, in any case.
    #[inline]
    pub fn conditions_on<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Condition> {
        self.conditions.iter().filter(move |c| c.key.raw().eq_ignore_ascii_case(key))
    }
}

#[inline]
fn positive(elements: Option<&Elements>) -> &[Item] {
    elements.filter(|e| !e.negated).map_or(&[], |e| &e.items)
}

/// The patterns of `Action`, `Resource` or their negations; boxed, because most statements lack some of them.
#[derive(Clone, Debug)]
pub struct Elements(Box<Patterns>);

impl std::ops::Deref for Elements {
    type Target = Patterns;

    #[inline]
    fn deref(&self) -> &Patterns {
        &self.0
    }
}

impl From<Patterns> for Elements {
    fn from(patterns: Patterns) -> Elements {
        Elements(Box::new(patterns))
    }
}

/// The content of [`Elements`].
#[derive(Clone, Debug)]
pub struct Patterns {
    /// Whether it is the `Not…` form.
    pub negated: bool,
    /// The position of the key.
    pub key: NodeSpan,
    /// The position of the value.
    pub at: NodeSpan,
    /// The patterns.
    pub items: Vec<Item>,
    /// Whether some patterns are unknown.
    pub incomplete: bool,
    /// The actions that each pattern matches, computed on first use.
    pub(crate) expanded: OnceCell<Vec<Rc<[Action]>>>,
}

impl Patterns {
    /// The patterns with the actions that they match, for `Action` and `NotAction`.
    #[inline]
    pub fn expanded(&self) -> impl Iterator<Item = (&Item, &[Action])> {
        let found = self.expanded.get_or_init(|| self.items.iter().map(|i| expand(i.raw())).collect());
        self.items.iter().zip(found.iter().map(|a| &**a))
    }
}

/// The principals of a statement.
#[derive(Clone, Debug)]
pub struct Principals {
    /// Whether it is `NotPrincipal`.
    pub negated: bool,
    /// The position of the key.
    pub key: NodeSpan,
    /// The position of the value.
    pub at: NodeSpan,
    /// The principals.
    pub items: Vec<Principal>,
    /// Whether some principals are unknown.
    pub incomplete: bool,
}

/// One principal.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Its type.
    pub principal_type: PrincipalType,
    /// Its name or ARN.
    pub item: Item,
}

/// The types of principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalType {
    /// `"Principal": "*"`, without a type.
    Everyone,
    /// `AWS`.
    Aws,
    /// `Service`.
    Service,
    /// `Federated`.
    Federated,
    /// `CanonicalUser`.
    Canonical,
    /// A type that IAM does not define.
    Other(String),
}

impl Principal {
    /// Whether it matches every principal.
    #[inline]
    pub fn is_everyone(&self) -> bool {
        self.item.raw() == "*" && matches!(self.principal_type, PrincipalType::Everyone | PrincipalType::Aws)
    }
}

/// One key of a condition operator with its values.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The operator as written, as in `ForAnyValue:StringLike`.
    pub operator: Item,
    /// The condition key.
    pub key: Item,
    /// The values, numbers and booleans as texts.
    pub values: Vec<Item>,
    /// The position of the values.
    pub at: NodeSpan,
    /// Whether some values are unknown.
    pub incomplete: bool,
}

impl Condition {
    /// The operator without its set qualifier and `IfExists`.
    #[inline]
    pub fn base(&self) -> &str {
        let operator = self.operator.raw();
        let unqualified = operator.rsplit_once(':').map_or(operator, |(_, tail)| tail);
        strip_suffix_folded(unqualified, "IfExists")
    }

    /// Whether a request without the key satisfies it.
    pub fn if_exists(&self) -> bool {
        self.base().len() < self.operator.raw().rsplit(':').next().map_or(0, str::len)
    }

    /// `ForAllValues` or `ForAnyValue`, as written.
    pub fn qualifier(&self) -> Option<&str> {
        self.operator.raw().split_once(':').map(|(head, _)| head)
    }

    /// Whether it holds if the key does *not* have the values.
    pub fn is_negative(&self) -> bool {
        let base = self.base().to_ascii_lowercase();
        base.contains("notequals") || base.contains("notlike") || base.starts_with("notip")
    }
}

fn strip_suffix_folded<'a>(text: &'a str, suffix: &str) -> &'a str {
    let cut = text.len().saturating_sub(suffix.len());
    match text.get(cut..) {
        Some(tail) if tail.eq_ignore_ascii_case(suffix) => &text[..cut],
        _ => text,
    }
}

impl Policy {
    /// The members of the document with their positions.
    #[inline]
    pub fn members(&self) -> impl Iterator<Item = (&Member, NodeSpan)> {
        members_at(&self.root, NodePath::default())
    }

    /// Every statement as written, whether it is an object or not.
    pub fn raw_statements(&self) -> impl Iterator<Item = (&Value, NodeSpan)> {
        let found = self.members().find(|(m, _)| is_key(m.key.raw(), "Statement"));
        found.into_iter().flat_map(|(member, at)| {
            let (list, single) = match &member.value.data {
                Data::Array(list) => (&**list, false),
                _ => (std::slice::from_ref(&member.value), true),
            };
            let location = move |i, v: &Value| NodeSpan { span: v.span, node_path: at.node_path.child(i) };
            list.iter().enumerate().map(move |(i, v)| (v, if single { at } else { location(i, v) }))
        })
    }

    /// The JSON Pointer of a position.
    pub fn pointer(&self, at: NodeSpan) -> String {
        self.root.pointer(&at.node_path)
    }

    /// The unknown parts of the document: the spans and the expressions.
    pub fn unknowns(&self) -> Vec<(Span, String)> {
        let mut found = Vec::new();
        collect_unknowns(&self.root, &mut found);
        found
    }
}

/// The members of an object with the positions of their keys.
#[inline]
pub fn members_at(value: &Value, node_path: NodePath) -> impl Iterator<Item = (&Member, NodeSpan)> {
    value
        .members()
        .iter()
        .enumerate()
        .map(move |(i, m)| (m, NodeSpan { span: m.key_span, node_path: node_path.child(i) }))
}

fn collect_unknowns(value: &Value, found: &mut Vec<(Span, String)>) {
    match &value.data {
        Data::Unknown(what) => found.push((value.span, what.source.clone())),
        Data::String(text) => found.extend(text.unknowns().iter().map(|h| (value.span, h.source.clone()))),
        Data::Array(elements) => elements.iter().for_each(|e| collect_unknowns(e, found)),
        Data::Object(members) => members.iter().for_each(|m| collect_unknowns(&m.value, found)),
        _ => {}
    }
}

/// Whether a key of a policy is the element `name`; IAM ignores case.
#[inline]
pub fn is_key(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}
