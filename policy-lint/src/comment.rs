//! Exceptions as comments in Terraform source: `# policy-lint: allow(rule) reason`.
use std::sync::Arc;

use source_text::{Location, SourceFile};

use crate::engine::{Diagnostic, Report, about_entry};
use crate::rule::Rule;
use crate::{allow, rules};

const MARK: &str = "policy-lint: allow(";

/// One exception for one line.
struct Comment {
    rule: String,
    reason: String,
    /// The line that it speaks of, from 1.
    line: usize,
    range: std::ops::Range<usize>,
}

/// Hides what comments allow and reports comments that are wrong themselves.
pub fn apply(report: &mut Report, files: &[Arc<SourceFile>]) {
    for file in files {
        let comments = scan(&file.text);
        if !comments.is_empty() {
            let used = hide(report, file, &comments);
            judge(report, file, &comments, &used);
        }
    }
}

/// Only hides what comments allow.
pub fn apply_quietly(report: &mut Report, files: &[Arc<SourceFile>]) {
    files.iter().for_each(|file| drop(hide(report, file, &scan(&file.text))));
}

/// Hides what comments of a file allow, and tells which of them hid something.
fn hide(report: &mut Report, file: &SourceFile, comments: &[Comment]) -> Vec<bool> {
    let mut used = vec![false; comments.len()];
    report.findings.retain(|diagnostic| {
        if diagnostic.location.file.path != file.path {
            return true;
        }
        let line = diagnostic.location.positions().0.line;
        let hidden = comments.iter().position(|c| c.line == line && c.rule == diagnostic.finding.rule.name);
        if let Some(at) = hidden {
            used[at] = true;
        }
        hidden.is_none()
    });
    used
}

fn judge(report: &mut Report, file: &Arc<SourceFile>, comments: &[Comment], used: &[bool]) {
    let location = Location { file: file.clone(), start: 0, end: 0 };
    let mut found: Vec<Diagnostic> = Vec::new();
    for (comment, used) in comments.iter().zip(used) {
        let mut add = |rule: &'static Rule, message: String, help: &str| {
            found.push(about_entry(rule, message, help, comment.range.clone(), &location));
        };
        if rules::find(&comment.rule).is_none() {
            let message =
                format!("the exception names `{}`, which is no rule{}", comment.rule, allow::suggestion(&comment.rule));
            add(&rules::allow_unused::RULE, message, "`policy-lint rules` lists the rules");
        } else if !used {
            let message = format!("the exception to `{}` hides nothing", comment.rule);
            add(
                &rules::allow_unused::RULE,
                message,
                "remove the comment, or put it on or right above the line of the finding",
            );
        }
        if comment.reason.is_empty() {
            let message = format!("the exception to `{}` gives no reason", comment.rule);
            add(&rules::allow_without_reason::RULE, message, "write the reason behind the parenthesis");
        }
    }
    report.findings.extend(found);
}

fn scan(text: &str) -> Vec<Comment> {
    let mut found = Vec::new();
    if !text.contains(MARK) {
        return found;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let mut offset = 0;
    for (i, line) in lines.iter().enumerate() {
        if let Some((before, after)) = line.split_once(MARK) {
            let code = before.trim_end().trim_end_matches(['#', '/', '*']).trim();
            let is_comment = before.trim_end().ends_with(['#', '*']) || before.trim_end().ends_with("//");
            if let Some((names, reason)) = after.split_once(')').filter(|_| is_comment) {
                let reason = reason.trim().trim_end_matches("*/").trim().to_owned();
                let line_number = if code.is_empty() { next_code(&lines, i) } else { i + 1 };
                let start = offset + before.len();
                for rule in names.split(',').map(str::trim).filter(|r| !r.is_empty()) {
                    let range = start..start + MARK.len() + names.len() + 1;
                    found.push(Comment { rule: rule.to_owned(), reason: reason.clone(), line: line_number, range });
                }
            }
        }
        offset += line.len() + 1;
    }
    found
}

/// The number of the next line that is not only a comment, from 1.
fn next_code(lines: &[&str], from: usize) -> usize {
    let is_comment = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line.starts_with("//")
    };
    let next = lines.iter().enumerate().skip(from + 1).find(|(_, l)| !is_comment(l));
    next.map_or(from + 1, |(i, _)| i + 1)
}
