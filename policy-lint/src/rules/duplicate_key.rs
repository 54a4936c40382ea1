use std::collections::hash_map::Entry;

use iam_policy::model::{Policy, members_at};
use source_text::{Member, NodePath, Value};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "duplicate-key",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
    doc: include_str!("duplicate_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    visit(&policy.root, NodePath::default(), reporter);
}

fn visit(value: &Value, node_path: NodePath, reporter: &mut Reporter<'_>) {
    if !value.members().is_empty() {
        compare(value, node_path, reporter);
    }
    for (member, at) in members_at(value, node_path) {
        visit(&member.value, at.node_path, reporter);
    }
    for (i, element) in value.elements().iter().enumerate() {
        visit(element, node_path.child(i), reporter);
    }
}

/// Up to this many keys are first compared pairwise, which is cheaper than a hash table.
const MAX_PAIRWISE_KEYS: usize = 8;

fn compare(value: &Value, node_path: NodePath, reporter: &mut Reporter<'_>) {
    let members = value.members();
    let same = |(i, m): (usize, &Member)| members[..i].iter().any(|o| o.key.raw().eq_ignore_ascii_case(m.key.raw()));
    if members.len() <= MAX_PAIRWISE_KEYS && !members.iter().enumerate().any(same) {
        return;
    }
    let mut seen = std::collections::HashMap::new();
    for (member, at) in members_at(value, node_path) {
        match seen.entry(member.key.to_string().to_ascii_lowercase()) {
            Entry::Occupied(first) => {
                let message = format!("`{}` is a duplicate key", member.key);
                reporter.at(at, message, "merge the two, or remove one").related(*first.get(), "the first one is here");
            }
            Entry::Vacant(free) => drop(free.insert(member.key_span)),
        }
    }
}
