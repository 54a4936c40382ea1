use std::net::IpAddr;

use iam_policy::arn::Arn;
use iam_policy::model::{Condition, Item, Policy};
use iam_policy::pattern;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::invalid_arn::is_region;
use crate::rules::invalid_principal::is_service;
use crate::rules::unknown_operator::OPERATORS;

pub(crate) static RULE: Rule = Rule {
    name: "invalid-condition-value",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_CONDITION_DATA_TYPE"),
    doc: include_str!("invalid_condition_value.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        if let ("bool" | "null", [_, second, ..]) = (base.as_str(), condition.values.as_slice()) {
            let message = format!("`{}` accepts one Boolean value, but several are given", condition.operator.text);
            reporter.at(second.at, message, "keep one value").aws("INVALID_CONDITION_MULTIPLE_BOOLEAN");
            continue;
        }
        for item in &condition.values {
            let Some(text) = item.text.as_known() else { continue };
            if text.contains("${") {
                check_variable(&base, condition, item, reporter);
                continue;
            }
            check_range(&base, text, item, reporter);
            if let Some(mismatch) = mismatch(condition, &base, text) {
                reporter.at(item.at, mismatch.message, mismatch.help).aws(mismatch.code);
                continue;
            }
            let (what, fits, help) = match base.as_str() {
                "bool" | "null" => ("a Boolean", is_boolean(text), "write `true` or `false`"),
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
                reporter.at(
                    item.at,
                    format!("`{text}` is not {what}, which `{}` requires", condition.operator.text),
                    help,
                );
            }
        }
    }
}

/// What is wrong with a value that its key never has.
struct Mismatch {
    message: String,
    help: String,
    code: &'static str,
}

/// Compares a value with the format that the values of its key have.
fn mismatch(condition: &Condition, base: &str, text: &str) -> Option<Mismatch> {
    let key = condition.key.raw().to_ascii_lowercase();
    if base.starts_with("date") && key == "aws:currenttime" && text.len() > 4 && text.parse::<u64>().is_ok() {
        return Some(Mismatch {
            message: format!("`{text}` is a Unix timestamp, but `{}` is a date", condition.key.text),
            help: String::from("write it as in `2027-01-31T00:00:00Z`, or use `aws:EpochTime`"),
            code: "INVALID_DATE_VALUE",
        });
    }
    if !base.starts_with("string") || pattern::has_wildcard(text) || text.is_empty() || text.contains(['<', '{']) {
        return None;
    }
    let format = format_of(&key, text)?;
    let message = format!("`{text}` is not {}, which `{}` always is", format.noun, condition.key.text);
    let help = format!("write it as in `{}`", format.example);
    (!format.fits).then_some(Mismatch { message, help, code: format.code })
}

/// The format that the values of a key have.
struct ValueFormat {
    noun: &'static str,
    /// Whether the value has the format.
    fits: bool,
    example: &'static str,
    /// The code of the check in AWS Access Analyzer.
    code: &'static str,
}

/// The format of the values of a key, in lower case; `None` if any string is valid.
fn format_of(key: &str, text: &str) -> Option<ValueFormat> {
    let (noun, fits, example, code) = match key {
        "aws:sourcevpc" => ("a VPC ID", is_vpc_id(text, "vpc-"), "vpc-0123456789abcdef0", "INVALID_VPC_FORMAT"),
        "aws:sourcevpce" => {
            ("a VPC endpoint ID", is_vpc_id(text, "vpce-"), "vpce-0123456789abcdef0", "INVALID_VPCE_FORMAT")
        }
        "aws:requestedregion" | "ec2:region" => ("a region", is_region(text), "eu-west-1", "INVALID_REGION"),
        "kms:viaservice" => (
            "a regional service name",
            is_regional_service(text),
            "s3.eu-west-1.amazonaws.com",
            "INVALID_SERVICE_PRINCIPAL_FORMAT",
        ),
        "aws:calledvia"
        | "aws:calledviafirst"
        | "aws:calledvialast"
        | "aws:principalservicename"
        | "iam:awsservicename"
        | "iam:passedtoservice" => {
            ("a service principal", is_service(text), "lambda.amazonaws.com", "INVALID_SERVICE_PRINCIPAL_FORMAT")
        }
        "aws:principalaccount"
        | "aws:resourceaccount"
        | "aws:sourceaccount"
        | "kms:calleraccount"
        | "s3:dataaccesspointaccount"
        | "s3:resourceaccount" => {
            let other = text.starts_with("arn:") || text.len() != 12 && text.bytes().all(|b| b.is_ascii_digit());
            ("a twelve-digit account ID", !other, "111122223333", "INVALID_CONDITION_DATA_TYPE")
        }
        "aws:principalorgid" | "aws:resourceorgid" | "aws:sourceorgid" => {
            ("an organization ID", text.starts_with("o-"), "o-a1b2c3d4e5", "INVALID_CONDITION_DATA_TYPE")
        }
        "s3:x-amz-server-side-encryption-aws-kms-key-id" => (
            "the ARN of a KMS key",
            Arn::parse(text).is_some_and(|a| a.service == "kms"),
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "INVALID_KMS_KEY_VALUE",
        ),
        _ => return None,
    };
    Some(ValueFormat { noun, fits, example, code })
}

