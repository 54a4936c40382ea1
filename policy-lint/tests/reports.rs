//! SARIF, annotations, baselines, exceptions in comments, and escaping of untrusted text.
use serde_json::Value;

mod support;
use support::{folder, run};

const SOURCE: &str = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = [\n    { Effect = \"Allow\", Action = \"s3:*\", Resource = \"arn:aws:s3:::b/*\" },\n  ] })\n}\n";

#[test]
fn sarif_has_rules_and_locations() {
    let folder = folder(&[("a b.tf", SOURCE)]);
    let (code, out, _) = run(folder.path(), &["check", "a b.tf", "--format", "sarif"]);
    assert_eq!(code, 1);
    let log: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(log["runs"].as_array().map(Vec::len), Some(1));
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "service-wildcard");
    let rule = result["ruleIndex"].as_u64().and_then(|i| usize::try_from(i).ok()).expect("a number");
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][rule]["id"], "service-wildcard");
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "a%20b.tf");
    assert_eq!(
        (location["region"]["startLine"].as_u64(), location["region"]["startColumn"].as_u64()),
        (Some(3), Some(34))
    );
}

#[test]
fn annotations_have_file_and_position() {
    let folder = folder(&[("a.tf", SOURCE)]);
    let (_, out, _) = run(folder.path(), &["check", "a.tf", "--format", "github"]);
    assert!(
        out.starts_with("::error file=a.tf,line=3,endLine=3,col=34,endColumn=40,title=service-wildcard::"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 2, "{out}");
}

/// File names and policies are untrusted: no control character may reach the terminal, and no text may begin a line that
/// looks like a message of the program.
#[test]
fn hostile_names_and_policies_are_escaped_in_every_format() {
    let name = "x\u{1b}[2K\u{202e}\u{9b}\nerror: forged.json";
    let policy = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"a\\u001b[31m\", \"Effect\": \"Allow\", \
                  \"Action\": [\"s3:*\\u009b\", \"zz\u{202e}\u{9b}:Get\"], \"Resource\": \"*\"}]}";
    let broken = "x\u{1b}]0;title\u{7}\nerror: forged.tf";
    let folder = folder(&[(name, policy), (broken, "resource \"aws_iam_policy\" \"p\" {\n")]);
    for format in ["text", "github", "json", "sarif"] {
        let (code, out, err) = run(folder.path(), &["check", ".", "--format", format]);
        assert_eq!(code, 2, "one file cannot be read; {format}: {err}");
        for text in [&out, &err] {
            let is_control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(is_control), "{format}: {text:?}");
            assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{format}: {text}");
        }
    }
    for arguments in
        [vec!["check", "no\u{1b}such\nerror: forged.tf"], vec!["check", ".", "--config", "no\u{1b}such.toml"]]
    {
        let (code, _, err) = run(folder.path(), &arguments);
        assert_eq!(code, 2, "{err}");
        assert!(!err.contains('\u{1b}') && !err.contains("\nerror: forged"), "{err:?}");
    }
}

#[test]
fn a_baseline_suppresses_recorded_findings_and_reports_fixed_ones() {
    let folder = folder(&[("a.tf", SOURCE)]);
    let (code, _, _) = run(folder.path(), &["check", ".", "--write-baseline", "base.json"]);
    assert_eq!(code, 0);
    let moved = format!("# a line more\n\n{SOURCE}");
    std::fs::write(folder.path().join("a.tf"), moved).expect("a file");
    assert_eq!(run(folder.path(), &["check", ".", "--baseline", "base.json"]).0, 0);
    let twice = SOURCE
        .replace("s3:*\"", "s3:*\", Sid = \"A\"")
        .replace("  ] })", "    { Effect = \"Allow\", Action = \"sqs:*\", Resource = \"arn:aws:sqs:*:*:q\" },\n  ] })");
    std::fs::write(folder.path().join("a.tf"), twice).expect("a file");
    let (code, out, _) = run(folder.path(), &["check", ".", "--baseline", "base.json"]);
    assert!(code == 1 && out.contains("sqs:*") && !out.contains("s3:*` allows"), "{out}");
    std::fs::write(folder.path().join("a.tf"), SOURCE.replace("s3:*", "s3:GetObject")).expect("a file");
    let (code, _, err) = run(folder.path(), &["check", ".", "--baseline", "base.json"]);
    assert!(code == 0 && err.contains("no longer exists"), "{err}");
    std::fs::write(folder.path().join("base.json"), "{}").expect("a file");
    let (code, _, err) = run(folder.path(), &["check", ".", "--baseline", "base.json"]);
    assert!(code == 2 && err.contains("`base.json`"), "{err}");
}

