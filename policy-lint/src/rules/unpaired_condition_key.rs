use iam_policy::model::{Policy, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// Keys that identify the caller only together with another key, and the keys of which one is required.
const PAIRS: &[(&str, &[&str])] = &[
    ("aws:Ec2InstanceSourcePrivateIPv4", &["aws:Ec2InstanceSourceVpc"]),
    ("aws:VpcSourceIp", &["aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"]),
];

pub(crate) static RULE: Rule = Rule {
    name: "unpaired-condition-key",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("MISSING_PAIRED_CONDITION_KEYS"),
    doc: include_str!("unpaired_condition_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows() && !s.unknown_condition) {
        check_attributes(statement, reporter);
        for (key, partners) in PAIRS {
            let alone = !partners.iter().any(|p| statement.conditions_on(p).next().is_some());
            let Some(condition) = statement.conditions_on(key).next().filter(|_| alone) else { continue };
            let message = format!("`{key}` is a private address, which any network may use");
            reporter.at(condition.key.at, message, format!("add a condition on `{}`", partners[0]));
        }
    }
}

/// Actions that return whole items when the request names no attributes.
const READ_ACTIONS: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"];

fn check_attributes(statement: &Statement, reporter: &mut Reporter<'_>) {
    let Some(condition) = statement.conditions_on("dynamodb:Attributes").next() else { return };
    let reads = statement.granted_actions().flat_map(|(_, a)| a).any(|a| a.is_one_of(READ_ACTIONS));
    if !reads || statement.conditions_on("dynamodb:Select").next().is_some() {
        return;
    }
    let message = "a request that names no attributes returns all of them, regardless of `dynamodb:Attributes`";
    let help = "add `\"StringEqualsIfExists\": {\"dynamodb:Select\": \"SPECIFIC_ATTRIBUTES\"}`";
    reporter.at(condition.key.at, message, help).aws("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT");
}
