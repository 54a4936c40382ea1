//! Rules and their findings.
use std::fmt;

use iam_policy::PolicyKind;
use iam_policy::model::{NodeSpan, Policy};
use serde::Serialize;
use source_text::Span;

use crate::project::Project;

/// A rule. Its file, its page and exceptions have its name.
pub struct Rule {
    /// The defect, in kebab case.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// The severity of its findings, unless the page documents another one.
    pub severity: Severity,
    /// The least strict persona that its findings are reported to, unless the page documents another one.
    pub persona: Persona,
    /// The code of the same check in AWS IAM Access Analyzer.
    pub aws: Option<&'static str>,
    /// The page, whose examples are the test of the rule.
    pub doc: &'static str,
    /// The check.
    pub check: Check,
}

/// The input of a rule.
pub enum Check {
    /// Each policy.
    Policy(fn(&Policy, &mut Reporter<'_>)),
    /// A project.
    Project(fn(&Project, &mut Reporter<'_>)),
    /// None: the engine or a suppressor reports it.
    Engine,
}

/// Families of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Documents that AWS rejects.
    Grammar,
    /// Names that do not exist.
    Vocabulary,
    /// Parts that do not match each other.
    Match,
    /// Grants that are broader than necessary.
    Breadth,
    /// Privilege escalation.
    Escalation,
    /// Access for too many principals.
    Exposure,
    /// Parts without effect.
    Redundancy,
    /// Quotas of AWS.
    Limits,
    /// Policies attached to the wrong resource.
    Attachment,
    /// Terraform resources that lack a connection.
    Wiring,
    /// Differences between code and policy.
    Code,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An advice.
    Note,
    /// Probably wrong.
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

/// How strict a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Persona {
    /// Findings that should be fixed.
    Regular,
    /// Also findings about style.
    Pedantic,
    /// Also findings that an audit should review.
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

/// A finding of a rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that has it.
    pub rule: &'static Rule,
    /// Its severity.
    pub severity: Severity,
    /// The least strict persona that it is reported to.
    pub persona: Persona,
    /// What is wrong, with the subject in backticks.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Where it is.
    pub span: Span,
    /// The JSON Pointer in the policy document.
    pub pointer: Option<String>,
    /// The address of the resource.
    pub address: Option<String>,
    /// The kind of the policy.
    pub kind: Option<PolicyKind>,
    /// Related locations, each with a message.
    pub related: Vec<(Span, String)>,
    /// The code of the same check in AWS IAM Access Analyzer.
    pub aws: Option<&'static str>,
}

impl Finding {
    /// Sets a severity other than the rule's.
    pub fn severity(&mut self, severity: Severity) -> &mut Finding {
        self.severity = severity;
        self
    }

    /// Sets a persona other than the rule's.
    pub fn persona(&mut self, persona: Persona) -> &mut Finding {
        self.persona = persona;
        self
    }

    /// Adds a related location.
    pub fn related(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        self.related.push((span, message.into()));
        self
    }

    /// Sets AWS's code, for a rule that covers several of AWS's checks.
    pub fn aws(&mut self, code: &'static str) -> &mut Finding {
        self.aws = Some(code);
        self
    }
}

/// Findings of a rule in a policy, or in a project, that are kept.
pub const MAX_FINDINGS: usize = 1_000;

/// Collects the findings of a rule.
pub struct Reporter<'a> {
    rule: &'static Rule,
    policy: Option<&'a Policy>,
    findings: &'a mut Vec<Finding>,
    /// The index of the first finding that is not kept.
    end: usize,
    /// The number of findings that are not kept.
    more: usize,
}

impl<'a> Reporter<'a> {
    /// A reporter for a rule, and for a policy if the rule checks policies.
    pub fn new(rule: &'static Rule, policy: Option<&'a Policy>, findings: &'a mut Vec<Finding>) -> Reporter<'a> {
        let end = findings.len() + MAX_FINDINGS;
        Reporter { rule, policy, findings, end, more: 0 }
    }

    /// Returns the number of findings that were not kept.
    pub fn finish(self) -> usize {
        self.findings.truncate(self.end);
        self.more
    }

    /// The span of the policy; `None` if the rule checks projects.
    pub fn whole(&self) -> Option<Span> {
        self.policy.map(|p| p.root.span)
    }

    /// Reports at a position in the policy.
    pub fn at(&mut self, at: NodeSpan, message: impl Into<String>, help: impl Into<String>) -> &mut Finding {
        let pointer = self.policy.map(|p| p.pointer(at));
        let finding = self.span(at.span, message, help);
        finding.pointer = pointer;
        finding
    }

    /// Reports at a span outside of policy documents.
    pub fn span(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> &mut Finding {
        let at = self.findings.len().min(self.end);
        // A finding that is not kept is still returned to the rule, in one spare slot.
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

    /// Reports at a position in a policy, from a rule that checks projects.
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
