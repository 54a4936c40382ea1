//! The evaluator compared with Terraform: the policies of the source are those of the plan.
#![allow(clippy::print_stderr, reason = "a test that falls back says so")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use iam_policy::model::Policy;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::terraform;
use serde_json::{Value as Json, json};
use source_text::SourceFile;
use source_text::{Data, Value};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(name)
}

/// A canonical form: lists as sorted sets, a text as a list of one.
fn canonical(value: &Value) -> Json {
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(b) => json!(b.to_string()),
        Data::Number(n) => json!(**n),
        Data::String(text) => json!(text.to_string()),
        Data::Encoded(inner) => canonical(inner),
        Data::Unknown(unknown) => json!(format!("unknown {}", unknown.source)),
        Data::Array(list) => {
            let mut list: Vec<Json> = list.iter().map(canonical).collect();
            list.sort_by_key(ToString::to_string);
            if list.len() == 1 { list.swap_remove(0) } else { Json::Array(list) }
        }
        Data::Object(members) => {
            let sorted: BTreeMap<String, Json> =
                members.iter().map(|m| (m.key.to_string(), canonical(&m.value))).collect();
            json!(sorted)
        }
    }
}

fn by_attribute(policies: &[Policy]) -> BTreeMap<String, Json> {
    let key = |p: &Policy| format!("{}:{}", p.address.clone().unwrap_or_default(), p.origin.attribute);
    policies.iter().map(|p| (key(p), canonical(&p.root))).collect()
}

/// The plan that the installed Terraform makes of a folder; `None` without Terraform or its provider.
fn fresh_plan(name: &str) -> Option<String> {
    let work = tempfile::tempdir().ok()?;
    let copy = Command::new("cp").arg("-R").arg(folder(name)).arg(work.path()).status().ok()?;
    let here = work.path().join(name);
    let mirrors = std::env::var_os("TF_PROVIDER_MIRROR").map(PathBuf::from).into_iter();
    let usual = std::fs::read_dir("/opt").into_iter().flatten().flatten().map(|e| e.path());
    let mirror = mirrors.chain(usual).find(|p| p.join("registry.terraform.io").is_dir())?;
    let terraform = |arguments: &[&str]| {
        let output = Command::new("terraform").current_dir(&here).args(arguments).output().ok()?;
        output.status.success().then_some(output.stdout)
    };
    let plugins = format!("-plugin-dir={}", mirror.display());
    terraform(&["init", "-backend=false", &plugins]).filter(|_| copy.success())?;
    terraform(&["plan", "-refresh=false", "-out=plan.bin"])?;
    String::from_utf8(terraform(&["show", "-json", "plan.bin"])?).ok()
}

fn recorded_plan(name: &str) -> String {
    std::fs::read_to_string(folder(name).join("plan.json")).expect("the recorded plan")
}

fn planned(text: String) -> BTreeMap<String, Json> {
    match policy_file::read(Arc::new(SourceFile::new("plan.json", text)), None, true) {
        Outcome::Read(project) => by_attribute(&project.policies),
        Outcome::Other => panic!("not read as a plan"),
    }
}

fn written(name: &str, module: &str) -> BTreeMap<String, Json> {
    let outcome = terraform::read(&[folder(name), folder(name).join(module)], &[]);
    assert!(outcome.errors.is_empty());
    outcome.projects.iter().flat_map(|p| by_attribute(&p.policies)).collect()
}

/// The compared folders, with the module that each of them calls.
const FOLDERS: [(&str, &str); 2] = [("every", "team"), ("spellings", "part")];

fn compare(name: &str, module: &str, plan: &BTreeMap<String, Json>) {
    let source = written(name, module);
    for (carrier, expected) in plan {
        let actual = source.get(carrier).unwrap_or_else(|| panic!("`{carrier}` is in the plan, not in the source"));
        assert_eq!(actual, expected, "{carrier}");
    }
    let extra: Vec<&String> = source.keys().filter(|k| !plan.contains_key(*k)).collect();
    assert!(extra.is_empty(), "in the source, not in the plan: {extra:?}");
    assert!(plan.len() > 15, "{} policies", plan.len());
}

#[test]
fn the_source_has_the_policies_of_the_recorded_plan() {
    for (name, module) in FOLDERS {
        compare(name, module, &planned(recorded_plan(name)));
    }
}

#[test]
fn the_source_has_the_policies_of_a_fresh_plan() {
    for (name, module) in FOLDERS {
        match fresh_plan(name) {
            Some(plan) => compare(name, module, &planned(plan)),
            None => eprintln!("SKIPPED: no Terraform with the provider hashicorp/aws; set TF_PROVIDER_MIRROR"),
        }
    }
}
