//! See the page.
use crate::arn::Arn;
use crate::model::Policy;
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "invalid-condition-value",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_CONDITION_DATA_TYPE"),
    doc: include_str!("invalid_condition_value.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        for item in &condition.values {
            let Some(text) = item.text.as_known().filter(|t| !t.contains("${")) else { continue };
            let (what, fits, help) = match base.as_str() {
                "bool" | "null" => ("a truth value", is_truth(text), "write `true` or `false`"),
                "ipaddress" | "notipaddress" => {
                    ("an IP address or range", is_range(text), "write it as in `203.0.113.0/24`")
                }
                b if b.starts_with("numeric") => ("a number", text.parse::<f64>().is_ok(), "write a number"),
                b if b.starts_with("date") => ("a date", is_date(text), "write it as in `2027-01-31T00:00:00Z`"),
                b if b.starts_with("arn") => {
                    ("an ARN", is_arn(text), "write it as in `arn:aws:service:region:account:name`")
                }
                _ => continue,
            };
            if !fits {
                out.at(item.at, format!("`{text}` is not {what}, as `{}` wants", condition.operator.text), help);
            }
        }
    }
}

fn is_truth(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn is_range(text: &str) -> bool {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|l| l.parse::<u32>().is_ok_and(|l| l <= most))
}

/// A day, a time, or seconds since 1970.
fn is_date(text: &str) -> bool {
    let day = text.get(..10).unwrap_or(text);
    let parts: Vec<&str> = day.split('-').collect();
    let number = |i: usize| parts.get(i).and_then(|p| p.parse::<u32>().ok());
    let calendar = parts.len() == 3
        && number(1).is_some_and(|m| (1..=12).contains(&m))
        && number(2).is_some_and(|d| (1..=31).contains(&d))
        && number(0).is_some();
    let month_or_year = parts.len() < 3 && number(0).is_some_and(|y| (1970..=9999).contains(&y));
    text.parse::<u64>().is_ok() || calendar || month_or_year
}

fn is_arn(text: &str) -> bool {
    text == "*" || Arn::parse(text).is_some() || text.starts_with("arn:") && pattern::has_wildcard(text)
}