/// Whether an ID has its prefix and at least eight characters after it; older IDs have eight, newer ones seventeen.
fn is_vpc_id(text: &str, start: &str) -> bool {
    text.strip_prefix(start).is_some_and(|id| id.bytes().all(|b| b.is_ascii_alphanumeric()) && id.len() >= 8)
}

/// Whether a name is a service principal with the region before the domain.
fn is_regional_service(text: &str) -> bool {
    let name = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    name.and_then(|n| n.rsplit_once('.')).is_some_and(|(_, region)| is_region(region))
}

/// Reports a variable under an operator that does not replace variables.
fn check_variable(base: &str, condition: &Condition, item: &Item, reporter: &mut Reporter<'_>) {
    let fits = ["string", "arn"].iter().any(|f| base.starts_with(f));
    let is_variable = item.raw().split("${").skip(1).any(|v| v.contains(':'));
    if !fits && is_variable && OPERATORS.iter().any(|o| o.eq_ignore_ascii_case(base)) {
        let message = format!("`{}` compares the variable in `{}` as literal text", condition.operator.text, item.text);
        reporter
            .at(item.at, message, "write the value; variables are replaced only by string and ARN operators")
            .aws("INVALID_VARIABLE_FOR_OPERATOR");
    }
}

/// Reports an address with bits set beyond its prefix length.
fn check_range(base: &str, text: &str, item: &Item, reporter: &mut Reporter<'_>) {
    if !matches!(base, "ipaddress" | "notipaddress") || !is_range(text) {
        return;
    }
    let Some((address, length)) = text.split_once('/') else { return };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u32>()) else { return };
    let network = match address {
        IpAddr::V4(v4) => IpAddr::V4(u32::MAX.checked_shl(32 - length).map_or(0, |mask| u32::from(v4) & mask).into()),
        IpAddr::V6(v6) => {
            IpAddr::V6(u128::MAX.checked_shl(128 - length).map_or(0, |mask| u128::from(v6) & mask).into())
        }
    };
    if network != address {
        let message = format!("`{text}` has bits set beyond its prefix length, which are ignored");
        reporter
            .at(item.at, message, format!("write `{network}/{length}`"))
            .severity(Severity::Note)
            .aws("IMPROVE_IP_RANGE");
    }
}

fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn is_range(text: &str) -> bool {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|l| l.parse::<u32>().is_ok_and(|l| l <= most))
}

/// Whether a text is a date, a date and time (ISO 8601), or a Unix timestamp.
fn is_date(text: &str) -> bool {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let parts: Vec<u32> = day.split('-').map_while(|p| p.parse().ok()).collect();
    let whole = parts.len() == day.split('-').count();
    let calendar = match *parts.as_slice() {
        [year, month, day] => (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day),
        [year, month] => time.is_none() && (1970..=9999).contains(&year) && (1..=12).contains(&month),
        [year] => time.is_none() && (1970..=9999).contains(&year),
        _ => false,
    };
    text.parse::<u64>().is_ok() || whole && calendar && time.is_none_or(is_time)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether a text is a time such as `10:00`, `10:00:00` or `10:00:00.5`, optionally followed by a zone.
fn is_time(text: &str) -> bool {
    let clock = text.split(['Z', '+', '-']).next().unwrap_or_default();
    let parts: Vec<&str> = clock.split(':').collect();
    let within = |i: usize, end: f64| parts.get(i).is_none_or(|p| p.parse::<f64>().is_ok_and(|n| n < end));
    (2..=3).contains(&parts.len()) && within(0, 24.0) && within(1, 60.0) && within(2, 61.0)
}

fn is_arn(text: &str) -> bool {
    text == "*" || Arn::parse(text).is_some() || text.starts_with("arn:") && pattern::has_wildcard(text)
}
