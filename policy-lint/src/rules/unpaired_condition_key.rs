//! See the page.
use crate::model::Policy;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// Keys that say little alone, and those of which one must stand beside them.
const PAIRS: &[(&str, &[&str])] = &[
    ("aws:Ec2InstanceSourcePrivateIPv4", &["aws:Ec2InstanceSourceVpc"]),
    ("aws:VpcSourceIp", &["aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"]),
];

/// The rule.
pub static RULE: Rule = Rule {
    name: "unpaired-condition-key",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("MISSING_PAIRED_CONDITION_KEYS"),
    doc: include_str!("unpaired_condition_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows() && !s.unknown_condition) {
        for (key, partners) in PAIRS {
            let alone = !partners.iter().any(|p| statement.conditions_on(p).next().is_some());
            let Some(condition) = statement.conditions_on(key).next().filter(|_| alone) else { continue };
            let message = format!("`{key}` is an address that any network may have");
            out.at(condition.key.at, message, format!("add a condition on `{}`", partners[0]));
        }
    }
}
