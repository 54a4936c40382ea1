//! The evaluator with a provider of the tests' own: values, instances, modules and documents.
use std::path::Path;

use source_text::{Data, Value};
use terraform_eval::{DerivedAttribute, DocumentSource, EvaluatedRoot, Evaluation, Provider, evaluate};

static PROVIDER: Provider = Provider {
    prefix: "test_",
    aliases: &[("test_thing", "id", "name")],
    documents: &[DocumentSource { data_type: "test_document", attributes: &["json"], compose: Value::clone }],
    derived: &[DerivedAttribute { data_type: "test_lookup", attribute: "number", from: "name", derive: length }],
    rejects_duplicate_key: |key| key == "strict",
};

fn length(name: &Value) -> Option<Value> {
    let length = name.as_str()?.len().to_string();
    Some(Value::new(Data::Number(length.into()), name.span))
}

fn evaluated(files: &[(&str, &str)]) -> Evaluation {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    evaluate(&[folder.path().to_path_buf()], &[], &PROVIDER)
}

fn root(files: &[(&str, &str)]) -> EvaluatedRoot {
    let evaluation = evaluated(files);
    assert!(evaluation.broken.is_empty(), "{:?}", evaluation.broken);
    evaluation.roots.into_iter().next().expect("a root module")
}

/// The address and the attribute `value` of every resource, as text.
fn values(root: &EvaluatedRoot) -> Vec<(String, String)> {
    let text = |value: &Value| match &value.data {
        Data::String(text) => text.to_string(),
        Data::Number(number) => number.to_string(),
        Data::Unknown(unknown) => format!("unknown: {}", unknown.source),
        other => format!("{other:?}"),
    };
    let value = |r: &terraform_eval::Resource| r.values.get("value").map(text).unwrap_or_default();
    root.resources.iter().map(|r| (r.address.clone(), value(r))).collect()
}

