use iam_policy::catalogue::ConditionKey;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::resource_type_mismatch::is_complete;

pub(crate) static RULE: Rule = Rule {
    name: "set-operator-on-single-value",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("FOR_ALL_VALUES_WITH_SINGLE_VALUED_KEY"),
    doc: include_str!("set_operator_on_single_value.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        if condition.qualifier().is_some() && condition.base().eq_ignore_ascii_case("Null") {
            let message =
                format!("`{}` tests whether a key is present, which needs no set operator", condition.operator.text);
            reporter.at(condition.operator.at, message, "use `Null`").aws("NULL_WITH_QUALIFIER");
            continue;
        }
        let any = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAnyValue"));
        if any && condition.key.raw().ends_with(":aud") {
            let message =
                format!("`{}` is single-valued, but the operator accepts any of several values", condition.key.text);
            let help = format!("use `{}`", condition.base());
            reporter.at(condition.operator.at, message, help).aws("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE");
            continue;
        }
        let all = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
        let Some(key) = ConditionKey::find(condition.key.raw()).filter(|k| !k.kind().starts_with("Array")) else {
            continue;
        };
        let one = any && key.is_global() && !key.name().contains('/');
        if !(all || one) {
            continue;
        }
        let message = if all {
            format!("`{}` is single-valued, and `ForAllValues` is true when the key is absent", key.name())
        } else {
            format!("`{}` is single-valued; use the plain operator", key.name())
        };
        let plain = condition.operator.raw().split_once(':').map_or("", |(_, o)| o);
        let finding = reporter.at(condition.operator.at, message, format!("use `{plain}`"));
        let service = key.name().split(':').next().unwrap_or_default();
        if !key.is_global() && !is_complete(service) {
            finding.persona(Persona::Pedantic);
        }
    }
}
