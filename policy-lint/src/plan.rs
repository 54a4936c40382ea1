//! The policies of plans and states (`terraform show -json`) and of state files.
use std::collections::HashSet;
use std::path::PathBuf;

use iam_policy::PolicyKind;
use iam_policy::model::PolicyOrigin;
use source_text::{Data, Text, Value, embedded_json};
use terraform_eval::Resource;

use crate::attachments;
use crate::project::{BrokenPolicy, Project, Unresolved, read_policy};
use crate::{policy_attributes, policy_document};

mod changes;
mod configured;
mod source_mapper;

use changes::Changes;
use configured::Configured;
use source_mapper::SourceMapper;

/// Whether a text may be a plan or a state, by its first 4 KiB.
pub(crate) fn looks_like(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(4096)).unwrap_or(text);
    head.contains("\"format_version\"") || head.contains("\"terraform_version\"")
}

/// Keys of a plan or state, of which it has at least one. An empty one has its version only.
const PARTS: [&str; 4] = ["planned_values", "resource_changes", "values", "terraform_version"];

/// Whether a document is a plan or a state.
pub(crate) fn is_plan(value: &Value) -> bool {
    let shown = value.get("format_version").is_some()
        && (value.members().len() == 1 || PARTS.iter().any(|k| value.get(k).is_some()));
    let raw_state = value.get("terraform_version").is_some() && value.get("resources").is_some();
    shown || raw_state
}

/// Adds every policy of a plan or state; its source is looked for in `folders`.
pub(crate) fn read(plan: &Value, folders: &[PathBuf], project: &mut Project) {
    let mut resources = Vec::new();
    for root in [plan.path(&["planned_values", "root_module"]), plan.path(&["values", "root_module"])] {
        collect_module(root, &mut resources);
    }
    collect_raw_state(plan, &mut resources);
    collect_changes(plan, &mut resources);
    let source_mapper = SourceMapper::find(plan, &resources, folders, &mut project.files);
    let changes = Changes::of(plan);
    let mut documents_used = Vec::new();
    for resource in &resources {
        for policy_attribute in policy_attributes::of_type(&resource.kind) {
            let reading = Reading { resource, policy_attribute, changes: &changes, source_mapper: &source_mapper };
            read_attribute(&reading, project, &mut documents_used);
        }
    }
    for (address, after) in &changes.documents {
        let used = documents_used.iter().find(|(document, _)| document == address);
        let (owner, kind) = match used {
            Some((_, owner)) => (owner.address.clone(), Some(owner.kind)),
            None => (address.clone(), None),
        };
        let mut value = policy_document::to_policy(after);
        source_mapper.locate_policy(&owner, used.map_or("json", |(_, owner)| owner.attribute), &mut value);
        let kind = kind.unwrap_or_else(|| PolicyKind::guess(&value, ""));
        let origin =
            PolicyOrigin { resource_type: String::from("aws_iam_policy_document"), attribute: String::from("json") };
        project.policies.push(read_policy(value, kind, Some(owner), origin));
    }
    let configured = Configured::of(plan);
    for mut resource in resources {
        if let Some(unknown) = changes.unknown.get(resource.address.as_str()) {
            configured.fill(&mut resource, unknown);
        }
        source_mapper.locate_resource(&mut resource);
        attachments::add_resource(resource, project);
    }
}

fn collect_module(module: Option<&Value>, found: &mut Vec<Resource>) {
    let Some(module) = module else { return };
    for resource in module.get("resources").map(Value::elements).unwrap_or_default() {
        let text = |key: &str| resource.get(key).and_then(Value::as_str);
        if text("mode") != Some("managed") {
            continue;
        }
        // A resource without known attributes has no `values`.
        let values = resource.get("values").unwrap_or(resource);
        if let (Some(address), Some(kind)) = (text("address"), text("type")) {
            found.push(resource_of(address.to_owned(), kind, values, resource));
        }
    }
    for child in module.get("child_modules").map(Value::elements).unwrap_or_default() {
        collect_module(Some(child), found);
    }
}

/// Resources that a later plan decides, and all resources of a plan that was reduced to its changes.
fn collect_changes(plan: &Value, found: &mut Vec<Resource>) {
    let elements = |key: &str| plan.get(key).map(Value::elements).unwrap_or_default();
    let whole = if plan.get("planned_values").is_none() { elements("resource_changes") } else { &[] };
    let deferred = elements("deferred_changes").iter().filter_map(|d| d.get("resource_change"));
    let mut known: HashSet<String> = found.iter().map(|r| r.address.clone()).collect();
    for change in whole.iter().chain(deferred) {
        let text = |key: &str| change.get(key).and_then(Value::as_str);
        let (Some(address), Some(kind), Some("managed")) = (text("address"), text("type"), text("mode")) else {
            continue;
        };
        let after = change.path(&["change", "after"]).filter(|a| !a.members().is_empty());
        if let Some(values) = after.filter(|_| known.insert(address.to_owned())) {
            found.push(resource_of(address.to_owned(), kind, values, change));
        }
    }
}

