//! The unknown values of a plan, and the expressions they come from.
use std::collections::HashMap;

use source_text::{Data, Value};
use terraform_eval::address::{instance_key, without_indexes};

/// The unknown values of a plan, its deferred policy documents, and the references of its configuration.
pub(super) struct Changes<'a> {
    /// `after_unknown` by address.
    pub unknown: HashMap<&'a str, &'a Value>,
    /// Policy documents that are read during the apply.
    pub documents: Vec<(String, &'a Value)>,
    /// The references of an attribute, by the address of the resource in the configuration and the attribute.
    references: HashMap<(String, String), Vec<String>>,
}

impl<'a> Changes<'a> {
    /// The changes of a plan.
    pub(super) fn of(plan: &'a Value) -> Changes<'a> {
        let mut changes = Changes { unknown: HashMap::new(), documents: Vec::new(), references: HashMap::new() };
        let elements = |key: &str| plan.get(key).map(Value::elements).unwrap_or_default();
        let deferred = elements("deferred_changes").iter().filter_map(|d| d.get("resource_change"));
        for change in elements("resource_changes").iter().chain(deferred) {
            let text = |key: &str| change.get(key).and_then(Value::as_str);
            let Some(address) = text("address") else {
                continue;
            };
            if let Some(unknown) = change.path(&["change", "after_unknown"]) {
                changes.unknown.insert(address, unknown);
            }
            let is_document = text("mode") == Some("data") && text("type") == Some("aws_iam_policy_document");
            if let Some(after) = change.path(&["change", "after"]).filter(|_| is_document) {
                changes.documents.push((address.to_owned(), after));
            }
        }
        collect_references(plan.path(&["configuration", "root_module"]), "", &mut changes.references);
        changes
    }

    /// Whether an attribute is known after apply.
    pub(super) fn is_unknown(&self, address: &str, attribute: &str) -> bool {
        let mut value = self.unknown.get(address).copied();
        for key in attribute.split('.') {
            value = value.and_then(|v| v.get(key).or_else(|| v.elements().first().and_then(|e| e.get(key))));
        }
        value.is_some_and(|v| matches!(v.data, Data::Bool(true)))
    }

    /// Whether the configuration sets the attribute, so that its value is not a default of AWS.
    pub(super) fn is_configured(&self, address: &str, attribute: &str) -> bool {
        self.references.contains_key(&reference_key(address, attribute))
    }

    /// The deferred policy document that an attribute's value comes from.
    pub(super) fn document_of(&self, address: &str, attribute: &str) -> Option<&(String, &'a Value)> {
        let (module, _) = split_module(address);
        let references = self.references.get(&reference_key(address, attribute))?;
        let fits = |document: &str| {
            let (document_module, local) = split_module(document);
            document_module == module && references.iter().any(|r| refers(r, &without_indexes(local)))
        };
        let mut fitting = self.documents.iter().filter(|(document, _)| fits(document)).peekable();
        let first = fitting.peek().copied();
        // Of several instances, the one with the same key if there is one.
        fitting.find(|(document, _)| instance_key(document) == instance_key(address)).or(first)
    }
}

fn reference_key(address: &str, attribute: &str) -> (String, String) {
    (without_indexes(address), attribute.split('.').next().unwrap_or_default().to_owned())
}

fn refers(reference: &str, address: &str) -> bool {
    without_indexes(reference).strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The module of an address, with its dot, and the rest.
fn split_module(address: &str) -> (&str, &str) {
    let local = address.rfind("module.").map_or(0, |at| {
        let after = at + "module.".len();
        let mut depth = 0;
        let end = address[after..].char_indices().find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            *c == '.' && depth == 0
        });
        end.map_or(0, |(i, _)| after + i + 1)
    });
    address.split_at(local)
}

fn collect_references(module: Option<&Value>, prefix: &str, found: &mut HashMap<(String, String), Vec<String>>) {
    let Some(module) = module else { return };
    for resource in module.get("resources").map(Value::elements).unwrap_or_default() {
        let Some(address) = resource.get("address").and_then(Value::as_str) else {
            continue;
        };
        for expression in resource.get("expressions").map(Value::members).unwrap_or_default() {
            let mut references = Vec::new();
            gather_references(&expression.value, &mut references);
            found.insert((format!("{prefix}{address}"), expression.key.raw().to_owned()), references);
        }
    }
    for call in module.get("module_calls").map(Value::members).unwrap_or_default() {
        let prefix = format!("{prefix}module.{}.", call.key.raw());
        collect_references(call.value.get("module"), &prefix, found);
    }
}

/// Adds every reference of an expression and of the expressions inside it.
pub(super) fn gather_references(value: &Value, found: &mut Vec<String>) {
    if let Some(references) = value.get("references") {
        found.extend(references.elements().iter().filter_map(Value::as_str).map(str::to_owned));
    }
    value.members().iter().for_each(|m| gather_references(&m.value, found));
    value.elements().iter().for_each(|e| gather_references(e, found));
}
