//! From projects to a sorted report: runs the rules, applies the exceptions, keeps what the persona wants.
use std::collections::BTreeMap;
use std::sync::Arc;

use iam_policy::model::Policy;
use source_text::{Location, SourceFile, Span};

use crate::access::boundaries;
use crate::allow::{Allows, Subject};
use crate::project::Project;
use crate::rule::{Check, Family, Finding, MAX_FINDINGS, Persona, Reporter, Rule, Severity};
use crate::rules;

/// A finding with its places resolved.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What was found.
    pub finding: Finding,
    /// Where.
    pub location: Location,
    /// Other places that belong to it.
    pub related: Vec<(Location, String)>,
    /// The plan or state that it was found in, where its place is in the source beside it.
    pub input: Option<String>,
}

/// A value that only a plan or an apply can know.
#[derive(Clone, Debug)]
pub struct UnresolvedValue {
    /// Where.
    pub location: Location,
    /// The expression.
    pub what: String,
    /// Why it is not known.
    pub why: String,
}

/// Everything one run has to say.
#[derive(Debug, Default)]
pub struct Report {
    /// Sorted by path and place.
    pub findings: Vec<Diagnostic>,
    /// Sorted by path and place.
    pub unresolved: Vec<UnresolvedValue>,
    /// Inputs that could not be read.
    pub errors: Vec<String>,
    /// Things worth saying that are no findings.
    pub notes: Vec<String>,
    /// Paths of files with at least one policy, or that should have one.
    pub documents: Vec<String>,
    /// Terraform files that may have exceptions as comments.
    pub sources: Vec<Arc<SourceFile>>,
    /// Those that were only read beside a plan, so that an exception in them may be for something else.
    pub beside: Vec<Arc<SourceFile>>,
    /// Policies.
    pub policies: usize,
}

impl Report {
    /// How many findings are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.finding.severity == severity).count()
    }

    /// Whether a policy could not be read, so that the check is incomplete.
    pub fn has_unreadable_policies(&self) -> bool {
        self.findings.iter().any(|f| f.finding.rule.name == rules::invalid_policy::RULE.name)
    }

    /// Adds another report.
    pub fn merge(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.unresolved.extend(other.unresolved);
        self.errors.extend(other.errors);
        self.notes.extend(other.notes);
        self.documents.extend(other.documents);
        self.sources.extend(other.sources);
        self.beside.extend(other.beside);
        self.policies += other.policies;
    }

    /// Puts everything in its final order, and says once what a plan and its source both say.
    pub fn sort(&mut self) {
        fn key(location: &Location) -> (&str, u32, u32) {
            (&location.file.path, location.start, location.end)
        }
        fn key_of(f: &Diagnostic) -> impl Ord + '_ {
            let finding = &f.finding;
            (key(&f.location), finding.rule.name, &finding.pointer, &finding.address, &finding.message)
        }
        self.findings.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
        self.findings.dedup_by(|next, kept| {
            let (a, b) = (&next.finding, &kept.finding);
            next.input != kept.input
                && (a.rule.name, &a.message, &a.address) == (b.rule.name, &b.message, &b.address)
                && key(&next.location) == key(&kept.location)
        });
        self.unresolved.sort_by(|a, b| (key(&a.location), &a.what).cmp(&(key(&b.location), &b.what)));
        self.unresolved.dedup_by(|a, b| (key(&a.location), &a.what) == (key(&b.location), &b.what));
        self.errors.sort();
        self.notes.sort();
    }
}

/// Runs every rule over one project, in every way that its policies can be read.
pub fn run(project: &Project) -> Report {
    run_for(project, Persona::Auditor)
}

/// The same for somebody who is shown no more than a persona is.
pub fn run_for(project: &Project, persona: Persona) -> Report {
    let (mut findings, mut notes) = (Vec::new(), Vec::new());
    broken(project, &mut findings);
    match project.alternatives() {
        1 => judge(project, persona, &mut findings, &mut notes),
        alternatives => {
            let mut found = vec![Vec::new(); alternatives];
            let each = (0..alternatives).zip(&mut found);
            each.for_each(|(number, found)| judge(&project.alternative(number), persona, found, &mut notes));
            findings.extend(join_alternatives(found, project));
            notes.sort();
            notes.dedup();
        }
    }
    let mut report = Report {
        policies: project.policies.len() + project.disabled.len(),
        documents: carrying_files(project),
        ..Report::default()
    };
    findings.retain(|f| f.persona <= persona);
    report.findings = findings.into_iter().filter_map(|f| resolve(f, project)).collect();
    if project.input.is_some() {
        report.beside = project.files.terraform();
    }
    join_calls(&mut report.findings);
    report.unresolved = unknown(project);
    report.notes = notes;
    report
}