fn resource_of(address: String, kind: &str, values: &Value, whole: &Value) -> Resource {
    Resource {
        address,
        kind: kind.to_owned(),
        values: values.clone(),
        head: whole.span,
        from_source: false,
        disabled_at: None,
    }
}

/// The resources of a state file: `resources[].instances[].attributes`.
fn collect_raw_state(state: &Value, found: &mut Vec<Resource>) {
    if state.get("format_version").is_some() {
        return;
    }
    for resource in state.get("resources").map(Value::elements).unwrap_or_default() {
        let text = |key: &str| resource.get(key).and_then(Value::as_str);
        let (Some(kind), Some(name), Some("managed")) = (text("type"), text("name"), text("mode")) else {
            continue;
        };
        let module = text("module").map(|m| format!("{m}.")).unwrap_or_default();
        for instance in resource.get("instances").map(Value::elements).unwrap_or_default() {
            let Some(values) = instance.get("attributes") else {
                continue;
            };
            let index = match instance.get("index_key").map(|k| &k.data) {
                Some(Data::String(key)) => format!("[\"{key}\"]"),
                Some(Data::Number(n)) => format!("[{n}]"),
                _ => String::new(),
            };
            found.push(resource_of(format!("{module}{kind}.{name}{index}"), kind, values, instance));
        }
    }
}

/// The attribute that holds a policy document that is unknown before the apply.
struct DeferredPolicy {
    address: String,
    attribute: &'static str,
    kind: PolicyKind,
}

/// An attribute of a resource, with what is needed to read it.
struct Reading<'a> {
    resource: &'a Resource,
    policy_attribute: &'static policy_attributes::PolicyAttribute,
    changes: &'a Changes<'a>,
    source_mapper: &'a SourceMapper,
}

fn read_attribute(reading: &Reading<'_>, project: &mut Project, used: &mut Vec<(String, DeferredPolicy)>) {
    let Reading { resource, policy_attribute, changes, source_mapper } = *reading;
    let location = || source_mapper.location(&resource.address, policy_attribute.attribute);
    let known = policy_attributes::attribute_values(&resource.values, policy_attribute.attribute);
    let kind = policy_attributes::kind_of(resource, policy_attribute);
    let mut any = false;
    for value in known {
        let Some(text) = value.as_str().filter(|t| !t.trim().is_empty()) else {
            continue;
        };
        any = true;
        let raw = project.files.get(value.span.file);
        let raw = raw.and_then(|f| f.text.get(value.span.start as usize..value.span.end as usize));
        let text = raw.map_or_else(|| Text::known(text), |raw| embedded_json::unquote(raw, value.span));
        let Some(kind) = kind else { continue };
        match embedded_json::parse(&text, value.span) {
            Ok(mut root) => {
                source_mapper.locate_policy(&resource.address, policy_attribute.attribute, &mut root);
                let origin = PolicyOrigin {
                    resource_type: resource.kind.clone(),
                    attribute: policy_attribute.attribute.to_owned(),
                };
                project.policies.push(read_policy(root, kind, Some(resource.address.clone()), origin));
            }
            Err(e) => project.broken.push(BrokenPolicy {
                span: location().unwrap_or(e.span),
                address: Some(resource.address.clone()),
                reason: e.reason,
                help: e.help.to_owned(),
            }),
        }
    }
    let open = || {
        changes.is_unknown(&resource.address, policy_attribute.attribute)
            && changes.is_configured(&resource.address, policy_attribute.attribute)
    };
    if !any && open() {
        match (changes.document_of(&resource.address, policy_attribute.attribute), kind) {
            (Some((document, _)), Some(kind)) => {
                let owner =
                    DeferredPolicy { address: resource.address.clone(), attribute: policy_attribute.attribute, kind };
                used.push((document.clone(), owner));
            }
            _ => project.unresolved.push(Unresolved {
                span: location().unwrap_or(resource.values.span),
                what: format!("{}.{}", resource.address, policy_attribute.attribute),
                why: String::from("known after apply"),
            }),
        }
    }
}
