//! Each Terraform module has a README with its inputs and outputs as they are declared, and says what it requires.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use tidy::terraform::markdown::{generated, outside, with_generated};
use tidy::terraform::{Module, module_folders};
use tidy::{Source, root, sources};

const COMMAND: &str = "SLUICE_WRITE=1 cargo test -p tidy --test module_readmes";

/// The versions of the AWS provider that a module works with. The root selects one.
const AWS_VERSIONS: &str = ">= 5.100, < 7";
const ROOT_AWS_VERSIONS: &str = "~> 5.100";

/// What is wrong with the declarations of a module, each with its file and name.
fn declaration_faults(module: &Module) -> Vec<String> {
    let mut faults = Vec::new();
    for variable in &module.variables {
        let (file, name) = (&variable.file, &variable.name);
        if variable.description.is_empty() {
            faults.push(format!("{file}: variable `{name}` has no description"));
        }
        // The attributes of a system's object have no other documentation.
        let rows = variable.value_type.rows();
        let undocumented = rows.iter().filter(|row| {
            name == "settings" && row.attribute.value_type.rows().is_empty() && row.attribute.description.is_empty()
        });
        faults.extend(undocumented.map(|row| format!("{file}: `settings.{}` has no comment above it", row.path)));
    }
    let outputs = module.outputs.iter().filter(|output| output.description.is_empty());
    faults.extend(outputs.map(|output| format!("{}: output `{}` has no description", output.file, output.name)));
    faults
}

/// What is wrong with the versions that a module requires.
fn version_faults(module: &Module) -> Vec<String> {
    let file = format!("{}/versions.tf", module.folder);
    let mut faults = Vec::new();
    if !module.requirements.iter().any(|required| required.provider.is_none() && required.file == file) {
        faults.push(format!("{file}: no `required_version`"));
    }
    let expected = if module.folder == "terraform" { ROOT_AWS_VERSIONS } else { AWS_VERSIONS };
    let aws = module.requirements.iter().find(|required| required.provider.as_deref() == Some("aws"));
    let uses_aws = module.resource_types.iter().any(|name| name.starts_with("aws_"));
    match aws {
        None if uses_aws => faults.push(format!("{file}: no `aws` in `required_providers`")),
        Some(aws) if aws.file != file => {
            faults.push(format!("{}: `required_providers` is not in versions.tf: move it", aws.file));
        }
        Some(aws) if aws.version != expected => {
            faults.push(format!("{file}: `aws` has version `{}`: write `{expected}`", aws.version));
        }
        _ => {}
    }
    faults
}

/// What is wrong with the README of a module; with `SLUICE_WRITE`, its generated part is updated instead.
fn readme_faults(module: &Module, sources: &[Source]) -> Vec<String> {
    let path = format!("{}/README.md", module.folder);
    let Some(readme) = sources.iter().find(|source| source.path == path) else {
        return vec![format!("{path}: does not exist: write what the module is for, then run `{COMMAND}`")];
    };
    let mut faults = Vec::new();
    let (before, after) = outside(&readme.text).unwrap_or((&readme.text, ""));
    if !before.lines().chain(after.lines()).any(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        faults.push(format!("{path}: only headings and generated text: write what the module is for"));
    }
    match with_generated(&readme.text, &generated(module)) {
        Err(fault) => faults.push(format!("{path}: {fault}")),
        Ok(current) if current == readme.text => {}
        Ok(current) if std::env::var_os("SLUICE_WRITE").is_some() => fs::write(root().join(path), current).unwrap(),
        Ok(_) => faults.push(format!("{path}: inputs and outputs are outdated: update them with `{COMMAND}`")),
    }
    faults
}

