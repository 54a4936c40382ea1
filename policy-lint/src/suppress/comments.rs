//! Exceptions in comments of Terraform source: `# policy-lint: allow(rule) reason`.
use std::sync::Arc;

use source_text::{Location, SourceFile};

use crate::diagnostic::Diagnostic;
use crate::rule::Rule;
use crate::rules;
use crate::suppress::pipeline::{Suppressor, about_entry};

const MARK: &str = "policy-lint: allow(";

/// An exception for the findings of one line.
struct Comment {
    rule: String,
    reason: String,
    /// The line whose findings it hides, from 1.
    line: usize,
    range: std::ops::Range<usize>,
}

/// The exceptions in the comments of one file.
pub(crate) struct CommentSuppressor {
    file: Arc<SourceFile>,
    comments: Vec<Comment>,
    used: Vec<bool>,
    /// Whether the whole file was checked, so that a comment that hides nothing is a finding.
    is_checked: bool,
}

impl CommentSuppressor {
    /// The exceptions of a file that was checked; `None` if it has none.
    pub(crate) fn of_checked(file: Arc<SourceFile>) -> Option<CommentSuppressor> {
        CommentSuppressor::new(file, true)
    }

    /// The exceptions of a file that was only read as the source of a plan: they may be for other values of its
    /// variables, so they are never reported. `None` if it has none.
    pub(crate) fn of_read(file: Arc<SourceFile>) -> Option<CommentSuppressor> {
        CommentSuppressor::new(file, false)
    }

    fn new(file: Arc<SourceFile>, is_checked: bool) -> Option<CommentSuppressor> {
        let comments = scan(&file.text);
        let used = vec![false; comments.len()];
        (!comments.is_empty()).then_some(CommentSuppressor { file, comments, used, is_checked })
    }
}

impl Suppressor for CommentSuppressor {
    fn suppresses(&mut self, diagnostic: &Diagnostic) -> bool {
        if diagnostic.location.file.path != self.file.path {
            return false;
        }
        let line = diagnostic.location.positions().0.line;
        let matching = self.comments.iter().position(|c| c.line == line && c.rule == diagnostic.finding.rule.name);
        if let Some(at) = matching {
            self.used[at] = true;
        }
        matching.is_some()
    }

    fn review(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.is_checked {
            let location = Location { file: self.file.clone(), start: 0, end: 0 };
            for (comment, used) in self.comments.iter().zip(&self.used) {
                review(comment, *used, &location, &mut found);
            }
        }
        found
    }
}

fn review(comment: &Comment, used: bool, location: &Location, found: &mut Vec<Diagnostic>) {
    let mut add = |rule: &'static Rule, message: String, help: &str| {
        found.push(about_entry(rule, message, help, comment.range.clone(), location));
    };
    if rules::find(&comment.rule).is_none() {
        let message =
            format!("the exception names `{}`, which is not a rule{}", comment.rule, rules::suggestion(&comment.rule));
        add(&rules::allow_unused::RULE, message, "`policy-lint rules` lists the rules");
    } else if !used {
        let message = format!("the exception to `{}` suppresses no finding", comment.rule);
        add(
            &rules::allow_unused::RULE,
            message,
            "remove the comment, or put it on or right above the line of the finding",
        );
    }
    if comment.reason.is_empty() {
        let message = format!("the exception to `{}` gives no reason", comment.rule);
        add(&rules::allow_without_reason::RULE, message, "write the reason after the parenthesis");
    }
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

/// The number of the next line that is not a comment, from 1.
fn next_code(lines: &[&str], from: usize) -> usize {
    let is_comment = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line.starts_with("//")
    };
    let next = lines.iter().enumerate().skip(from + 1).find(|(_, l)| !is_comment(l));
    next.map_or(from + 1, |(i, _)| i + 1)
}
