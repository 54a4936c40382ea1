use std::net::IpAddr;

use iam_policy::model::{Item, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "private-source-ip",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("PRIVATE_IP_ADDRESS"),
    doc: include_str!("private_source_ip.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| s.conditions_on("aws:SourceIp")) {
        let private: Vec<&Item> = condition.values.iter().filter(|v| is_private(v.raw())).collect();
        let Some(first) = private.first() else { continue };
        let all = private.len() == condition.values.len() && !condition.incomplete;
        let help = "use public addresses; for calls through a VPC endpoint use `aws:VpcSourceIp` with `aws:SourceVpc`";
        if all {
            let message = format!("`aws:SourceIp` is always a public address, so `{}` never matches", first.text);
            reporter.at(first.at, message, help);
        } else {
            for item in private {
                let message = format!("`aws:SourceIp` is always a public address, so `{}` has no effect", item.text);
                reporter.at(item.at, message, help).severity(Severity::Note).aws("PRIVATE_IP_SUBSET");
            }
        }
    }
}

/// Whether an address or range is private, loopback or link-local.
fn is_private(text: &str) -> bool {
    match text.split('/').next().and_then(|a| a.parse().ok()) {
        Some(IpAddr::V4(v4)) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        Some(IpAddr::V6(v6)) => v6.is_unique_local() || v6.is_loopback(),
        None => false,
    }
}
