use iam_policy::catalogue::ConditionKey;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::resource_type_mismatch::is_complete;

pub(crate) static RULE: Rule = Rule {
    name: "missing-set-operator",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_QUALIFIER"),
    doc: include_str!("missing_set_operator.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let plain = condition.qualifier().is_none() && !condition.base().eq_ignore_ascii_case("Null");
        let Some(key) = ConditionKey::find(condition.key.raw()).filter(|k| plain && k.kind().starts_with("Array"))
        else {
            continue;
        };
        let message =
            format!("`{}` is multivalued, but `{}` compares a single value", key.name(), condition.operator.text);
        let help = format!("use `ForAnyValue:{0}` or `ForAllValues:{0}`", condition.operator.text);
        let finding = reporter.at(condition.key.at, message, help);
        let service = key.name().split(':').next().unwrap_or_default();
        // As in AWS's own event bus policies: an event has one source and one detail type.
        let of_event = service == "events" && policy.kind.is_resource();
        if !key.is_global() && (of_event || !is_complete(service)) {
            finding.severity(Severity::Warning).persona(Persona::Pedantic);
        }
    }
}
