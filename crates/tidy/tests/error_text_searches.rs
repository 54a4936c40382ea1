//! No error of the SDK is classified by the text of its message: `lambda_support::aws::classify` uses type and code.
//!
//! The test searches the sources of the Lambdas and of `sluice` for text searches (`contains`, `starts_with`,
//! `ends_with`, `find`, `matches`, `strip_prefix`). Their receiver must not be an error, its code or its text.

use tidy::program_sources;

/// Methods that search a text.
const SEARCHES: [&str; 6] =
    [".contains(", ".starts_with(", ".ends_with(", ".find(\"", ".matches(\"", ".strip_prefix(\""];

/// Names of variables for an error, its code or its text.
const ERROR_NAMES: [&str; 9] = ["message", "msg", "m", "code", "c", "why", "reason", "error", "err"];

/// Expressions that convert an error to its text.
const FROM_ERRORS: [&str; 2] = ["e.to_string()", "DisplayErrorContext("];

/// A source without its tests, which are at its end, and without comments.
fn code(source: &str) -> String {
    let body = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = body.lines().map(|l| l.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The searches in the text of an error, each with its line number.
fn suspects(source: &str) -> Vec<String> {
    let code = code(source);
    if !code.contains("SdkError") && !code.contains("aws_sdk_") && !code.contains("lambda_support::aws") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for search in SEARCHES {
        for (at, _) in code.match_indices(search) {
            // The receiver: back to the start of the statement or argument.
            let before = &code[..at];
            let start = before.rfind([';', '{', '}', ',']).map_or(0, |n| n + 1);
            let expression = &before[start..];
            let mut names = expression.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let from_error =
                names.any(|name| ERROR_NAMES.contains(&name)) || FROM_ERRORS.iter().any(|way| expression.contains(way));
            // `codes.contains(&code)` compares the elements of a list.
            let argument = &code[at + search.len()..];
            let list = argument.starts_with('&') && search == ".contains(";
            if !list && from_error {
                let line = before.lines().count();
                found.push(format!("{line}: {}{search}", expression.trim()));
            }
        }
    }
    found
}

#[test]
fn no_error_is_classified_by_its_text() {
    let sources = program_sources();
    assert!(sources.len() > 60, "only {} sources found", sources.len());
    let found: Vec<String> = sources
        .iter()
        .flat_map(|source| suspects(&source.text).into_iter().map(|line| format!("{}:{line}", source.path)))
        .collect();
    assert!(found.is_empty(), "classify by `lambda_support::aws::classify`:\n{}", found.join("\n"));
}

#[test]
fn searches_in_error_texts_are_detected() {
    let used = "use aws_sdk_s3::error::SdkError;\n";
    for bad in [
        "message.is_some_and(|m| m.contains(\"Item size\"))",
        "if error.to_string().contains(\"AccessDenied\") {}",
        "let reason = text(&error); if reason.contains(\"x\") {}",
        "if error.message().unwrap_or_default().starts_with(\"The\") {}",
        "(c, _) if code.contains(\"NonExistentQueue\") => {}",
        "let advice = if why.contains(\"AccessDenied\") { 1 } else { 2 };",
    ] {
        assert_eq!(suspects(&format!("{used}{bad}")).len(), 1, "{bad}");
    }
    for good in [
        "if error.code() == Some(\"NoSuchBucket\") {}",
        "if codes.contains(&code) {}",
        "if key.starts_with(\"_sluice/\") {}",
        "// why.contains(\"x\")",
        "#[cfg(test)] mod tests { fn f() { assert!(error.to_string().contains(\"x\")); } }",
    ] {
        assert_eq!(suspects(&format!("{used}{good}")), Vec::<String>::new(), "{good}");
    }
}