#[test]
fn every_module_is_documented_as_it_is() {
    let sources = sources();
    let folders = module_folders(&sources);
    assert!(folders.len() > 5, "only {} modules found", folders.len());
    let mut faults = Vec::new();
    for folder in &folders {
        let module = Module::read(folder, &sources);
        faults.extend(version_faults(&module));
        faults.extend(declaration_faults(&module));
        faults.extend(readme_faults(&module, &sources));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn file(path: &str, text: &str) -> Source {
    Source { path: format!("terraform/modules/{path}"), text: text.to_owned() }
}

fn module(files: &[Source]) -> Module {
    Module::read("terraform/modules/example", files)
}

const VARIABLES: &str = r#"
variable "written" {
  description = "The object as the caller wrote it."
  type        = any
}

# Not part of the documentation.
variable "settings" {
  description = "What the system does."

  type = object({ # nor is this
    # Number of days.
    # `null` keeps them.
    #
    # At least 1 | at most <n>.
    days   = optional(number) # nor this
    prefix = optional(string, "a  b\n") // nor this

    # Apart from the attribute by an empty line.

    table = object({
      # The hash key.
      hash_key = string, # nor this
      // The range key.
      range_key = optional(string, "a|b")
    })
    # Who receives messages.
    parties = optional(list(object({
      # The name.
      "name" = string
      # How.
      notify = optional(object({
        # `topic` or `queue`.
        kind = optional(string, "topic")
      }), {})
    })), [])
    # Data sets by name.
    datasets = optional(map(object({ path = string, days = optional(list(number), [1, 2]) })), {
      # A comment in a default.
      all = { path = "/" }
    })
    tags = optional(map(list(string)), {})
  })
}

variable "lock" {
  description = <<-TEXT
    First line
    and second, with <angle> and `<code>` and a|b.

    Modes:
    - one
    - two
  TEXT
  type        = object({ mode = string, days = optional(number, 1) })
  default     = null
}

variable "names" {
  description = "Names \"quoted\"."
  type        = list(string)
  default = [
    "a", # first
    "b",
  ]
}

variable "region" {}
"#;

const OTHERS: &str = r#"
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

module "queue" {
  source = "../queue"
}

module "label" {
  source = "example/label/null"
}

resource "aws_s3_bucket" "this" {}

output "resources" {
  description = "Names and ARNs."
  value = {
    bucket   = aws_s3_bucket.this.id
    "arn"    = aws_s3_bucket.this.arn # the ARN
    commands = { list = "aws s3 ls" }
  }
}

output "name" {
  value = aws_s3_bucket.this.id
}
"#;

const README: &str = r#"## Inputs

| Name | Type | Default | Description |
|---|---|---|---|
| `written` | `any` | **required** | The object as the caller wrote it. |
| `settings` | [`object`](#input-settings) | **required** | What the system does. |
| `region` | `any` | **required** | |
| `lock` | `object({ mode = string, days = optional(number, 1) })` | `null` | First line and second, with \<angle> and `<code>` and a\|b.<br>Modes:<br>- one<br>- two |
| `names` | `list(string)` | `["a", "b"]` | Names "quoted". |

### Input `settings`

| Attribute | Type | Default | Description |
|---|---|---|---|
| `days` | `number` | `null` | Number of days. `null` keeps them.<br>At least 1 \| at most \<n>. |
| `prefix` | `string` | `"a  b\n"` | |
| `table` | `object` | **required** | |
| `table.hash_key` | `string` | **required** | The hash key. |
| `table.range_key` | `string` | `"a\|b"` | The range key. |
| `parties` | `list(object)` | `[]` | Who receives messages. |
| `parties[].name` | `string` | **required** | The name. |
| `parties[].notify` | `object` | `{}` | How. |
| `parties[].notify.kind` | `string` | `"topic"` | `topic` or `queue`. |
| `datasets` | `map(object)` | `{ all = { path = "/" } }` | Data sets by name. |
| `datasets[*].path` | `string` | **required** | |
| `datasets[*].days` | `list(number)` | `[1, 2]` | |
| `tags` | `map(list(string))` | `{}` | |

## Outputs

| Name | Description |
|---|---|
| `resources` | Names and ARNs. |
| `name` | |

Attributes of `resources`: `bucket`, `arn`, `commands`.

## Modules

- `queue`: [`../queue`](../queue)
- `label`: `example/label/null`

## Requirements

- Terraform `>= 1.9`
- Provider `hashicorp/aws` `>= 5.100, < 7`
"#;

#[test]
fn the_generated_part_shows_every_attribute_with_its_comment() {
    let files = [file("example/variables.tf", VARIABLES), file("example/main.tf", OTHERS)];
    let text = generated(&module(&files));
    assert!(text == README, "{text}");
}

#[test]
fn a_module_without_declarations_has_an_empty_generated_part() {
    assert_eq!(generated(&module(&[file("example/main.tf", "locals {}\n")])), "");
}

#[test]
fn the_generated_part_replaces_the_one_before_and_keeps_the_prose() {
    let first = with_generated("# Example\n\nProse.\n", "old\n").unwrap();
    let begin = "# Example\n\nProse.\n\n<!-- generated: inputs and outputs -->\n";
    assert_eq!(first, format!("{begin}old\n<!-- end of generated part -->\n"));
    assert_eq!(with_generated(&first, "old\n").unwrap(), first);
    let second = with_generated(&format!("{first}\nMore prose.\n"), "new\n").unwrap();
    assert_eq!(second, format!("{begin}new\n<!-- end of generated part -->\n\nMore prose.\n"));
    assert_eq!(with_generated(&second, "new\n").unwrap(), second);
}

#[test]
fn unmatched_lines_around_the_generated_part_are_refused() {
    let begin_only = with_generated("<!-- generated: inputs and outputs -->\n", "").unwrap_err();
    assert!(begin_only.starts_with("has 1 lines"), "{begin_only}");
    let swapped = "<!-- end of generated part -->\n<!-- generated: inputs and outputs -->\n";
    assert!(with_generated(swapped, "").unwrap_err().ends_with("swap them"));
}

#[test]
fn missing_descriptions_and_versions_are_faults() {
    let files = [file("example/variables.tf", VARIABLES), file("example/main.tf", OTHERS)];
    let module = module(&files);
    let folder = "terraform/modules/example";
    let expected: Vec<String> = [
        "`settings.prefix` has no comment above it",
        "`settings.datasets[*].path` has no comment above it",
        "`settings.datasets[*].days` has no comment above it",
        "`settings.tags` has no comment above it",
        "variable `region` has no description",
    ]
    .map(|fault| format!("{folder}/variables.tf: {fault}"))
    .into_iter()
    .chain([format!("{folder}/main.tf: output `name` has no description")])
    .collect();
    assert_eq!(declaration_faults(&module), expected);
    assert_eq!(
        version_faults(&module),
        [
            format!("{folder}/versions.tf: no `required_version`"),
            format!("{folder}/main.tf: `required_providers` is not in versions.tf: move it"),
        ]
    );
}

#[test]
fn the_versions_of_a_module_and_of_the_root_differ() {
    let versions = |path: &str, version: &str| {
        let aws = format!("    aws = {{ version = \"{version}\" }}");
        let providers = format!("  required_providers {{\n{aws}\n  }}");
        let text = format!("terraform {{\n  required_version = \">= 1.9\"\n{providers}\n}}\n");
        Source { path: format!("{path}/versions.tf"), text }
    };
    let faults = |path: &str, version: &str| version_faults(&Module::read(path, &[versions(path, version)]));
    assert!(faults("terraform/modules/example", AWS_VERSIONS).is_empty());
    assert!(faults("terraform", ROOT_AWS_VERSIONS).is_empty());
    let fault = "terraform/modules/example/versions.tf: `aws` has version `~> 5.100`: write `>= 5.100, < 7`";
    assert_eq!(faults("terraform/modules/example", ROOT_AWS_VERSIONS), [fault]);
    let resource = file("example/main.tf", "data \"aws_region\" \"this\" {}\n");
    let fault = "terraform/modules/example/versions.tf: no `aws` in `required_providers`";
    assert_eq!(version_faults(&module(&[resource]))[1], fault);
}

#[test]
fn a_readme_needs_text_of_its_own() {
    let module = module(&[]);
    let readme = |text: &str| readme_faults(&module, &[file("example/README.md", text)]);
    let headings = "# Example\n\n<!-- generated: inputs and outputs -->\n<!-- end of generated part -->\n";
    assert!(readme(headings)[0].contains("only headings"));
    assert_eq!(readme(&headings.replace("# Example", "# Example\n\nText.")), Vec::<String>::new());
    assert!(readme_faults(&module, &[])[0].contains("does not exist"));
}

#[test]
fn modules_are_the_root_and_the_folders_below_modules() {
    let paths = ["bucket/main.tf", "settings/rule/variables.tf", "settings/data/main.tf", "settings/main.tf"];
    let mut files: Vec<Source> = paths.iter().map(|path| file(path, "")).collect();
    files[1].text = "variable \"name\" {}\n".to_owned();
    files.extend(
        ["terraform/main.tf", "terraform/tests/example/main.tf", "terraform/examples/minimal/main.tf"]
            .map(|path| Source { path: path.to_owned(), text: "variable \"name\" {}\n".to_owned() }),
    );
    let folders = ["terraform", "terraform/modules/bucket", "terraform/modules/settings"];
    let expected = folders.into_iter().chain(["terraform/modules/settings/rule"]);
    assert!(module_folders(&files).iter().map(String::as_str).eq(expected));
}
