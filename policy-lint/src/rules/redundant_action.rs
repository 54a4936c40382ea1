//! See the page.
use crate::model::Policy;
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::rules::service_wildcard::whole_service;

/// The rule.
pub static RULE: Rule = Rule {
    name: "redundant-action",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_ACTION"),
    doc: include_str!("redundant_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for (statement, actions) in policy.statements.iter().filter_map(|s| Some((s, s.actions.as_ref()?))) {
        let folded: Vec<String> = actions.items.iter().map(|i| i.raw().to_ascii_lowercase()).collect();
        // Without a wildcard only equal names cover each other; sets keep long lists linear.
        let wide: Vec<usize> = (0..folded.len()).filter(|&i| pattern::has_wildcard(&folded[i])).take(64).collect();
        let mut first = std::collections::HashMap::new();
        for (i, text) in folded.iter().enumerate() {
            let by_pattern =
                wide.iter().copied().find(|&w| w != i && text != &folded[w] && pattern::covers(&folded[w], text));
            let same = |&f: &usize| actions.items[f].text.is_known() || actions.items[f].same(&actions.items[i]);
            let by_name = first.get(text).copied().filter(same);
            first.entry(text).or_insert(i);
            let Some(cover) = by_pattern.or(by_name) else { continue };
            let (item, other) = (&actions.items[i], &actions.items[cover]);
            let message = if by_pattern.is_some() {
                format!("`{}` is covered by `{}`", item.text, other.text)
            } else {
                format!("`{}` stands here twice", item.text)
            };
            let finding = out.at(item.at, message, "remove it");
            finding.related(other.at.span, "the other is here");
            // Of the two, it is the wildcard that should go, as rules about breadth say.
            if statement.allows() && (other.raw() == "*" || whole_service(other.raw()).is_some()) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}
