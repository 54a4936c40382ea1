//! SARIF 2.1.0, for code scanning services.
use std::io::{self, Write};

use iam_policy::catalogue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use source_text::Location;
use untrusted_text::escape_json;

use crate::diagnostic::{Diagnostic, Report};
use crate::rule::Rule;
use crate::rules;

/// Writes a report as one SARIF log.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let notifications: Vec<Value> =
        report.errors.iter().map(|e| json!({ "level": "error", "message": { "text": e } })).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "policy-lint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules::ALL.iter().map(|r| descriptor(r)).collect::<Vec<_>>(),
                "properties": { "catalogue": catalogue::DATE },
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.errors.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log)?;
    out.write_all(escape_json(&text).as_bytes())?;
    writeln!(out)
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.summary() },
        "help": { "text": rule.doc, "markdown": rule.doc },
        "defaultConfiguration": { "level": rule.severity.to_string() },
        "properties": { "family": rule.family, "persona": rule.persona, "aws": rule.aws },
    })
}

fn result(diagnostic: &Diagnostic) -> Value {
    let finding = &diagnostic.finding;
    let number = rules::ALL.iter().position(|r| r.name == finding.rule.name);
    let text = if finding.help.is_empty() {
        finding.message.clone()
    } else {
        format!("{}\n{}", finding.message, finding.help)
    };
    let related: Vec<Value> = (1..)
        .zip(&diagnostic.related)
        .map(|(id, (location, message))| {
            let mut value = location_of(location);
            value["id"] = json!(id);
            value["message"] = json!({ "text": message });
            value
        })
        .collect();
    let mut primary = location_of(&diagnostic.location);
    if let Some(address) = &finding.address {
        primary["logicalLocations"] = json!([{ "fullyQualifiedName": address, "kind": "resource" }]);
    }
    json!({
        "ruleId": finding.rule.name,
        "ruleIndex": number,
        "level": finding.severity.to_string(),
        "message": { "text": text },
        "locations": [primary],
        "relatedLocations": related,
        "partialFingerprints": { "policyLint/v2": super::fingerprint(diagnostic) },
        "properties": { "pointer": finding.pointer, "aws": finding.aws },
    })
}

fn location_of(location: &Location) -> Value {
    let (start, end) = location.positions();
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&location.file.path) },
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
            "byteOffset": start.offset,
            "byteLength": end.offset.saturating_sub(start.offset),
        },
    }})
}

/// What is escaped in the path of a URI: everything but the unreserved characters of RFC 3986 and `/`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}
