//! See the page.
use crate::arn::is_everything;
use crate::model::Policy;
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "redundant-resource",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_RESOURCE"),
    doc: include_str!("redundant_resource.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for (statement, resources) in policy.statements.iter().filter_map(|s| Some((s, s.resources.as_ref()?))) {
        let items = &resources.items;
        let wide: Vec<usize> = (0..items.len()).filter(|&i| pattern::has_wildcard(items[i].raw())).take(64).collect();
        let mut first = std::collections::HashMap::new();
        for (i, item) in items.iter().enumerate() {
            let text = item.text.to_string();
            let same = first.get(&text).copied().filter(|&f: &usize| items[f].same(item));
            first.entry(text).or_insert(i);
            let by_pattern = wide
                .iter()
                .copied()
                .find(|&w| w != i && items[w].raw() != item.raw() && pattern::covers(items[w].raw(), item.raw()));
            let Some(cover) = by_pattern.or(same) else { continue };
            let other = &items[cover];
            let message = if by_pattern.is_some() {
                format!("`{}` is covered by `{}`", item.text, other.text)
            } else {
                format!("`{}` stands here twice", item.text)
            };
            let finding = out.at(item.at, message, "remove it");
            finding.related(other.at.span, "the other is here");
            // Of the two, it is `*` that should go, as rules about breadth say.
            if statement.allows() && is_everything(other.raw()) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}
