//! What a rule is, and what it says.
use std::fmt;

use iam_policy::PolicyKind;
use iam_policy::model::{NodeSpan, Policy};
use serde::Serialize;
use source_text::Span;

use crate::project::Project;

/// A rule: its name is its file, its page and what an `allow` names.
pub struct Rule {
    /// Kebab-case, naming the defect.
    pub name: &'static str,
    /// The group of rules it belongs to.
    pub family: Family,
    /// How bad it is; a finding may differ where the page says so.
    pub severity: Severity,
    /// The first persona that sees it; a finding may differ where the page says so.
    pub persona: Persona,
    /// The code of the same check in AWS Access Analyzer.
    pub aws: Option<&'static str>,
    /// The page, whose examples are the rule's test.
    pub doc: &'static str,
    /// How it looks.
    pub check: Check,
}

/// What a rule looks at.
pub enum Check {
    /// One policy at a time.
    Policy(fn(&Policy, &mut Reporter<'_>)),
    /// Everything one input says.
    Project(fn(&Project, &mut Reporter<'_>)),
    /// Nothing: the engine itself reports it.
    Engine,
}

/// Groups of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// What AWS refuses.
    Grammar,
    /// Names that do not exist.
    Vocabulary,
    /// Parts that do not fit each other.
    Match,
    /// Too much.
    Breadth,
    /// Ways to more rights than were given.
    Escalation,
    /// Too many people.
    Exposure,
    /// Parts that say nothing.
    Redundancy,
    /// Sizes and numbers.
    Limits,
    /// Policies on the wrong thing.
    Attachment,
    /// Terraform resources that do not reach each other.
    Wiring,
    /// Code and policy apart.
    Code,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely wrong.
    Warning,
    /// Wrong or dangerous.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Persona {
    /// Quiet: what should be mended.
    Regular,
    /// Adds hygiene.
    Pedantic,
    /// Adds everything worth a look.
    Auditor,
}

impl fmt::Display for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Persona::Regular => "regular",
            Persona::Pedantic => "pedantic",
            Persona::Auditor => "auditor",
        })
    }
}

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad.
    pub severity: Severity,
    /// The first persona that sees it.
    pub persona: Persona,
    /// What is wrong, naming the thing.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Where.
    pub span: Span,
    /// Where in the policy document.
    pub pointer: Option<String>,
    /// The Terraform address.
    pub address: Option<String>,
    /// What sort of policy.
    pub kind: Option<PolicyKind>,
    /// Other places that belong to it.
    pub related: Vec<(Span, String)>,
    /// The code of the same check in AWS Access Analyzer.
    pub aws: Option<&'static str>,
}

impl Finding {
    /// Sets how bad it is, where it is not as bad as the rule says.
    pub fn severity(&mut self, severity: Severity) -> &mut Finding {
        self.severity = severity;
        self
    }

    /// Sets who sees it first.
    pub fn persona(&mut self, persona: Persona) -> &mut Finding {
        self.persona = persona;
        self
    }

    /// Adds a place that belongs to it.
    pub fn related(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        self.related.push((span, message.into()));
        self
    }

    /// Sets AWS's code, where one rule stands for several of AWS's checks.
    pub fn aws(&mut self, code: &'static str) -> &mut Finding {
        self.aws = Some(code);
        self
    }
}

/// Findings of one rule in one policy, or in one project, that are kept at most.
pub const MAX_FINDINGS: usize = 1_000;

/// Collects what one rule finds.
pub struct Reporter<'a> {
    rule: &'static Rule,
    policy: Option<&'a Policy>,
    findings: &'a mut Vec<Finding>,
    /// The number of the first one that is not kept.
    end: usize,
    /// How many are not kept.
    more: usize,
}

impl<'a> Reporter<'a> {
    /// A collector for a rule, and for a policy when the rule looks at one.
    pub fn new(rule: &'static Rule, policy: Option<&'a Policy>, findings: &'a mut Vec<Finding>) -> Reporter<'a> {
        let end = findings.len() + MAX_FINDINGS;
        Reporter { rule, policy, findings, end, more: 0 }
    }

    /// Ends the collection; tells how many findings there were beyond those that are kept.
    pub fn finish(self) -> usize {
        self.findings.truncate(self.end);
        self.more
    }

    /// The place of the whole policy; nothing for rules that look at a project.
    pub fn whole(&self) -> Option<Span> {
        self.policy.map(|p| p.root.span)
    }

    /// Reports at a place of the policy.
    pub fn at(&mut self, at: NodeSpan, message: impl Into<String>, help: impl Into<String>) -> &mut Finding {
        let pointer = self.policy.map(|p| p.pointer(at));
        let finding = self.span(at.span, message, help);
        finding.pointer = pointer;
        finding
    }

    /// Reports at a place that is in no policy document.
    pub fn span(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> &mut Finding {
        let at = self.findings.len().min(self.end);
        // Behind the last one that is kept is room for one, so that everyone can be spoken of and few are kept.
        self.more += usize::from(at == self.end);
        self.findings.truncate(at);
        self.findings.push(Finding {
            rule: self.rule,
            severity: self.rule.severity,
            persona: self.rule.persona,
            message: message.into(),
            help: help.into(),
            span,
            pointer: None,
            address: self.policy.and_then(|p| p.address.clone()),
            kind: self.policy.map(|p| p.kind),
            related: Vec::new(),
            aws: self.rule.aws,
        });
        &mut self.findings[at]
    }

    /// Reports about a place in a policy from a rule that looks at the whole project.
    pub fn policy(
        &mut self,
        policy: &Policy,
        at: NodeSpan,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Finding {
        let finding = self.span(at.span, message, help);
        finding.pointer = Some(policy.pointer(at));
        finding.address.clone_from(&policy.address);
        finding.kind = Some(policy.kind);
        finding
    }
}

impl Rule {
    /// The first paragraph of the page, on one line.
    pub fn summary(&self) -> String {
        let body = self.doc.split_once("\n\n").map_or("", |(_, body)| body);
        body.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
