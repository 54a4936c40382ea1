//! Recorded outputs of `terraform show -json`: their policies and findings.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_lint::diagnostic::{Diagnostic, Report};
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::rule::Family;
use source_text::SourceFile;

fn check(text: &str) -> Report {
    match policy_file::read(Arc::new(SourceFile::new("plan.json", text)), None, true) {
        Outcome::Read(project) => engine::run(&project),
        Outcome::Other => panic!("not read as a plan"),
    }
}

fn recorded(name: &str) -> Report {
    check(&source_text::read(&folder(name).join("plan.json")).expect("the recorded plan").text)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(name)
}

fn recorded_with_source(name: &str) -> Report {
    let file = source_text::read(&folder(name).join("plan.json")).expect("the recorded plan");
    match policy_file::read_with_source(file, None, true, &[PathBuf::from("."), folder(name)]) {
        Outcome::Read(project) => engine::run(&project),
        Outcome::Other => panic!("not read as a plan"),
    }
}

fn found(report: &Report) -> Vec<(String, &str, &str)> {
    let mut found: Vec<_> = report
        .findings
        .iter()
        .map(|f| {
            let location = &f.location;
            let text = &location.file.text[location.start as usize..location.end as usize];
            (f.finding.address.clone().unwrap_or_default(), f.finding.rule.name, text)
        })
        .filter(|(_, rule, _)| ["service-wildcard", "public-principal", "broad-managed-policy"].contains(rule))
        .collect();
    found.sort();
    found
}

#[test]
fn a_plan_has_known_deferred_and_unknown_policies() {
    let report = recorded("first");
    let inner = |key: &str, name: &str| format!("module.outer.module.inner[\"{key}\"].{name}");
    let mut expected = vec![
        (String::from("aws_iam_role.worker"), "broad-managed-policy", "\"arn:aws:iam::aws:policy/PowerUserAccess\""),
        (String::from("aws_iam_role.worker"), "public-principal", r#"\"*\""#),
        (String::from("aws_iam_role_policy.deferred"), "service-wildcard", "\"dynamodb:*\""),
        (String::from("aws_iam_role_policy.known"), "service-wildcard", r#"\"s3:*\""#),
    ];
    for key in ["a.b", "c"] {
        let admin = "\"arn:aws:iam::aws:policy/AdministratorAccess\"";
        expected.push((inner(key, "aws_iam_role_policy_attachment.admin"), "broad-managed-policy", admin));
        expected.push((inner(key, "aws_sqs_queue_policy.send"), "public-principal", "\"*\""));
        expected.push((inner(key, "aws_sqs_queue_policy.send"), "service-wildcard", "\"sqs:*\""));
    }
    expected.sort();
    assert_eq!(found(&report), expected);
    let unknown: Vec<&str> = report.unresolved.iter().map(|u| u.what.as_str()).collect();
    assert!(unknown.contains(&"aws_iam_role_policy.unknown.policy"), "{unknown:?}");
    assert!(!unknown.contains(&"aws_s3_bucket.raw.policy"), "it is not configured: {unknown:?}");
}

#[test]
fn a_state_file_is_read() {
    let state = r#"{"version": 4, "terraform_version": "1.11.4", "resources": [{"module": "module.a", "mode": "managed",
        "type": "aws_iam_policy", "name": "p", "instances": [{"index_key": "k", "attributes":
        {"policy": "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b\"}}"}}]}]}"#;
    let report = check(state);
    assert_eq!(found(&report), [(String::from("module.a.aws_iam_policy.p[\"k\"]"), "service-wildcard", r#"\"s3:*\""#)]);
}

#[test]
fn a_plan_without_policies_is_not_an_error() {
    let report = check(r#"{"format_version": "9.9", "planned_values": {"root_module": {"new": 1}}, "newer": [1]}"#);
    assert_eq!((report.policies, report.findings.len()), (0, 0));
}

#[test]
fn a_policy_attribute_that_is_not_json_is_reported_at_its_span() {
    let plan = r#"{"format_version": "1.2", "planned_values": {"root_module": {"resources": [{"address": "aws_iam_policy.p",
        "mode": "managed", "type": "aws_iam_policy", "values": {"policy": "{\"Statement\": [}"}}]}}}"#;
    let report = check(plan);
    let finding = &report.findings[0];
    assert_eq!(finding.finding.rule.name, "invalid-policy");
    assert_eq!(&plan[finding.location.start as usize..finding.location.end as usize], "}");
}