#[test]
fn comments_suppress_findings_with_a_reason() {
    let line = "    { Effect";
    for (comment, expected) in [
        ("    # policy-lint: allow(service-wildcard) the owner of the bucket\n", vec![]),
        ("    // policy-lint: allow(service-wildcard)\n", vec!["allow-without-reason"]),
        ("    # policy-lint: allow(broad-resource) x\n", vec!["allow-unused", "service-wildcard"]),
        ("    # policy-lint: allow(servce-wildcard) x\n", vec!["allow-unused", "service-wildcard"]),
    ] {
        let text = SOURCE.replace(line, &format!("{comment}{line}"));
        let folder = folder(&[("a.tf", &text)]);
        let (_, out, _) = run(folder.path(), &["check", ".", "--format", "json"]);
        let report: Value = serde_json::from_str(&out).expect("JSON");
        let rules: Vec<&str> =
            report["findings"].as_array().expect("a list").iter().filter_map(|f| f["rule"].as_str()).collect();
        assert_eq!(rules, expected, "{comment}");
    }
}

#[test]
fn findings_of_a_plan_are_reported_and_suppressed_in_its_source() {
    let plan = r#"{"format_version": "1.2", "planned_values": {"root_module": {"resources": [{"address": "aws_iam_policy.p",
        "mode": "managed", "type": "aws_iam_policy", "values": {"policy":
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\"}]}"}}]}}}"#;
    let folder_with_plan = folder(&[("a.tf", SOURCE), ("plan.json", plan)]);
    let locations = |arguments: &[&str]| {
        let (_, out, _) = run(folder_with_plan.path(), &[arguments, &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&out).expect("JSON");
        let all = report["findings"].as_array().expect("a list").clone();
        let text = |f: &Value, key: &str| f[key].as_str().unwrap_or_default().to_owned();
        let line = |f: &Value| f["span"]["start"]["line"].as_u64().unwrap_or(0);
        all.iter().map(|f| (text(f, "path"), line(f), text(f, "rule"), text(f, "pointer"))).collect::<Vec<_>>()
    };
    let expected = vec![("a.tf".to_owned(), 3, "service-wildcard".to_owned(), "/Statement/0/Action".to_owned())];
    for arguments in [["check", "plan.json"], ["check", "."], ["check", "a.tf"]] {
        assert_eq!(locations(&arguments), expected, "{arguments:?}");
    }
    let allow = "[[allow]]\nrule = \"service-wildcard\"\npath = \"plan.json\"\nreason = \"x\"\n";
    std::fs::write(folder_with_plan.path().join("policy-lint.toml"), allow).expect("a file");
    assert_eq!(locations(&["check", "plan.json"]), []);
    std::fs::remove_file(folder_with_plan.path().join("policy-lint.toml")).expect("it is there");
    let comment =
        "    # policy-lint: allow(service-wildcard) x\n    # policy-lint: allow(broad-resource) x\n    { Effect";
    std::fs::write(folder_with_plan.path().join("a.tf"), SOURCE.replace("    { Effect", comment)).expect("a file");
    assert_eq!(locations(&["check", "plan.json"]), []);
    std::fs::write(folder_with_plan.path().join("a.tf"), SOURCE.replace("\"p\"", "\"other\"")).expect("a file");
    assert_eq!(locations(&["check", "plan.json"])[0].0, "plan.json");
}

#[test]
fn skip_others_skips_named_files_that_are_not_policies() {
    let folder = folder(&[("package.json", "{\"name\": \"x\"}"), ("a.tf", SOURCE)]);
    assert_eq!(run(folder.path(), &["check", "package.json"]).0, 2);
    assert_eq!(run(folder.path(), &["check", "--skip-others", "package.json"]).0, 0);
    assert_eq!(run(folder.path(), &["check", "--skip-others", "package.json", "a.tf"]).0, 1);
}

#[test]
fn expand_lists_actions_with_access_levels() {
    let folder = folder(&[]);
    let (code, out, _) = run(folder.path(), &["expand", "sqs:*Message"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "sqs:DeleteMessage\twrite\nsqs:ReceiveMessage\tread\nsqs:SendMessage\twrite\n")
    );
    let (code, _, err) = run(folder.path(), &["expand", "sqz:*"]);
    assert!(code == 2 && err.contains("`sqs`"), "{err}");
}
