//! What the files of a Terraform module declare: variables, outputs, calls of other modules, required versions.
mod expressions;
pub mod markdown;
pub mod type_expression;

use std::collections::BTreeSet;

use hcl_edit::expr::{Expression, Object};
use hcl_edit::parser::parse_body;
use hcl_edit::structure::{Block, Body};

use crate::Source;
use expressions::{key_name, one_line, string};
use type_expression::Type;

/// A module: the `.tf` files directly in one folder.
#[derive(Debug, Default)]
pub struct Module {
    /// Relative to the repository's root, without a `/` at the end.
    pub folder: String,
    /// In the order of their declaration.
    pub variables: Vec<Variable>,
    /// In the order of their declaration.
    pub outputs: Vec<Output>,
    /// In the order of their declaration.
    pub calls: Vec<Call>,
    /// The required version of Terraform, then those of the providers.
    pub requirements: Vec<Requirement>,
    /// The types of the resources and data sources.
    pub resource_types: BTreeSet<String>,
}

/// A `variable` block.
#[derive(Debug)]
pub struct Variable {
    /// The path of its file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Empty if it has none.
    pub description: String,
    /// `any` if it has none.
    pub value_type: Type,
    /// Its default as an expression on one line; a variable without one is required.
    pub default: Option<String>,
}

/// An `output` block.
#[derive(Debug)]
pub struct Output {
    /// The path of its file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Empty if it has none.
    pub description: String,
    /// The names of its attributes, if its value is written as an object.
    pub attributes: Vec<String>,
}

/// A `module` block.
#[derive(Debug)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its `source`, as `../queue`.
    pub source: String,
}

/// A version that a `terraform` block requires.
#[derive(Debug)]
pub struct Requirement {
    /// The path of its file.
    pub file: String,
    /// The local name of the provider; `None` for Terraform itself.
    pub provider: Option<String>,
    /// The source of the provider, as `hashicorp/aws`.
    pub source: Option<String>,
    /// The constraint; empty if it has none.
    pub version: String,
}

impl Module {
    /// Reads the module in `folder` (`terraform/modules/queue`).
    ///
    /// # Panics
    /// If a file is not valid HCL.
    pub fn read(folder: &str, sources: &[Source]) -> Module {
        let mut module = Module { folder: folder.to_owned(), ..Module::default() };
        for source in sources.iter().filter(|source| is_in(folder, source)) {
            let body = parse_body(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
            for block in body.blocks() {
                module.add(&source.path, block);
            }
        }
        module.requirements.sort_by(|a, b| a.provider.cmp(&b.provider));
        module
    }

    fn add(&mut self, file: &str, block: &Block) {
        let label = || block.labels.last().map_or_else(String::new, |label| label.as_str().to_owned());
        match block.ident.as_str() {
            "variable" => self.variables.push(Variable {
                file: file.to_owned(),
                name: label(),
                description: text(&block.body, "description"),
                value_type: value(&block.body, "type").map_or(Type::Plain("any".to_owned()), Type::read),
                default: value(&block.body, "default").map(one_line),
            }),
            "output" => self.outputs.push(Output {
                file: file.to_owned(),
                name: label(),
                description: text(&block.body, "description"),
                attributes: value(&block.body, "value").and_then(Expression::as_object).map_or_else(Vec::new, names),
            }),
            "module" => self.calls.push(Call { name: label(), source: text(&block.body, "source") }),
            "resource" | "data" => {
                self.resource_types.extend(block.labels.first().map(|label| label.as_str().to_owned()));
            }
            "terraform" => self.add_requirements(file, &block.body),
            _ => {}
        }
    }

    fn add_requirements(&mut self, file: &str, body: &Body) {
        if let Some(version) = value(body, "required_version") {
            let version = string(version);
            self.requirements.push(Requirement { file: file.to_owned(), provider: None, source: None, version });
        }
        for attribute in body.get_blocks("required_providers").flat_map(|block| block.body.attributes()) {
            let Some(provider) = attribute.value.as_object() else { continue };
            let of =
                |name: &str| provider.iter().find(|(key, _)| key_name(key) == name).map(|(_, of)| string(of.expr()));
            self.requirements.push(Requirement {
                file: file.to_owned(),
                provider: Some(attribute.key.as_str().to_owned()),
                source: of("source"),
                version: of("version").unwrap_or_default(),
            });
        }
    }
}

/// Every folder of `terraform/` that must be documented as a module: the root, those directly below `modules`, and
/// deeper ones that have variables.
pub fn module_folders(sources: &[Source]) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for source in sources.iter().filter(|source| source.has_extension(&["tf"])) {
        let Some((folder, _)) = source.path.rsplit_once('/') else { continue };
        let is_module = match folder.split('/').collect::<Vec<_>>()[..] {
            ["terraform"] | ["terraform", "modules", _] => true,
            ["terraform", "modules", ..] => !Module::read(folder, sources).variables.is_empty(),
            _ => false,
        };
        if is_module {
            folders.insert(folder.to_owned());
        }
    }
    folders
}

/// The folder and those of all modules that it calls by a relative path, directly or through others.
pub fn called_folders(folder: &str, sources: &[Source]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        let calls = Module::read(&folder, sources).calls;
        if seen.insert(folder.clone()) {
            next.extend(calls.iter().filter_map(|call| resolve(&folder, &call.source)));
        }
    }
    seen
}

/// Whether the file is a `.tf` file directly in the folder.
pub fn is_in(folder: &str, source: &Source) -> bool {
    source.has_extension(&["tf"]) && source.path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder)
}

/// The folder that a relative `source` names; `None` for a registry's module.
fn resolve(folder: &str, source: &str) -> Option<String> {
    if !source.starts_with('.') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in source.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn value<'a>(body: &'a Body, name: &str) -> Option<&'a Expression> {
    body.get_attribute(name).map(|attribute| &attribute.value)
}

/// The text of an attribute, without space around it; empty if it is absent.
fn text(body: &Body, name: &str) -> String {
    value(body, name).map(string).unwrap_or_default().trim().to_owned()
}

fn names(object: &Object) -> Vec<String> {
    object.iter().map(|(key, _)| key_name(key)).collect()
}
