//! See the page.
use iam_policy::arn::Arn;
use iam_policy::model::{Condition, Item, Policy, Principal, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, MAX_FINDINGS, Persona, Reporter, Rule, Severity};
use crate::rules::redundant_statement::includes;

/// The rule.
pub static RULE: Rule = Rule {
    name: "public-principal",
    family: Family::Exposure,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("public_principal.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind.only_bounds() {
        return;
    }
    let perimeter: Vec<&Statement> =
        policy.statements.iter().filter(|s| keeps_strangers_out(s)).take(MAX_FINDINGS).collect();
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.is_everyone()) {
            if is_narrowed(policy.kind, statement) || perimeter.iter().any(|d| speaks_of_all(d, statement)) {
                continue;
            }
            let what =
                if policy.kind == PolicyKind::Trust { "assume the role" } else { "use what the statement allows" };
            reporter.at(
                principal.item.at,
                format!("principal `*` lets anybody with an AWS account, or without one, {what}"),
                "name accounts or roles, or keep `*` and add a condition on `aws:PrincipalOrgID`, `aws:SourceAccount` or `aws:SourceArn`",
            );
        }
    }
}

/// Keys that say who is calling or from where, so that `*` is not everybody.
const NARROWING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourcevpcarn",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "ec2:instanceid",
    "elasticfilesystem:accessedviamounttarget",
    "elasticfilesystem:accesspointarn",
    "kms:calleraccount",
    "kms:viaservice",
    "lambda:functionurlauthtype",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "sns:endpoint",
    "sts:externalid",
];

/// Whether a condition of the statement says who may come, and not with a value that lets everybody in.
pub fn is_narrowed(kind: PolicyKind, statement: &Statement) -> bool {
    // An external id is a number that vendors tell their customers, no secret and no proof of who comes.
    let known = |c: &&Condition| kind == PolicyKind::Trust && c.key.raw().eq_ignore_ascii_case("sts:ExternalId");
    statement.unknown_condition || statement.conditions.iter().filter(|c| !known(c)).any(narrows)
}

/// Whether it is a `Deny` of everybody but some.
fn keeps_strangers_out(deny: &Statement) -> bool {
    let perimeter = |c: &Condition| {
        let key = c.key.raw().to_ascii_lowercase();
        let own = c.base().eq_ignore_ascii_case("Bool") && matches!(key.as_str(), PRINCIPAL_IS_SERVICE | VIA_SERVICE);
        own || is_about_callers(&key) && c.is_negative() && !c.if_exists() && !c.values.iter().any(is_open)
    };
    deny.denies()
        && deny.principals.iter().any(|p| !p.negated && p.items.iter().any(Principal::is_everyone))
        && deny.conditions.iter().any(|c| c.is_negative())
        && deny.conditions.iter().all(perimeter)
}

/// Whether a `Deny` is about everything that another statement allows.
fn speaks_of_all(deny: &Statement, allow: &Statement) -> bool {
    includes(deny.actions.as_ref(), allow.actions.as_ref(), &pattern::covers_any_case)
        && includes(deny.resources.as_ref(), allow.resources.as_ref(), &|w, n| pattern::covers(w, n))
}

const PRINCIPAL_IS_SERVICE: &str = "aws:principalisawsservice";
const VIA_SERVICE: &str = "aws:viaawsservice";

/// Whether a key says who is calling or from where.
fn is_about_callers(key: &str) -> bool {
    NARROWING.contains(&key) || key.starts_with("aws:principaltag/") || key.ends_with(":sub")
}

/// Whether a value lets everybody in: all addresses, all names, or a name that anybody's account may have.
fn is_open(value: &Item) -> bool {
    let text = value.raw();
    let anybodys = |arn: Arn<'_>| pattern::has_wildcard(arn.account) && arn.account.bytes().all(|b| b == b'*');
    text.bytes().all(|b| b == b'*') || matches!(text, "0.0.0.0/0" | "::/0") || Arn::parse(text).is_some_and(anybodys)
}

fn narrows(condition: &Condition) -> bool {
    let key = condition.key.raw().to_ascii_lowercase();
    let who = is_about_callers(&key);
    let nobody = |v: &Item| key == "lambda:functionurlauthtype" && v.raw().eq_ignore_ascii_case("NONE");
    who && !condition.is_negative()
        && !condition.values.iter().any(nobody)
        && !condition.if_exists()
        && !condition.values.iter().any(is_open)
        && !condition.base().eq_ignore_ascii_case("Null")
}
