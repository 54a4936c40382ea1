use iam_policy::PolicyKind;
use iam_policy::model::{NodeSpan, Policy, is_key};
use source_text::{Data, Value};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "missing-element",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_STATEMENT"),
    doc: include_str!("missing_element.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let Some((statement, at)) = policy.members().find(|(m, _)| is_key(m.key.raw(), "Statement")) else {
        let at = NodeSpan { span: policy.root.span, ..NodeSpan::default() };
        reporter.at(at, "the policy has no `Statement`", "add `Statement` with at least one statement");
        return;
    };
    // The document of a Terraform data source has the span of its block; merged statements have other spans.
    let is_merged = statement.value.span == policy.root.span;
    if !is_merged && matches!(&statement.value.data, Data::Array(list) if list.is_empty()) {
        let at = NodeSpan { span: statement.value.span, ..at };
        reporter.at(at, "`Statement` is empty", "add a statement, or remove the policy");
    }
    // `policy.statements` holds the statements that are objects, in the same order.
    let written = policy.raw_statements().filter(|(v, _)| matches!(v.data, Data::Object(_)));
    for ((written, _), statement) in written.zip(&policy.statements) {
        check_statement(policy, written, statement.head, reporter);
    }
}

fn check_statement(policy: &Policy, written: &Value, head: NodeSpan, reporter: &mut Reporter<'_>) {
    let has = |names: &[&str]| written.members().iter().any(|m| names.iter().any(|n| is_key(m.key.raw(), n)));
    let mut missing = |what: &str, code: &'static str, help: &str| {
        reporter.at(head, format!("the statement has no {what}"), help).aws(code);
    };
    if !has(&["Effect"]) {
        missing("`Effect`", "MISSING_EFFECT", "add `\"Effect\": \"Allow\"` or `\"Effect\": \"Deny\"`");
    }
    if !has(&["Action", "NotAction"]) {
        missing("`Action`", "MISSING_ACTION", "add `Action` with the actions it applies to");
    }
    if policy.kind != PolicyKind::Trust && policy.kind != PolicyKind::Ecr && !has(&["Resource", "NotResource"]) {
        missing("`Resource`", "MISSING_RESOURCE", "add `Resource` with the ARNs it applies to");
    }
    if policy.kind.has_principals() && policy.kind != PolicyKind::Trust && !has(&["Principal", "NotPrincipal"]) {
        missing("`Principal`", "MISSING_PRINCIPAL", "add `Principal`, which a resource policy requires");
    }
}