fn carrying_files(project: &Project) -> Vec<String> {
    if let Some(input) = input(project) {
        let any = !project.policies.is_empty() || !project.broken.is_empty();
        return any.then(|| input.path.clone()).into_iter().collect();
    }
    let disabled_at = project.disabled.iter().map(|(p, _)| p);
    let policies = project.policies.iter().chain(disabled_at).map(|p| p.root.span.file);
    let mut files: Vec<u32> = policies.chain(project.broken.iter().map(|b| b.span.file)).collect();
    files.sort_unstable();
    files.dedup();
    files.into_iter().filter_map(|f| project.files.get(f)).map(|f| f.path.clone()).collect()
}

fn broken(project: &Project, findings: &mut Vec<Finding>) {
    let mut reporter = Reporter::new(&rules::invalid_policy::RULE, None, findings);
    for broken in &project.broken {
        let message = format!("the policy cannot be read: {}", broken.reason);
        reporter.span(broken.span, message, broken.help.clone()).address.clone_from(&broken.address);
    }
}

/// Runs every rule that a persona may see something of over one project as it is.
fn judge(project: &Project, persona: Persona, findings: &mut Vec<Finding>, notes: &mut Vec<String>) {
    let disabled_at = project.disabled.iter().map(|(policy, disabled_at)| (policy, Some(*disabled_at)));
    let policies: Vec<(&Policy, Option<Span>)> =
        project.policies.iter().map(|p| (p, None)).chain(disabled_at).collect();
    let bounding = boundaries(project);
    let bounds = |p: &Policy| p.address.as_deref().is_some_and(|a| bounding.contains(a));
    for rule in rules::ALL.iter().filter(|r| r.persona <= persona) {
        match rule.check {
            Check::Policy(check) => {
                // A boundary is broad by its nature: it grants nothing.
                let judged = policies.iter().filter(|(p, _)| rule.family != Family::Breadth || !bounds(p));
                for &(policy, disabled_at) in judged {
                    let before = findings.len();
                    let mut reporter = Reporter::new(rule, Some(policy), findings);
                    check(policy, &mut reporter);
                    let more = reporter.finish();
                    if more > 0 {
                        let path = project.files.get(policy.root.span.file).map_or("", |f| f.path.as_str());
                        let name = rule.name;
                        notes.push(format!(
                            "`{name}` has {more} more findings in `{path}` than the {MAX_FINDINGS} that are shown"
                        ));
                    }
                    if let Some(disabled_at) = disabled_at {
                        let message = "not created with these values; what it says is judged all the same";
                        findings[before..].iter_mut().for_each(|f| f.related.push((disabled_at, message.to_owned())));
                    }
                }
            }
            Check::Project(check) => {
                let mut reporter = Reporter::new(rule, None, findings);
                check(project, &mut reporter);
                let more = reporter.finish();
                if more > 0 {
                    notes.push(format!(
                        "`{}` has {more} more findings than the {MAX_FINDINGS} that are shown",
                        rule.name
                    ));
                }
            }
            Check::Engine => {}
        }
    }
}

/// Every finding once; one that is not there in every way says what it depends on.
fn join_alternatives(found: Vec<Vec<Finding>>, project: &Project) -> Vec<Finding> {
    let alternatives = found.len();
    let mut joined: BTreeMap<_, (Finding, usize)> = BTreeMap::new();
    for finding in found.into_iter().flatten() {
        let key = (finding.span, finding.rule.name, finding.message.clone(), finding.address.clone());
        joined.entry(key).or_insert_with(|| (finding, 0)).1 += 1;
    }
    let policies = || project.policies.iter().chain(project.disabled.iter().map(|(p, _)| p));
    let depends = |(mut finding, times): (Finding, usize)| {
        let owner = policies().find(|p| p.address == finding.address && !p.alternatives.is_empty());
        let branch_points =
            owner.filter(|_| times < alternatives).map(|p| p.branch_points.as_slice()).unwrap_or_default();
        let around = |c: &&(Span, String)| {
            c.0.file == finding.span.file && c.0.start <= finding.span.start && finding.span.end <= c.0.end
        };
        if let Some((span, _)) = branch_points.iter().find(around).or(branch_points.first()) {
            finding.related(*span, "in one branch of this, whose test only a plan can know");
        }
        finding
    };
    joined.into_values().map(depends).collect()
}

fn input(project: &Project) -> Option<&Arc<SourceFile>> {
    project.input.and_then(|number| project.files.get(number))
}

fn resolve(finding: Finding, project: &Project) -> Option<Diagnostic> {
    let location = project.files.locate(finding.span)?;
    let related =
        finding.related.iter().filter_map(|(s, m)| project.files.locate(*s).map(|p| (p, m.clone()))).collect();
    let input = input(project).filter(|i| !Arc::ptr_eq(i, &location.file)).map(|i| i.path.clone());
    Some(Diagnostic { finding, location, related, input })
}

