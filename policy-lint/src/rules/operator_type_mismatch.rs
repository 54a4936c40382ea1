use iam_policy::catalogue::ConditionKey;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::resource_type_mismatch::is_complete;

pub(crate) static RULE: Rule = Rule {
    name: "operator-type-mismatch",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("TYPE_MISMATCH"),
    doc: include_str!("operator_type_mismatch.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let Some(key) = ConditionKey::find(condition.key.raw()) else { continue };
        let Some(family) = operator_type(condition.base()) else { continue };
        let (wanted, fits, code) = match key.kind() {
            "Numeric" => ("a numeric operator, as in `NumericEquals`", family == "numeric", "TYPE_MISMATCH_NUMBER"),
            "Date" => (
                "a date operator, as in `DateLessThan`",
                family == "date" || family == "numeric" && key.name().eq_ignore_ascii_case("aws:EpochTime"),
                "TYPE_MISMATCH_DATE",
            ),
            "Bool" | "ArrayOfBool" => {
                ("`Bool`", family == "bool" || family == "string" && !key.is_global(), "TYPE_MISMATCH_BOOLEAN")
            }
            "IPAddress" => ("`IpAddress`", family == "ip", "TYPE_MISMATCH_IP_RANGE"),
            "ARN" | "ArrayOfARN" => {
                ("an ARN operator, as in `ArnLike`", matches!(family, "arn" | "string"), "TYPE_MISMATCH")
            }
            "String" | "ArrayOfString" => {
                let code = if family == "arn" { "TYPE_MISMATCH" } else { "TYPE_MISMATCH_STRING" };
                ("a string operator, as in `StringLike`", family == "string" || !has_reliable_type(key), code)
            }
            _ => continue,
        };
        if !fits {
            let message = format!(
                "`{}` is compared with `{}`, which is for another type",
                condition.key.text, condition.operator.text
            );
            let finding = reporter.at(condition.key.at, message, format!("use {wanted}")).aws(code);
            finding.related(condition.operator.at.span, "the operator is here");
            // A string that is an ARN still matches.
            if family == "arn" {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}

/// Whether the type of a key that is listed as a string can be relied on; the lists of less common services often give
/// the wrong type.
fn has_reliable_type(key: ConditionKey) -> bool {
    let service = key.name().split(':').next().unwrap_or_default();
    key.is_global() && !key.name().contains('/') || is_complete(service)
}

/// The type that an operator compares; `None` for operators that accept every type.
fn operator_type(base: &str) -> Option<&'static str> {
    let base = base.to_ascii_lowercase();
    let families = [
        ("string", "string"),
        ("numeric", "numeric"),
        ("date", "date"),
        ("bool", "bool"),
        ("ip", "ip"),
        ("notip", "ip"),
        ("arn", "arn"),
    ];
    families.iter().find(|(start, _)| base.starts_with(start)).map(|(_, family)| *family)
}