fn expect(files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = values(&root(files));
    let found: Vec<(&str, &str)> = found.iter().map(|(a, v)| (a.as_str(), v.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn resources_are_evaluated_per_instance_and_only_those_of_the_provider() {
    let source = r#"
variable "names" { default = ["b", "a"] }
resource "test_thing" "one" { name = "x" }
resource "test_thing" "each" {
  for_each = toset(var.names)
  value    = "${each.key}-${test_thing.one.id}"
}
resource "test_thing" "none" {
  count = 0
  value = "disabled"
}
resource "other_thing" "ignored" { value = 1 }
"#;
    let expected = [
        ("test_thing.one", ""),
        ("test_thing.each[\"a\"]", "a-x"),
        ("test_thing.each[\"b\"]", "b-x"),
        ("test_thing.none", "disabled"),
    ];
    expect(&[("main.tf", source)], &expected);
    let root = root(&[("main.tf", source)]);
    let disabled: Vec<bool> = root.resources.iter().map(|r| r.disabled_at.is_some()).collect();
    assert_eq!(disabled, [false, false, false, true]);
}

#[test]
fn values_pass_through_modules_and_unknown_ones_name_their_expression() {
    let main = r#"
variable "given" {}
module "child" {
  source = "./child"
  name   = "n"
}
resource "test_thing" "known" { value = module.child.doubled }
resource "test_thing" "unknown" { value = var.given }
resource "test_thing" "computed" { value = test_thing.known.arn }
"#;
    let child = r#"
variable "name" {}
output "doubled" { value = join("", [var.name, upper(var.name)]) }
resource "test_thing" "inner" { value = var.name }
"#;
    let expected = [
        ("test_thing.known", "nN"),
        ("test_thing.unknown", "unknown: var.given"),
        ("test_thing.computed", "unknown: test_thing.known.arn"),
        ("module.child.test_thing.inner", "n"),
    ];
    expect(&[("main.tf", main), ("child/main.tf", child)], &expected);
}

#[test]
fn the_provider_computes_attributes_and_documents() {
    let source = r#"
data "test_lookup" "x" { name = "four" }
data "test_document" "used" { title = "used" }
data "test_document" "unused" { title = "unused" }
resource "test_thing" "number" { value = data.test_lookup.x.number }
resource "test_thing" "document" { value = jsondecode(data.test_document.used.json).title }
"#;
    expect(&[("main.tf", source)], &[("test_thing.number", "4"), ("test_thing.document", "used")]);
    let root = root(&[("main.tf", source)]);
    let unused: Vec<&str> = root.unused_documents.iter().map(|d| d.address.as_str()).collect();
    assert_eq!(unused, ["data.test_document.unused"]);
}

#[test]
fn a_condition_that_is_unknown_leaves_both_candidates() {
    let source = r#"
variable "test" {}
resource "test_thing" "either" { value = var.test ? "yes" : "no" }
"#;
    let root = root(&[("main.tf", source)]);
    let value = root.resources[0].values.get("value").expect("a value");
    assert_eq!(value.candidates().iter().map(Value::as_str).collect::<Vec<_>>(), [Some("yes"), Some("no")]);
}

#[test]
fn a_file_that_is_not_terraform_is_reported_and_the_others_are_read() {
    let good = "resource \"test_thing\" \"a\" { value = 1 }\n";
    let evaluation = evaluated(&[("bad.tf", "resource {"), ("main.tf", good)]);
    assert_eq!(evaluation.broken.len(), 1);
    assert_eq!(evaluation.roots[0].resources.len(), 1);
}

#[test]
fn a_repeated_key_is_an_error_if_the_provider_rejects_it() {
    let object = |key: &str| format!("resource \"test_thing\" \"a\" {{ value = {{ {key} = 1, {key} = 2 }} }}\n");
    assert!(evaluated(&[("main.tf", &object("loose"))]).broken.is_empty());
    assert_eq!(evaluated(&[("main.tf", &object("strict"))]).broken.len(), 1);
}

/// Its offsets are those of the text of the type, which must not be taken for offsets in a file.
#[test]
fn a_default_in_a_json_type_constraint_has_the_span_of_the_constraint() {
    let variables = r#"{"variable": {"o": {"type": "object({a = optional(string, \"made\")})", "default": {}}}}"#;
    let templates = r#"{"resource": {"test_thing": {"first": {"value": "${jsonencode(var.o.a)}"}}}}"#;
    let source = "# a comment\nresource \"test_thing\" \"second\" { value = var.o.a }\n";
    let evaluation = evaluated(&[("a.tf.json", templates), ("v.tf.json", variables), ("z.tf", source)]);
    let root = evaluation.roots.first().expect("a root module");
    assert_eq!(root.resources.len(), 2);
    for resource in &root.resources {
        let mut value = resource.values.get("value").expect("a value");
        while let Data::Encoded(inner) = &value.data {
            value = inner;
        }
        assert_eq!(value.as_str(), Some("made"));
        let location = evaluation.files.locate(value.span).expect("a file");
        assert!(location.file.path.ends_with(".tf.json"), "{}: {}", resource.address, location.file.path);
    }
}

#[test]
fn two_modules_may_use_outputs_of_each_other() {
    let main = r#"
module "one" {
  source = "./one"
  count  = 1
  name   = "one"
  other  = module.two[0].name
}
module "two" {
  source = "./two"
  count  = 1
  name   = "two"
  other  = module.one[0].name
}
"#;
    let module = r#"
variable "name" {}
variable "other" {}
output "name" { value = upper(var.name) }
resource "test_thing" "x" { value = var.other }
"#;
    let expected = [("module.one[0].test_thing.x", "TWO"), ("module.two[0].test_thing.x", "ONE")];
    expect(&[("main.tf", main), ("one/main.tf", module), ("two/main.tf", module)], &expected);
}

#[test]
fn an_argument_of_a_repeated_module_is_evaluated_in_its_instance() {
    let main = r#"
module "each" {
  source   = "./child"
  for_each = { a = "x", b = "y" }
  name     = "${each.key}-${each.value}"
}
module "counted" {
  source = "./child"
  count  = 2
  name   = "n${count.index}"
}
"#;
    let child = "variable \"name\" {}\nresource \"test_thing\" \"x\" { value = var.name }\n";
    let expected = [
        ("module.each[\"a\"].test_thing.x", "a-x"),
        ("module.each[\"b\"].test_thing.x", "b-y"),
        ("module.counted[0].test_thing.x", "n0"),
        ("module.counted[1].test_thing.x", "n1"),
    ];
    expect(&[("main.tf", main), ("child/main.tf", child)], &expected);
}

#[test]
fn the_keys_of_what_is_not_a_map_are_an_error() {
    let source = r#"
locals { values = { object = { b = 1, a = 2 }, list = ["x"], text = "t" } }
resource "test_thing" "x" {
  for_each = local.values
  value    = join(",", try(keys(each.value), ["none"]))
}
"#;
    let expected =
        [("test_thing.x[\"list\"]", "none"), ("test_thing.x[\"object\"]", "a,b"), ("test_thing.x[\"text\"]", "none")];
    expect(&[("main.tf", source)], &expected);
}

#[test]
fn documents_of_an_unknown_collection_are_evaluated() {
    let source = r#"
variable "teams" { type = map(object({ on = bool })) }
locals { wanted = { for k, v in var.teams : k => v if v.on } }
data "test_document" "team" {
  for_each = local.wanted
  title    = "t"
}
resource "test_thing" "x" {
  for_each = local.wanted
  value    = jsondecode(data.test_document.team[each.key].json).title
}
"#;
    let found = values(&root(&[("main.tf", source)]));
    assert!(!found.is_empty() && found.iter().all(|(_, value)| value == "t"), "{found:?}");
}