/// One finding per place: a module called several times shows its addresses as related places.
fn join_calls(findings: &mut Vec<Diagnostic>) {
    fn key(f: &Diagnostic) -> impl Ord + '_ {
        (f.finding.span, f.finding.rule.name, &f.finding.message, &f.finding.address)
    }
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
    findings.dedup_by(|next, kept| {
        let (a, b) = (&next.finding, &kept.finding);
        let same = a.span == b.span && a.rule.name == b.rule.name && a.message == b.message;
        if same && a.address != b.address {
            let address = a.address.clone().unwrap_or_default();
            kept.related.push((next.location.clone(), format!("also as `{address}`")));
        }
        same
    });
}

fn unknown(project: &Project) -> Vec<UnresolvedValue> {
    let mut found: Vec<(Span, String, String)> = Vec::new();
    for policy in project.policies.iter().flat_map(|p| std::iter::once(p).chain(&p.alternatives)) {
        let unknowns = policy.unknowns().into_iter();
        found.extend(
            unknowns.map(|(span, what)| (span, what, String::from("not known before it is planned or applied"))),
        );
        let branch_points = policy.branch_points.iter().cloned();
        found.extend(
            branch_points
                .map(|(span, what)| (span, what, String::from("its test is not known; every branch is judged"))),
        );
    }
    found.extend(project.unresolved.iter().map(|u| (u.span, u.what.clone(), u.why.clone())));
    let locations = found
        .into_iter()
        .filter_map(|(s, what, why)| Some(UnresolvedValue { location: project.files.locate(s)?, what, why }));
    locations.collect()
}

/// The exceptions of a run and the day it happens on.
#[derive(Debug)]
pub struct Exceptions<'a> {
    /// The entries.
    pub allows: &'a Allows,
    /// The file they come from.
    pub location: Location,
    /// `YYYY-MM-DD`.
    pub today: &'a str,
    /// The paths that were checked.
    pub checked: &'a [String],
    /// Whether a whole folder, plan or module was checked.
    pub whole: bool,
}

/// Hides what an exception covers, and reports exceptions that are wrong themselves.
pub fn except(report: &mut Report, exceptions: &Exceptions<'_>) {
    let allows = exceptions.allows;
    let mut used = vec![false; allows.entries.len()];
    report.findings.retain(|diagnostic| {
        let finding = &diagnostic.finding;
        let subject = Subject {
            rule: finding.rule.name,
            path: &diagnostic.location.file.path,
            input: diagnostic.input.as_deref(),
            address: finding.address.as_deref(),
            pointer: finding.pointer.as_deref(),
        };
        let hidden = allows.position(subject, exceptions.today);
        if let Some(at) = hidden {
            used[at] = true;
        }
        hidden.is_none()
    });
    for (entry, used) in allows.entries.iter().zip(used) {
        let judged =
            if entry.has_path() { exceptions.checked.iter().any(|p| allows.names(entry, p)) } else { exceptions.whole };
        let mut add = |rule: &'static Rule, message: String, help: &str| {
            report.findings.push(about_entry(rule, message, help, entry.span.clone(), &exceptions.location));
        };
        if !entry.has_reason() {
            let message = format!("the exception to `{}` gives no reason", entry.rule);
            add(&rules::allow_without_reason::RULE, message, "add `reason = \"…\"` that a reviewer can judge");
        }
        if entry.is_past(exceptions.today) {
            let until = entry.until.as_deref().unwrap_or_default();
            let message = format!("the exception to `{}` ended on {until}", entry.rule);
            add(&rules::allow_expired::RULE, message, "mend the policy and remove the entry, or agree on a new date");
        } else if judged && !used {
            let message = format!("the exception to `{}` hides nothing", entry.rule);
            add(&rules::allow_unused::RULE, message, "remove the entry, or correct its rule, path, address or pointer");
        }
    }
}

/// A finding about an exception itself.
pub fn about_entry(
    rule: &'static Rule,
    message: String,
    help: &str,
    range: std::ops::Range<usize>,
    file: &Location,
) -> Diagnostic {
    let mut findings = Vec::new();
    let span = Span::new(0, range.start, range.end);
    Reporter::new(rule, None, &mut findings).span(span, message, help);
    let location = Location { file: file.file.clone(), start: span.start, end: span.end };
    Diagnostic { finding: findings.swap_remove(0), location, related: Vec::new(), input: None }
}

/// Keeps what a persona wants to see.
pub fn keep(report: &mut Report, persona: Persona) {
    report.findings.retain(|f| f.finding.persona <= persona);
}
