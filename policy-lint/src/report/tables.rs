//! The generated parts of `docs/rules.md`.
use std::fmt::Write as _;

use crate::rules;

/// The markers around a generated part of a file.
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// The text with its generated parts updated; `None` if it has none.
pub fn update(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut any = false;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, tail) = after.split_once(" -->")?;
        let (_, behind) = tail.split_once(END)?;
        let table = match name {
            "rules" => rules_table(),
            "aws" => aws_table(),
            _ => return None,
        };
        let _ = write!(out, "{before}{BEGIN}{name} -->\n{table}{END}");
        rest = behind;
        any = true;
    }
    any.then(|| out + rest)
}

fn rules_table() -> String {
    let mut table =
        String::from("| rule | family | severity | persona | AWS | what it finds |\n|---|---|---|---|---|---|\n");
    let mut sorted: Vec<_> = rules::ALL.to_vec();
    sorted.sort_by_key(|r| (r.family, r.name));
    for rule in sorted {
        let file = rule.name.replace('-', "_");
        let family = format!("{:?}", rule.family).to_lowercase();
        let _ = writeln!(
            table,
            "| [`{}`](../policy-lint/src/rules/{file}.md) | {family} | {} | {} | {} | {} |",
            rule.name,
            rule.severity,
            rule.persona,
            rule.aws.unwrap_or(""),
            rule.summary().replace('|', "\\|"),
        );
    }
    table
}

/// The published checks of AWS and the rules that correspond to them, from the committed table.
fn aws_table() -> String {
    let mut table = String::from("| AWS check | rule |\n|---|---|\n");
    let lines = include_str!("../../aws-checks.txt").lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    for (check, answer) in lines.filter_map(|l| l.split_once('\t')) {
        let answer = match rules::find(answer) {
            Some(rule) => format!("`{}`", rule.name),
            None => answer.to_owned(),
        };
        let _ = writeln!(table, "| {check} | {answer} |");
    }
    table
}
