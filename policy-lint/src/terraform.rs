//! Policies, attachments and resources of Terraform source.
use std::path::{Path, PathBuf};

use iam_policy::PolicyKind;
use iam_policy::model::PolicyOrigin;
use source_text::{Data, ReadError, SourceFiles, Span, Text, Unknown, Value, embedded_json};
use terraform_eval::{BrokenFile, EvaluatedRoot, Resource, SourceHints, evaluate, evaluate_planned, literal};

use crate::attachments;
use crate::aws_provider::AWS;
use crate::policy_attributes::{self, PolicyAttribute};
use crate::project::{BrokenPolicy, Project, Unresolved};

/// What was read from Terraform source.
#[derive(Debug, Default)]
pub struct TerraformSource {
    /// One project per root module, then one with the files that could not be parsed.
    pub projects: Vec<Project>,
    /// Files that could not be read.
    pub errors: Vec<ReadError>,
}

/// Reads every root module in `folders`, each with its own values of variables and then those of `var_files`.
pub fn read(folders: &[PathBuf], var_files: &[PathBuf]) -> TerraformSource {
    let evaluation = evaluate(folders, var_files, &AWS);
    let files = evaluation.files;
    let mut projects: Vec<Project> = evaluation.roots.into_iter().map(|root| project(root, &files)).collect();
    let broken = evaluation.broken.into_iter().map(broken_file).collect();
    projects.push(Project { broken, files, ..Project::default() });
    TerraformSource { projects, errors: evaluation.errors }
}

/// Reads the root module in `folder` that a plan was made from; see [`evaluate_planned`].
pub(crate) fn read_planned(folder: &Path, hints: &SourceHints<'_>, files: &mut SourceFiles) -> Option<Project> {
    let root = evaluate_planned(folder, hints, files, &AWS)?;
    Some(project(root, files))
}

fn broken_file(file: BrokenFile) -> BrokenPolicy {
    BrokenPolicy { span: file.span, address: None, reason: file.reason, help: file.help }
}

fn project(root: EvaluatedRoot, files: &SourceFiles) -> Project {
    let mut project = Project { files: files.clone(), ..Project::default() };
    for resource in root.resources {
        add_resource(resource, files, &mut project);
    }
    for document in root.unused_documents {
        let kind = PolicyKind::guess(&document.value.alternative(0), "");
        let origin = PolicyOrigin { resource_type: document.data_type, attribute: String::from("json") };
        project.add(document.value, kind, document.address, origin, document.disabled_at);
    }
    project
}

/// Adds a resource and its policies; of a disabled resource only the policies.
fn add_resource(resource: Resource, files: &SourceFiles, project: &mut Project) {
    let disabled_at = resource.disabled_at;
    for policy_attribute in policy_attributes::of_type(&resource.kind) {
        let Some(kind) = policy_attributes::kind_of(&resource, policy_attribute) else { continue };
        for value in policy_attributes::attribute_values(&resource.values, policy_attribute.attribute) {
            read_attribute(
                &PolicyValue { resource: &resource, policy_attribute, kind, disabled_at },
                value,
                files,
                project,
            );
        }
    }
    if disabled_at.is_none() {
        attachments::add_resource(resource, project);
    }
}

/// A resource's attribute that holds a policy.
struct PolicyValue<'a> {
    resource: &'a Resource,
    policy_attribute: &'static PolicyAttribute,
    kind: PolicyKind,
    disabled_at: Option<Span>,
}

fn read_attribute(policy_value: &PolicyValue<'_>, value: &Value, files: &SourceFiles, project: &mut Project) {
    let PolicyValue { resource, policy_attribute, kind, disabled_at } = *policy_value;
    match document(value, policy_attribute.attribute, files) {
        Ok(None) => {}
        Ok(Some(root)) if root.is_unknown() && root.candidates().is_empty() => {
            let what = root.as_unknown().map(|u| u.source.clone()).unwrap_or_default();
            let why = format!("`{}` of `{}` is unknown before a plan", policy_attribute.attribute, resource.address);
            if disabled_at.is_none() {
                project.unresolved.push(Unresolved { span: value.span, what, why });
            }
        }
        Ok(Some(root)) => {
            let origin =
                PolicyOrigin { resource_type: resource.kind.clone(), attribute: policy_attribute.attribute.to_owned() };
            project.add(root, kind, resource.address.clone(), origin, disabled_at);
        }
        Err(_) if disabled_at.is_some() => {}
        Err(broken) => project.broken.push(BrokenPolicy { address: Some(resource.address.clone()), ..broken }),
    }
}

/// The document in the value of an attribute, with the same candidates.
fn document(value: &Value, attribute: &str, files: &SourceFiles) -> Result<Option<Value>, BrokenPolicy> {
    let broken =
        |span: Span, reason: String, help: &str| BrokenPolicy { span, address: None, reason, help: help.to_owned() };
    match &value.data {
        Data::Null => Ok(None),
        Data::Encoded(inner) => Ok(Some(inner.as_ref().clone())),
        Data::Unknown(unknown) if !unknown.candidates.is_empty() => {
            let found = unknown.candidates.iter().filter_map(|c| document(c, attribute, files).transpose());
            let documents = found.collect::<Result<Vec<_>, _>>()?;
            Ok((!documents.is_empty()).then(|| Value::one_of(documents, unknown.source.clone(), value.span)))
        }
        Data::Unknown(_) => Ok(Some(value.clone())),
        Data::String(text) if text.raw().trim().is_empty() => Ok(None),
        Data::String(text) => match embedded_json::parse(&with_origin(text, value.span, files), value.span) {
            Ok(root) => Ok(Some(root)),
            // Unknown parts outside of strings may be any JSON, or nothing.
            Err(_) if embedded_json::has_unknown_outside_strings(text) => {
                Ok(Some(value.map_alternatives(&text.to_string(), |alternative| {
                    let known = alternative.as_text().filter(|t| t.is_known());
                    let parsed = known.and_then(|t| embedded_json::parse(t, value.span).ok());
                    parsed.unwrap_or_else(|| Value::unknown(Unknown::plain(unknown_sources(text)), value.span))
                })))
            }
            Err(e) => Err(broken(e.span, e.reason, e.help)),
        },
        _ => {
            let reason = format!("`{attribute}` is {}, not JSON text", value.kind());
            Err(broken(value.span, reason, "wrap the value in `jsonencode(…)`"))
        }
    }
}

/// The expressions of the unknown parts of a text.
fn unknown_sources(text: &Text) -> String {
    text.unknowns().iter().map(|u| u.source.as_str()).collect::<Vec<_>>().join(", ")
}

/// The text with the origin of its bytes: a text without templates has its origin in the source only.
fn with_origin(text: &Text, span: Span, files: &SourceFiles) -> Text {
    if !text.origin().is_empty() || !text.is_known() {
        return text.clone();
    }
    let raw = files.get(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize));
    match raw {
        Some(raw) if raw.starts_with('"') => literal::unquote(text.raw(), raw, span),
        _ => text.clone(),
    }
}
