use std::cmp::Ordering;

use iam_policy::catalogue::compare_any_case;
use iam_policy::model::Policy;
use iam_policy::pattern;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::service_wildcard::whole_service;

pub(crate) static RULE: Rule = Rule {
    name: "redundant-action",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_ACTION"),
    doc: include_str!("redundant_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (statement, actions) in policy.statements.iter().filter_map(|s| Some((s, s.actions.as_ref()?))) {
        if actions.items.len() < 2 {
            continue;
        }
        let raw = |i: usize| actions.items[i].raw();
        // Without wildcards, only equal names cover each other.
        let firsts = first_of_each(actions.items.len(), |a, b| compare_any_case(raw(a), raw(b)));
        let wide: Vec<usize> = (0..firsts.len()).filter(|&i| pattern::has_wildcard(raw(i))).take(64).collect();
        for i in 0..firsts.len() {
            let wider = |w: &usize| *w != i && firsts[*w] != firsts[i] && pattern::covers_any_case(raw(*w), raw(i));
            let by_pattern = wide.iter().copied().find(wider);
            let same =
                |&f: &usize| f != i && (actions.items[f].text.is_known() || actions.items[f].same(&actions.items[i]));
            let by_name = Some(firsts[i]).filter(same);
            let Some(cover) = by_pattern.or(by_name) else { continue };
            let (item, other) = (&actions.items[i], &actions.items[cover]);
            let message = if by_pattern.is_some() {
                format!("`{}` is covered by `{}`", item.text, other.text)
            } else {
                format!("`{}` is listed twice", item.text)
            };
            let finding = reporter.at(item.at, message, "remove it");
            finding.related(other.at.span, "the other action is here");
            // The wildcard is the one to remove, which `wildcard-action` and `service-wildcard` report.
            if statement.allows() && (other.raw() == "*" || whole_service(other.raw()).is_some()) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}

/// For each index below `length`, the first index whose element is equal to it.
pub(crate) fn first_of_each(length: usize, compare: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
    let mut firsts = vec![0; length];
    for group in order.chunk_by(|&a, &b| compare(a, b).is_eq()) {
        group.iter().for_each(|&i| firsts[i] = group[0]);
    }
    firsts
}
