//! Code and grant name each other: every effect of a Lambda names the policy statements that allow it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use regex::Regex;
use syn::{Expr, ExprLit, Item, Lit, Meta};
use tidy::sources;

/// The doc comment of an item, on one line.
fn documentation(attributes: &[syn::Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value
        {
            text.push_str(&line.value());
        }
    }
    text
}

#[test]
fn every_effect_names_the_statements_that_grant_it() {
    let sources = sources();
    // A statement per bucket has the bucket's suffix after the name: `FindVersion${..}`.
    let sid = Regex::new(r#"\bSid\s*=\s*"(\w+)"#).unwrap();
    let statements_of = |system: &str| -> BTreeSet<&str> {
        let module = format!("terraform/modules/{system}/");
        let files = sources.iter().filter(|source| source.path.starts_with(&module) && source.has_extension(&["tf"]));
        files.flat_map(|source| sid.captures_iter(&source.text).map(|found| found.get(1).unwrap().as_str())).collect()
    };
    let granted = Regex::new(r"Granted by (`\w+`(?: and `\w+`)*)\.").unwrap();
    let mut effects = 0;
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("lambdas/") && s.path.ends_with("/src/effect.rs")) {
        let lambda = source.path.split('/').nth(1).unwrap();
        let statements = statements_of(if lambda == "ledger" { "provenance" } else { lambda });
        let items = syn::parse_file(&source.text).unwrap().items;
        let effect = items.iter().find_map(|item| match item {
            Item::Enum(item) if item.ident == "Effect" => Some(item),
            _ => None,
        });
        for variant in &effect.unwrap_or_else(|| panic!("{}: no `Effect`", source.path)).variants {
            effects += 1;
            let documentation = documentation(&variant.attrs);
            let Some(grant) = granted.captures(&documentation) else {
                wrong.push(format!("{}: `{}`: end its comment with \"Granted by `SID`.\"", source.path, variant.ident));
                continue;
            };
            for sid in grant[1].split(" and ").map(|sid| sid.trim_matches('`')) {
                if !statements.contains(sid) {
                    wrong.push(format!(
                        "{}: `{}`: no statement `{sid}` in the module of its system",
                        source.path, variant.ident
                    ));
                }
            }
        }
    }
    assert!(effects > 20, "only {effects} effects found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
