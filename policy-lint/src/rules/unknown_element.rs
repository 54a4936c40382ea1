use iam_policy::model::{Policy, members_at};
use iam_policy::spelling;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-element",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_POLICY_ELEMENT"),
    doc: include_str!("unknown_element.md"),
    check: Check::Policy(check),
};

const DOCUMENT: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let document = policy.members().map(|m| (m, DOCUMENT, "a policy"));
    let statements =
        policy.raw_statements().flat_map(|(v, at)| members_at(v, at.node_path)).map(|m| (m, STATEMENT, "a statement"));
    for ((member, at), known, whole) in document.chain(statements) {
        let name = member.key.raw();
        if known.contains(&name) {
            continue;
        }
        if let Some(suggested) = known.iter().find(|k| k.eq_ignore_ascii_case(name)) {
            let message = format!("`{}` is not an element of {whole}: element names are case-sensitive", member.key);
            reporter.at(at, message, format!("write `{suggested}`"));
            continue;
        }
        let near = spelling::closest(name, known.iter().copied());
        let help = near.map_or_else(
            || format!("remove it; the elements of {whole} are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        reporter.at(at, format!("`{}` is not an element of {whole}", member.key), help);
    }
}
