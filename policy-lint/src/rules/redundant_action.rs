//! See the page.
use crate::model::Policy;
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "redundant-action",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Pedantic,
    aws: Some("REDUNDANT_ACTION"),
    doc: include_str!("redundant_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for actions in policy.statements.iter().filter_map(|s| s.actions.as_ref()) {
        let folded: Vec<String> = actions.items.iter().map(|i| i.raw().to_ascii_lowercase()).collect();
        // Without a wildcard only equal names cover each other; sets keep long lists linear.
        let wide: Vec<usize> = (0..folded.len()).filter(|&i| pattern::has_wildcard(&folded[i])).take(64).collect();
        let mut first = std::collections::HashMap::new();
        for (i, text) in folded.iter().enumerate() {
            let by_pattern =
                wide.iter().copied().find(|&w| w != i && text != &folded[w] && pattern::covers(&folded[w], text));
            let by_name = first.get(text).copied();
            first.entry(text).or_insert(i);
            let Some(cover) = by_pattern.or(by_name) else { continue };
            let (item, other) = (&actions.items[i], &actions.items[cover]);
            let message = if by_pattern.is_some() {
                format!("`{}` is covered by `{}`", item.text, other.text)
            } else {
                format!("`{}` stands here twice", item.text)
            };
            out.at(item.at, message, "remove it").related(other.at.span, "the other is here");
        }
    }
}
