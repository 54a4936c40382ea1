use iam_policy::model::{Elements, Item, Policy, Principal, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "redundant-statement",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_STATEMENT"),
    doc: include_str!("redundant_statement.md"),
    check: Check::Policy(check),
};

/// Policies with more statements than this are not compared pairwise.
const MAX_STATEMENTS: usize = 200;

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let statements = &policy.statements;
    if statements.len() > MAX_STATEMENTS {
        return;
    }
    if policy.kind == PolicyKind::Identity {
        report_deny_without_allow(policy, reporter);
    }
    let denies: Vec<&Statement> = statements.iter().filter(|s| s.denies()).collect();
    for (i, narrow) in statements.iter().enumerate() {
        if let Some(deny) = denies.iter().find(|d| denies_all(d, narrow)) {
            let message = "another statement denies everything that this statement allows";
            reporter
                .at(narrow.head, message, "remove it, or narrow the `Deny`")
                .severity(Severity::Warning)
                .related(deny.head.span, "the `Deny` is here");
        }
        let cover = statements
            .iter()
            .enumerate()
            .find(|(j, wide)| *j != i && covers(wide, narrow) && !(*j > i && covers(narrow, wide)));
        if let Some((_, wide)) = cover {
            let message = "another statement covers this statement";
            let finding = reporter.at(narrow.head, message, "remove one of the two statements");
            finding.related(wide.head.span, "the other statement is here");
            // AWS reports identical statements only; a policy that is assembled from parts may well overlap a little.
            if !covers(narrow, wide) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}

/// Whether a statement denies everything that another allows.
fn denies_all(deny: &Statement, allow: &Statement) -> bool {
    let every_principal = || deny.principals.iter().any(|p| !p.negated && p.items.iter().any(Principal::is_everyone));
    allow.allows()
        && !deny.is_conditional()
        && (every_principal() || same_principals(deny, allow))
        && includes(deny.resources.as_ref(), allow.resources.as_ref(), &|w, n| pattern::covers(w, n))
        && includes(deny.actions.as_ref(), allow.actions.as_ref(), &pattern::covers_any_case)
}

/// Whether all actions of a statement are known and listed under `Action`.
fn is_plain(statement: &Statement) -> bool {
    statement.actions.as_ref().is_some_and(|a| !a.negated && !a.incomplete && a.items.iter().all(|i| i.text.is_known()))
}

/// Reports each `Deny` of which the same policy allows no action.
fn report_deny_without_allow(policy: &Policy, reporter: &mut Reporter<'_>) {
    if !policy.statements.iter().any(Statement::denies) {
        return;
    }
    let allowing: Vec<&Statement> = policy.statements.iter().filter(|s| s.allows()).collect();
    if allowing.is_empty() || !allowing.iter().all(|s| is_plain(s)) {
        return;
    }
    let allowed = |pattern: &str| {
        let meets = |i: &Item| pattern::overlaps(&i.raw().to_ascii_lowercase(), &pattern.to_ascii_lowercase());
        allowing.iter().flat_map(|s| s.action_items()).any(meets)
    };
    for deny in policy.statements.iter().filter(|s| s.denies() && is_plain(s)) {
        if !deny.action_items().iter().any(|i| allowed(i.raw())) {
            let message = "the policy allows nothing that this statement denies";
            reporter
                .at(deny.head, message, "remove it, unless it restricts other policies of the same identity")
                .persona(Persona::Pedantic);
        }
    }
}

fn covers(wide: &Statement, narrow: &Statement) -> bool {
    wide.effect.is_some()
        && wide.effect == narrow.effect
        && !wide.is_conditional()
        && same_principals(wide, narrow)
        && includes(wide.resources.as_ref(), narrow.resources.as_ref(), &|w, n| pattern::covers(w, n))
        && includes(wide.actions.as_ref(), narrow.actions.as_ref(), &pattern::covers_any_case)
}

/// Whether every element of `narrow` is covered by an element of `wide`.
pub(crate) fn includes(
    wide: Option<&Elements>,
    narrow: Option<&Elements>,
    covers: &dyn Fn(&str, &str) -> bool,
) -> bool {
    let (Some(wide), Some(narrow)) = (wide, narrow) else { return wide.is_none() && narrow.is_none() };
    let whole = !wide.negated && !narrow.negated && !narrow.incomplete && !narrow.items.is_empty();
    let fits = |w: &Item, n: &Item| w.same(n) || covers(w.raw(), n.raw());
    whole && narrow.items.iter().all(|n| wide.items.iter().any(|w| fits(w, n)))
}

fn same_principals(wide: &Statement, narrow: &Statement) -> bool {
    match (&wide.principals, &narrow.principals) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let within = |x: &Principal| {
                a.items.iter().any(|y| {
                    y.principal_type == x.principal_type && y.item.raw() == x.item.raw() && x.item.text.is_known()
                })
            };
            !a.negated && !b.negated && !b.incomplete && !b.items.is_empty() && b.items.iter().all(within)
        }
        _ => false,
    }
}
