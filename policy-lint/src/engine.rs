//! From a project to a report: runs the rules and resolves the locations of what they find.
use std::collections::BTreeMap;
use std::sync::Arc;

use iam_policy::model::Policy;
use source_text::{SourceFile, Span};

use crate::access::boundaries;
use crate::diagnostic::{Diagnostic, Report, UnresolvedValue};
use crate::project::Project;
use crate::rule::{Check, Family, Finding, MAX_FINDINGS, Reporter, Rule};
use crate::rules;

/// Runs every rule over a project, over each alternative of its policies.
pub fn run(project: &Project) -> Report {
    run_rules(project, rules::ALL)
}

/// Runs some rules over a project, over each alternative of its policies.
pub fn run_rules(project: &Project, rules: &[&'static Rule]) -> Report {
    let (mut findings, mut notes) = (Vec::new(), Vec::new());
    report_broken(project, &mut findings);
    match project.alternatives() {
        1 => check_project(rules, project, &mut findings, &mut notes),
        alternatives => {
            let mut found = vec![Vec::new(); alternatives];
            let each = (0..alternatives).zip(&mut found);
            each.for_each(|(number, found)| check_project(rules, &project.alternative(number), found, &mut notes));
            findings.extend(join_alternatives(found, project));
            notes.sort();
            notes.dedup();
        }
    }
    let mut report = Report {
        policies: project.policies.len() + project.disabled.len(),
        documents: policy_files(project),
        ..Report::default()
    };
    report.findings = findings.into_iter().filter_map(|f| resolve(f, project)).collect();
    if project.input.is_some() {
        report.plan_sources = project.files.terraform();
    }
    merge_instances(&mut report.findings);
    report.unresolved = unresolved(project);
    report.notes = notes;
    report
}

fn policy_files(project: &Project) -> Vec<String> {
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

fn report_broken(project: &Project, findings: &mut Vec<Finding>) {
    let mut reporter = Reporter::new(&rules::invalid_policy::RULE, None, findings);
    for broken in &project.broken {
        let message = format!("the policy cannot be read: {}", broken.reason);
        reporter.span(broken.span, message, broken.help.clone()).address.clone_from(&broken.address);
    }
}

/// Runs rules over a project as it is.
fn check_project(rules: &[&'static Rule], project: &Project, findings: &mut Vec<Finding>, notes: &mut Vec<String>) {
    let disabled_at = project.disabled.iter().map(|(policy, disabled_at)| (policy, Some(*disabled_at)));
    let policies: Vec<(&Policy, Option<Span>)> =
        project.policies.iter().map(|p| (p, None)).chain(disabled_at).collect();
    let bounding = boundaries(project);
    let bounds = |p: &Policy| p.address.as_deref().is_some_and(|a| bounding.contains(a));
    for &rule in rules {
        match rule.check {
            Check::Policy(check) => {
                // A permissions boundary grants nothing, so it may be broad.
                let checked = policies.iter().filter(|(p, _)| rule.family != Family::Breadth || !bounds(p));
                for &(policy, disabled_at) in checked {
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
                        let message = "not created with these values; the policy is checked anyway";
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

/// Every finding once. One that not every alternative has is related to the expression that selects.
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
            finding.related(*span, "depends on this expression, which only a plan can resolve");
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

/// Merges findings of several instances of a module into one, with the other addresses as related locations.
fn merge_instances(findings: &mut Vec<Diagnostic>) {
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

fn unresolved(project: &Project) -> Vec<UnresolvedValue> {
    let mut found: Vec<(Span, String, String)> = Vec::new();
    for policy in project.policies.iter().flat_map(|p| std::iter::once(p).chain(&p.alternatives)) {
        let unknowns = policy.unknowns().into_iter();
        found.extend(unknowns.map(|(span, what)| (span, what, String::from("unknown before a plan or an apply"))));
        let branch_points = policy.branch_points.iter().cloned();
        found.extend(
            branch_points
                .map(|(span, what)| (span, what, String::from("the condition is unknown; every branch is checked"))),
        );
    }
    found.extend(project.unresolved.iter().map(|u| (u.span, u.what.clone(), u.why.clone())));
    let locations = found
        .into_iter()
        .filter_map(|(s, what, why)| Some(UnresolvedValue { location: project.files.locate(s)?, what, why }));
    locations.collect()
}
