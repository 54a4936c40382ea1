use std::net::IpAddr;

use iam_policy::model::Policy;
use iam_policy::pattern;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "redundant-condition-value",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_CONDITION_VALUE"),
    doc: include_str!("redundant_condition_value.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        let like = base.ends_with("like");
        let values = &condition.values;
        for (i, item) in values.iter().enumerate().take(256) {
            let cover = values.iter().enumerate().take(256).find(|(j, other)| {
                let same = other.same(item);
                let wider = || {
                    like && pattern::covers(other.raw(), item.raw()) || includes_range(&base, other.raw(), item.raw())
                };
                *j != i && (same && *j < i || !same && wider())
            });
            if let Some((_, other)) = cover {
                let message = format!("`{}` is covered by `{}`", item.text, other.text);
                reporter.at(item.at, message, "remove it").related(other.at.span, "the other value is here");
            }
        }
    }
}

/// Whether every number or address that matches `narrow` also matches `wide`.
fn includes_range(base: &str, wide: &str, narrow: &str) -> bool {
    if base.ends_with("ipaddress") {
        return matches!((parse_network(wide), parse_network(narrow)), (Some((a, m)), Some((b, n)))
            if a.is_ipv4() == b.is_ipv4() && m < n && leading_bits(a, m) == leading_bits(b, m));
    }
    let (Ok(a), Ok(b)) = (wide.parse::<f64>(), narrow.parse::<f64>()) else { return false };
    match base {
        "numericlessthan" | "numericlessthanequals" => a > b,
        "numericgreaterthan" | "numericgreaterthanequals" => a < b,
        _ => false,
    }
}

fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let max_length = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(max_length), |l| l.parse().ok()).filter(|l| *l <= max_length)?;
    Some((address, length))
}

/// The leading `length` bits of an address, left-aligned in 128 bits.
fn leading_bits(address: IpAddr, length: u32) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    bits & u128::MAX.checked_shl(128 - length).unwrap_or(0)
}
