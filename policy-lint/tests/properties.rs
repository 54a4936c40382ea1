//! Properties of every input: no panics, and spans inside of their file.
use std::sync::Arc;

use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::terraform;
use proptest::prelude::*;
use source_text::SourceFile;

fn run(text: &str) {
    if let Outcome::Read(project) = policy_file::read(Arc::new(SourceFile::new("any.json", text)), None, true) {
        for finding in engine::run(&project).findings {
            let (start, end) = finding.location.positions();
            assert!(start.offset <= end.offset && end.offset as usize <= text.len());
            assert!(start.line >= 1 && start.column >= 1);
            assert!(text.is_char_boundary(start.offset as usize) && text.is_char_boundary(end.offset as usize));
        }
    }
}

/// JSON made of the words of policies, most of which the parser accepts.
fn policy_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Action",
        "NotAction",
        "Resource",
        "Principal",
        "Condition",
        "StringLike",
        "AWS",
        "s3:*",
        "s3:GetObject",
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b",
        "ü${aws:x",
        "Sid",
        "Version",
        "2012-10-17",
        "aws:SourceIp",
        "sts:AssumeRole",
        "iam:PassRole",
        "",
        "lambda.amazonaws.com",
        "Service",
    ]);
    let leaf =
        prop_oneof![word.clone().prop_map(|w| format!("\"{w}\"")), Just("null".to_owned()), Just("7".to_owned())];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|m| {
                let members: Vec<String> = m.into_iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}") {
        run(&text);
    }

    #[test]
    fn any_text_after_a_byte_order_mark_is_read_without_a_panic(text in "\u{feff}[{}\\[\\]\",:é ]{0,12}") {
        run(&text);
    }

    #[test]
    fn any_policy_is_checked_without_a_panic(statement in policy_like()) {
        run(&format!("{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_terraform_source_is_evaluated_without_a_panic(expression in policy_like(), call in "(concat|merge|flatten|join|format|keys|try|one|range|setproduct|templatefile|file|jsonencode|jsondecode|element|slice|substr)") {
        let folder = tempfile::tempdir().expect("a folder");
        let source = format!(
            "locals {{\n  a = {expression}\n  b = local.c\n  c = [local.b, local.a]\n}}\nresource \"aws_iam_policy\" \"p\" {{\n  for_each = toset(flatten([local.a]))\n  policy = {call}({{ Statement = local.a }}, local.c, each.key)\n}}\nmodule \"self\" {{\n  source = \"./\"\n  x = local.a\n}}\n"
        );
        std::fs::write(folder.path().join("main.tf"), source).expect("a file");
        for project in terraform::read(&[folder.path().to_path_buf()], &[]).projects {
            let _ = engine::run(&project);
        }
    }
}