#[test]
fn findings_in_a_plan_point_into_its_source() {
    let report = recorded_with_source("first");
    let locations: Vec<(String, String, String)> = found_at(&report);
    let at = |file: &str, address: &str, text: &str| (file.to_owned(), address.to_owned(), text.to_owned());
    let inner = "module.outer.module.inner[\"a.b\"]";
    for expected in [
        at("main.tf", "aws_iam_role.worker", "\"arn:aws:iam::aws:policy/PowerUserAccess\""),
        at("main.tf", "aws_iam_role.worker", "\"*\""),
        at("main.tf", "aws_iam_role_policy.deferred", "\"dynamodb:*\""),
        at("main.tf", "aws_iam_role_policy.known", "\"s3:*\""),
        at("outer/inner/main.tf", &format!("{inner}.aws_sqs_queue_policy.send"), "\"sqs:*\""),
    ] {
        assert!(locations.contains(&expected), "{expected:?} is not in {locations:#?}");
    }
    let known = |f: &&Diagnostic| {
        f.finding.rule.name == "service-wildcard" && f.finding.address.as_deref() == Some("aws_iam_role_policy.known")
    };
    assert_eq!(
        report.findings.iter().find(known).and_then(|f| f.finding.pointer.as_deref()),
        Some("/Statement/0/Action/1")
    );
    assert!(report.findings.iter().all(|f| f.input.as_ref().is_some_and(|i| i.ends_with("plan.json"))));
    assert!(report.unresolved.iter().all(|u| u.location.file.path.ends_with(".tf")), "{:?}", report.unresolved);
}

#[test]
fn every_finding_of_a_plan_with_source_is_in_the_source() {
    let (alone, with_source) = (recorded("every"), recorded_with_source("every"));
    let reported = |report: &Report| {
        let mut reported: Vec<_> =
            report.findings.iter().map(|f| (f.finding.rule.name, f.finding.message.clone())).collect();
        reported.sort();
        reported.dedup();
        reported
    };
    assert_eq!(reported(&alone), reported(&with_source));
    let outside: Vec<_> = found_at(&with_source).into_iter().filter(|(file, _, _)| file == "plan.json").collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn references_in_a_plan_are_followed_to_the_instance() {
    let reported = |report: &Report| {
        let wiring = report.findings.iter().filter(|f| f.finding.rule.family == Family::Wiring);
        let mut reported: Vec<_> = wiring.map(|f| (f.finding.rule.name, f.finding.message.clone())).collect();
        reported.sort();
        reported
    };
    let expected = [
        ("bucket-events-disabled", "`aws_s3_bucket.raw[\"silent\"]`"),
        ("bucket-events-disabled", "`module.shared[\"b\"].aws_s3_bucket.this`"),
        ("missing-key-grant", "`module.alone.aws_s3_bucket.this`"),
        ("target-without-permission", "`aws_sqs_queue.alone`"),
    ];
    for report in [recorded("wiring"), recorded_with_source("wiring")] {
        let found = reported(&report);
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), expected.map(|e| e.0), "{found:#?}");
        assert!(found.iter().zip(expected).all(|((_, message), (_, about))| message.contains(about)), "{found:#?}");
    }
}

