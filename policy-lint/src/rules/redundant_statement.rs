//! See the page.
use crate::model::{Elements, Item, Policy, Statement};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "redundant-statement",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: Some("REDUNDANT_STATEMENT"),
    doc: include_str!("redundant_statement.md"),
    check: Check::Policy(check),
};

/// Policies with more statements than this are not compared pairwise.
const MOST: usize = 200;

fn check(policy: &Policy, out: &mut Out<'_>) {
    let statements = &policy.statements;
    if statements.len() > MOST {
        return;
    }
    for (i, narrow) in statements.iter().enumerate() {
        let cover = statements
            .iter()
            .enumerate()
            .find(|(j, wide)| *j != i && covers(wide, narrow) && !(*j > i && covers(narrow, wide)));
        if let Some((_, wide)) = cover {
            let message = "another statement says all that this one says";
            out.at(narrow.head, message, "remove one of the two").related(wide.head.span, "the other is here");
        }
    }
}

fn covers(wide: &Statement, narrow: &Statement) -> bool {
    wide.effect.is_some()
        && wide.effect == narrow.effect
        && !wide.is_conditional()
        && same_principals(wide, narrow)
        && includes(wide.resources.as_ref(), narrow.resources.as_ref(), &|w, n| pattern::covers(w, n))
        && includes(wide.actions.as_ref(), narrow.actions.as_ref(), &covers_action)
}

/// Whether one list says all that another says.
pub fn includes(wide: Option<&Elements>, narrow: Option<&Elements>, covers: &dyn Fn(&str, &str) -> bool) -> bool {
    let (Some(wide), Some(narrow)) = (wide, narrow) else { return wide.is_none() && narrow.is_none() };
    let whole = !wide.negated && !narrow.negated && !narrow.incomplete && !narrow.items.is_empty();
    let fits = |w: &Item, n: &Item| w.text.holes() == n.text.holes() && w.raw() == n.raw() || covers(w.raw(), n.raw());
    whole && narrow.items.iter().all(|n| wide.items.iter().any(|w| fits(w, n)))
}

/// Names of actions are the same in any case.
pub fn covers_action(wide: &str, narrow: &str) -> bool {
    let first = |text: &str| text.bytes().next().map(|b| b.to_ascii_lowercase());
    let may = wide.starts_with('*') || first(wide) == first(narrow);
    may && pattern::covers(&wide.to_ascii_lowercase(), &narrow.to_ascii_lowercase())
}

fn same_principals(wide: &Statement, narrow: &Statement) -> bool {
    match (&wide.principals, &narrow.principals) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let within = |x: &crate::model::Principal| {
                a.items.iter().any(|y| y.sort == x.sort && y.item.raw() == x.item.raw() && x.item.text.is_known())
            };
            !a.negated && !b.negated && !b.incomplete && !b.items.is_empty() && b.items.iter().all(within)
        }
        _ => false,
    }
}
