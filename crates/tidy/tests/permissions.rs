//! Code and grant name each other: every effect of a Lambda names the policy statements that allow it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use regex::Regex;
use syn::{Expr, ExprLit, Item, Lit, Meta};
use tidy::terraform::{called_folders, is_in};
use tidy::{Source, sources};

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

/// The Sids in a system's module and in the modules that it calls.
fn statements_of(system: &str, sources: &[Source]) -> BTreeSet<String> {
    // A statement per bucket has the bucket's suffix after the name: `FindVersion${..}`.
    let sid = Regex::new(r#"\bSid\s*=\s*"(\w+)"#).unwrap();
    let folders = called_folders(&format!("terraform/modules/{system}"), sources);
    let files = sources.iter().filter(|source| folders.iter().any(|folder| is_in(folder, source)));
    files.flat_map(|source| sid.captures_iter(&source.text).map(|found| found[1].to_owned())).collect()
}

#[test]
fn every_effect_names_the_statements_that_grant_it() {
    let sources = sources();
    let granted = Regex::new(r"Granted by (`\w+`(?: and `\w+`)*)\.").unwrap();
    let mut effects = 0;
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("lambdas/") && s.path.ends_with("/src/effect.rs")) {
        let lambda = source.path.split('/').nth(1).unwrap();
        let statements = statements_of(if lambda == "ledger" { "provenance" } else { lambda }, &sources);
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
                        "{}: `{}`: no statement `{sid}` in the module of its system or one that it calls",
                        source.path, variant.ident
                    ));
                }
            }
        }
    }
    assert!(effects > 20, "only {effects} effects found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_statement_may_be_in_a_module_that_the_system_calls() {
    let files = [
        (
            "ingest/main.tf",
            "module \"c\" {\n  source = \"../object-consumer\"\n}\nlocals {\n  Sid = \"StoreItem\"\n}\n",
        ),
        (
            "object-consumer/main.tf",
            "module \"r\" {\n  source = \"../role/\"\n}\nlocals {\n  Sid = \"TakeFromQueue\"\n}\n",
        ),
        (
            "role/iam.tf",
            "module \"c\" {\n  source = \"./../object-consumer\"\n}\nlocals {\n  Sid = \"ReadEncrypted\"\n}\n",
        ),
        ("role/nested/main.tf", "locals {\n  Sid = \"NotCalled\"\n}\n"),
        (
            "provenance/main.tf",
            "module \"x\" {\n  source = \"example/role/aws\"\n}\nlocals {\n  Sid = \"WriteReceipt\"\n}\n",
        ),
    ];
    let files = files.map(|(path, text)| Source { path: format!("terraform/modules/{path}"), text: text.to_owned() });
    let names = |system: &str| statements_of(system, &files).into_iter().collect::<Vec<_>>();
    assert_eq!(names("ingest"), ["ReadEncrypted", "StoreItem", "TakeFromQueue"]);
    assert_eq!(names("provenance"), ["WriteReceipt"]);
}