#[test]
fn a_plan_without_configuration_has_no_findings_about_missing_references() {
    let text = source_text::read(&folder("wiring").join("plan.json")).expect("the recorded plan").text.clone();
    let report = check(&text.replacen("\"configuration\":", "\"elsewhere\":", 1));
    let wiring: Vec<_> = report.findings.iter().filter(|f| f.finding.rule.family == Family::Wiring).collect();
    assert!(wiring.is_empty(), "{wiring:#?}");
}

#[test]
fn deferred_changes_and_plans_of_changes_only_are_checked() {
    let document = r#"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b\"}}"#;
    let change = |mode: &str| {
        format!(
            r#"{{"address": "aws_iam_policy.p", "mode": "{mode}", "type": "aws_iam_policy", "change":
            {{"actions": ["create"], "before": null, "after": {{"policy": "{document}"}}, "after_unknown": {{}}}}}}"#
        )
    };
    let managed = change("managed");
    let alone = format!(r#"{{"format_version": "1.2", "resource_changes": [{managed}]}}"#);
    let put_off = format!(
        r#"{{"format_version": "1.2", "planned_values": {{"root_module": {{}}}}, "complete": false,
        "deferred_changes": [{{"reason": "instance_count_unknown", "resource_change": {managed}}}]}}"#
    );
    for plan in [&alone, &put_off] {
        let expected = [(String::from("aws_iam_policy.p"), "service-wildcard", r#"\"s3:*\""#)];
        assert_eq!(found(&check(plan)), expected, "{plan}");
    }
    let read = alone.replace(&managed, &change("data"));
    assert_eq!(check(&read).policies, 0);
}

#[test]
fn an_empty_state_has_no_policies() {
    assert_eq!(check(r#"{"format_version": "1.0"}"#).policies, 0);
}

/// File below the folder of the recording, address and marked text of every finding.
fn found_at(report: &Report) -> Vec<(String, String, String)> {
    let location = |f: &Diagnostic| {
        let path = Path::new(&f.location.file.path).strip_prefix(folder("")).expect("below the recordings");
        let path = path.components().skip(1).collect::<PathBuf>().display().to_string();
        let text = f.location.file.text[f.location.start as usize..f.location.end as usize].to_owned();
        (path, f.finding.address.clone().unwrap_or_default(), text)
    };
    report.findings.iter().map(location).collect()
}

/// For `data.aws_iam_policy_document.d[each.key].json`, a plan lists the document and the key separately.
#[test]
fn an_instance_has_the_document_with_its_key() {
    let document = |key: &str, action: &str| {
        format!(
            r#"{{"address": "data.aws_iam_policy_document.d[\"{key}\"]", "mode": "data",
            "type": "aws_iam_policy_document", "change": {{"actions": ["read"], "after": {{"statement":
            [{{"actions": ["{action}"], "resources": ["arn:aws:sqs:eu-west-1:1:q"]}}]}}}}}}"#
        )
    };
    let policy = |key: &str| {
        format!(
            r#"{{"address": "aws_iam_policy.p[\"{key}\"]", "mode": "managed", "type": "aws_iam_policy", "change":
            {{"actions": ["create"], "after": {{"path": "/"}}, "after_unknown": {{"policy": true}}}}}}"#
        )
    };
    let changes = [document("a", "sns:*"), document("b", "sqs:*"), policy("b"), policy("a")].join(",");
    let plan = format!(
        r#"{{"format_version": "1.2", "resource_changes": [{changes}], "configuration": {{"root_module": {{"resources":
        [{{"address": "aws_iam_policy.p", "expressions": {{"policy": {{"references":
        ["data.aws_iam_policy_document.d", "each.key"]}}}}}}]}}}}}}"#
    );
    let report = check(&plan);
    let expected = [("a", "\"sns:*\""), ("b", "\"sqs:*\"")]
        .map(|(key, action)| (format!("aws_iam_policy.p[\"{key}\"]"), "service-wildcard", action));
    assert_eq!(found(&report), expected);
}
