//! JSON, version 1: fields are added, but never renamed, removed or given another meaning.
use std::io::{self, Write};

use iam_policy::catalogue;
use serde::Serialize;
use source_text::{Location, Position};
use untrusted_text::escape_json;

use crate::diagnostic::{Diagnostic, Report};
use crate::rule::{Family, Severity};
use crate::rules;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    catalogue: &'static str,
    findings: Vec<Finding<'a>>,
    unknown: Vec<Unresolved<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'static str,
    family: Family,
    severity: Severity,
    message: &'a str,
    help: &'a str,
    aws: Option<&'static str>,
    path: &'a str,
    address: Option<&'a str>,
    kind: Option<&'static str>,
    pointer: Option<&'a str>,
    span: Span,
    related: Vec<Related<'a>>,
    fix: Option<()>,
}

#[derive(Serialize)]
struct Span {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Related<'a> {
    path: &'a str,
    span: Span,
    message: &'a str,
}

#[derive(Serialize)]
struct Unresolved<'a> {
    path: &'a str,
    span: Span,
    what: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: usize,
    policies: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct RuleRow {
    name: &'static str,
    family: Family,
    severity: Severity,
    persona: crate::rule::Persona,
    aws: Option<&'static str>,
    summary: String,
}

/// Writes a report as one JSON object.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let unknown: Vec<Unresolved<'_>> = report
        .unresolved
        .iter()
        .map(|u| Unresolved { path: &u.location.file.path, span: span(&u.location), what: &u.what, why: &u.why })
        .collect();
    let summary = Summary {
        files: report.documents.len(),
        policies: report.policies,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        notes: report.count(Severity::Note),
        unknown: unknown.len(),
    };
    let findings = report.findings.iter().map(finding).collect();
    let document = Document { version: 1, catalogue: catalogue::DATE, findings, unknown, summary };
    let text = serde_json::to_string_pretty(&document)?;
    out.write_all(escape_json(&text).as_bytes())?;
    writeln!(out)
}

fn span(location: &Location) -> Span {
    let (start, end) = location.positions();
    Span { start, end }
}

fn finding(diagnostic: &Diagnostic) -> Finding<'_> {
    let finding = &diagnostic.finding;
    let related = diagnostic.related.iter();
    Finding {
        rule: finding.rule.name,
        family: finding.rule.family,
        severity: finding.severity,
        message: &finding.message,
        help: &finding.help,
        aws: finding.aws,
        path: &diagnostic.location.file.path,
        address: finding.address.as_deref(),
        kind: finding.kind.map(iam_policy::PolicyKind::as_str),
        pointer: finding.pointer.as_deref(),
        span: span(&diagnostic.location),
        related: related.map(|(p, m)| Related { path: &p.file.path, span: span(p), message: m }).collect(),
        fix: None,
    }
}

/// Writes the list of rules as a JSON array.
pub fn write_rules(out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<RuleRow> = rules::ALL
        .iter()
        .map(|r| RuleRow {
            name: r.name,
            family: r.family,
            severity: r.severity,
            persona: r.persona,
            aws: r.aws,
            summary: r.summary(),
        })
        .collect();
    let text = serde_json::to_string_pretty(&rows)?;
    out.write_all(escape_json(&text).as_bytes())?;
    writeln!(out)
}
