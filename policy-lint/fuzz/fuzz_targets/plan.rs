//! Plans and states: any text as one, as the resources of one, and as the policy in one.
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use source_text::SourceFile;

fuzz_target!(|text: &str| {
    run(text);
    run(&format!(r#"{{"format_version":"1.2","planned_values":{{"root_module":{{"resources":[{text}]}}}}}}"#));
    run(&format!(r#"{{"version":4,"terraform_version":"1.9.0","resources":[{text}]}}"#));
    let mut quoted = String::from("\"");
    text.chars().for_each(|c| match c {
        '"' | '\\' => quoted.extend(['\\', c]),
        '\0'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
        _ => quoted.push(c),
    });
    quoted.push('"');
    run(&format!(
        r#"{{"format_version":"1.2","planned_values":{{"root_module":{{"resources":[{{"address":"aws_iam_policy.p","mode":"managed","type":"aws_iam_policy","values":{{"policy":{quoted}}}}}]}}}}}}"#
    ));
});

fn run(text: &str) {
    if let Outcome::Read(project) = policy_file::read(Arc::new(SourceFile::new("plan.json", text)), None, true) {
        for finding in engine::run(&project).findings {
            let (start, end) = finding.location.positions();
            assert!(start.offset <= end.offset && end.offset as usize <= text.len());
        }
    }
}
