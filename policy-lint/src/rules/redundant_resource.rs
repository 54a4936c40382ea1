use std::borrow::Cow;

use iam_policy::arn::is_everything;
use iam_policy::model::{Item, Policy};
use iam_policy::pattern;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::redundant_action::first_of_each;

pub(crate) static RULE: Rule = Rule {
    name: "redundant-resource",
    family: Family::Redundancy,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("REDUNDANT_RESOURCE"),
    doc: include_str!("redundant_resource.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (statement, resources) in policy.statements.iter().filter_map(|s| Some((s, s.resources.as_ref()?))) {
        let items = &resources.items;
        if items.len() < 2 {
            continue;
        }
        let wide: Vec<usize> = (0..items.len()).filter(|&i| pattern::has_wildcard(items[i].raw())).take(64).collect();
        let texts: Vec<Cow<'_, str>> = items.iter().map(text_of).collect();
        let firsts = first_of_each(items.len(), |a, b| texts[a].cmp(&texts[b]));
        for (i, item) in items.iter().enumerate() {
            let same = Some(firsts[i]).filter(|&f| f != i && items[f].same(item));
            let by_pattern = wide
                .iter()
                .copied()
                .find(|&w| w != i && items[w].raw() != item.raw() && pattern::covers(items[w].raw(), item.raw()));
            let Some(cover) = by_pattern.or(same) else { continue };
            let other = &items[cover];
            let message = if by_pattern.is_some() {
                format!("`{}` is covered by `{}`", item.text, other.text)
            } else {
                format!("`{}` is listed twice", item.text)
            };
            let finding = reporter.at(item.at, message, "remove it");
            finding.related(other.at.span, "the other resource is here");
            // The `*` is the one to remove, which `broad-resource` reports.
            if statement.allows() && is_everything(other.raw()) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}

/// The text with every unresolved part replaced by its expression.
fn text_of(item: &Item) -> Cow<'_, str> {
    item.text.as_known().map_or_else(|| Cow::Owned(item.text.to_string()), Cow::Borrowed)
}
