use iam_policy::arn::Arn;
use iam_policy::model::{Condition, Item, Policy, Principal, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, MAX_FINDINGS, Persona, Reporter, Rule, Severity};
use crate::rules::redundant_statement::includes;

pub(crate) static RULE: Rule = Rule {
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
        policy.statements.iter().filter(|s| denies_other_principals(s)).take(MAX_FINDINGS).collect();
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        let principals = statement.principals.iter().filter(|p| !p.negated).flat_map(|p| &p.items);
        for principal in principals.filter(|p| p.is_everyone()) {
            if is_restricted(policy.kind, statement) || perimeter.iter().any(|d| covers_all(d, statement)) {
                continue;
            }
            let what = if policy.kind == PolicyKind::Trust { "assume the role" } else { "perform the allowed actions" };
            reporter.at(
                principal.item.at,
                format!("principal `*` allows any AWS account, and anonymous callers, to {what}"),
                "name accounts or roles, or add a condition on `aws:PrincipalOrgID`, `aws:SourceAccount` or `aws:SourceArn`",
            );
        }
    }
}

/// Keys that identify the caller or its network, so that a condition on them restricts `*`.
const CALLER_KEYS: &[&str] = &[
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

/// Whether a condition of the statement restricts the callers with a value that does not match every caller.
pub(crate) fn is_restricted(kind: PolicyKind, statement: &Statement) -> bool {
    // An external ID is not a secret, so it does not authenticate the caller.
    let known = |c: &&Condition| kind == PolicyKind::Trust && c.key.raw().eq_ignore_ascii_case("sts:ExternalId");
    statement.unknown_condition || statement.conditions.iter().filter(|c| !known(c)).any(restricts_caller)
}

/// Whether the statement denies every principal except some.
fn denies_other_principals(deny: &Statement) -> bool {
    let perimeter = |c: &Condition| {
        let key = c.key.raw().to_ascii_lowercase();
        let own = c.base().eq_ignore_ascii_case("Bool") && matches!(key.as_str(), PRINCIPAL_IS_SERVICE | VIA_SERVICE);
        own || is_caller_key(&key) && c.is_negative() && !c.if_exists() && !c.values.iter().any(matches_every_caller)
    };
    deny.denies()
        && deny.principals.iter().any(|p| !p.negated && p.items.iter().any(Principal::is_everyone))
        && deny.conditions.iter().any(|c| c.is_negative())
        && deny.conditions.iter().all(perimeter)
}

/// Whether a `Deny` covers everything that another statement allows.
fn covers_all(deny: &Statement, allow: &Statement) -> bool {
    includes(deny.actions.as_ref(), allow.actions.as_ref(), &pattern::covers_any_case)
        && includes(deny.resources.as_ref(), allow.resources.as_ref(), &|w, n| pattern::covers(w, n))
}

const PRINCIPAL_IS_SERVICE: &str = "aws:principalisawsservice";
const VIA_SERVICE: &str = "aws:viaawsservice";

/// Whether a key identifies the caller or its network.
fn is_caller_key(key: &str) -> bool {
    CALLER_KEYS.contains(&key) || key.starts_with("aws:principaltag/") || key.ends_with(":sub")
}

/// Whether a value matches every caller: all addresses, all names, or an ARN in any account.
fn matches_every_caller(value: &Item) -> bool {
    let text = value.raw();
    let any_account = |arn: Arn<'_>| pattern::has_wildcard(arn.account) && arn.account.bytes().all(|b| b == b'*');
    text.bytes().all(|b| b == b'*') || matches!(text, "0.0.0.0/0" | "::/0") || Arn::parse(text).is_some_and(any_account)
}

fn restricts_caller(condition: &Condition) -> bool {
    let key = condition.key.raw().to_ascii_lowercase();
    let who = is_caller_key(&key);
    let is_unauthenticated = |v: &Item| key == "lambda:functionurlauthtype" && v.raw().eq_ignore_ascii_case("NONE");
    who && !condition.is_negative()
        && !condition.values.iter().any(is_unauthenticated)
        && !condition.if_exists()
        && !condition.values.iter().any(matches_every_caller)
        && !condition.base().eq_ignore_ascii_case("Null")
}
