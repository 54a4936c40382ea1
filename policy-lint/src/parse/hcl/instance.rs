//! What one instance of a module declares, and those below it: resources, policies, attachments.
use std::rc::Rc;

use super::context::EvalContext;
use super::eval::{Scope, to_text};
use super::module::Instance;
use super::tree::Block;
use super::{call, resource, template};
use crate::model::{PolicyKind, PolicyOrigin};
use crate::parse::{carriers, embedded};
use crate::project::{BrokenPolicy, Project, Resource, Unresolved};
use crate::source::Span;
use crate::value::{Data, Text, Unknown, Value};

/// Reads an instance and everything it calls; documents that nobody used by then stand alone.
pub fn read(instance: &Rc<Instance>, context: &EvalContext, project: &mut Project) {
    read_resources(instance, context, project);
    unused_documents(instance, Scope { context, instance, file: 0, bindings: None }, project);
}

fn read_resources(instance: &Rc<Instance>, context: &EvalContext, project: &mut Project) {
    let scope = Scope { context, instance, file: 0, bindings: None };
    context.instances.borrow_mut().entry(instance.address.clone()).or_insert_with(|| instance.clone());
    for block in instance.module.resources.iter().filter(|b| b.labels[0].starts_with("aws_")) {
        each_instance(block, scope, &mut |suffix, scope| {
            let address = format!("{}{}.{}{suffix}", instance.address, block.labels[0], block.labels[1]);
            let values = resource::body(&block.body, scope);
            let kind = block.labels[0].clone();
            let resource = Resource { address, kind, values, head: block.head, from_source: true };
            read_resource(resource, scope.instance.disabled_at, context, project);
        });
    }
    for call in &instance.module.calls {
        let Some(name) = call.labels.first() else { continue };
        for child in call::children(name, scope).all() {
            read_resources(&child, context, project);
        }
    }
}

/// Runs once for every instance of a block, with the suffix of its address.
fn each_instance(block: &Block, scope: Scope<'_>, run: &mut dyn FnMut(String, Scope<'_>)) {
    match resource::keys(block, scope) {
        resource::Keys::One => run(String::new(), scope),
        resource::Keys::Open(each, count) => {
            resource::with_each(&each, &count, scope, |scope| run(String::new(), scope))
        }
        resource::Keys::Many(keys) if keys.is_empty() => {
            let shadow = scope.instance.shadow(resource::repetition(block));
            let (each, count) = resource::absent(block);
            resource::with_each(&each, &count, Scope { instance: &shadow, ..scope }, |scope| run(String::new(), scope));
        }
        resource::Keys::Many(keys) => {
            let numbered = block.body.attribute("count").is_some();
            for (key, value) in keys {
                let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
                let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
                resource::with_key(&key, &value, numbered, scope, |scope| run(suffix, scope));
            }
        }
    }
}

/// Documents that no carrier here uses may go to a module that is not here; they are judged by themselves.
fn unused_documents(instance: &Rc<Instance>, scope: Scope<'_>, project: &mut Project) {
    for block in instance.module.data.iter().filter(|b| b.labels[0] == "aws_iam_policy_document") {
        let address = format!("{}data.{}.{}", instance.address, block.labels[0], block.labels[1]);
        if scope.context.used_documents.borrow().contains(&address) {
            continue;
        }
        each_instance(block, scope, &mut |suffix, scope| {
            let value = resource::document_here(block, scope);
            let kind = PolicyKind::guess(&value.alternative(0), "");
            let carrier = PolicyOrigin { resource: block.labels[0].clone(), attribute: String::from("json") };
            project.add(value, kind, format!("{address}{suffix}"), carrier, scope.instance.disabled_at);
        });
    }
    for name in instance.module.calls.iter().filter_map(|c| c.labels.first()) {
        for child in call::children(name, scope).all() {
            unused_documents(&child, Scope { instance: &child, ..scope }, project);
        }
    }
}

/// Of a resource that is off only the policies are kept, for nothing is attached to it or reached through it.
fn read_resource(resource: Resource, disabled_at: Option<Span>, context: &EvalContext, project: &mut Project) {
    for carrier in carriers::of(&resource.kind) {
        let Some(kind) = carriers::kind_of(&resource, carrier) else { continue };
        for value in carriers::attribute_values(&resource.values, carrier.attribute) {
            read_carrier(&Carried { resource: &resource, carrier, kind, disabled_at }, value, context, project);
        }
    }
    if disabled_at.is_none() {
        carriers::keep(resource, project);
    }
}

/// An attribute that carries a policy.
struct Carried<'a> {
    resource: &'a Resource,
    carrier: &'static carriers::PolicyAttribute,
    kind: PolicyKind,
    disabled_at: Option<Span>,
}

fn read_carrier(carried: &Carried<'_>, value: &Value, context: &EvalContext, project: &mut Project) {
    let Carried { resource, carrier, kind, disabled_at } = *carried;
    match root(value, carrier.attribute, context) {
        Ok(None) => {}
        Ok(Some(root)) if root.is_unknown() && root.candidates().is_empty() => {
            let unknown = to_text(&root).and_then(|t| t.unknowns().first().cloned());
            let what = unknown.map(|h| h.source).unwrap_or_default();
            let why = format!("`{}` of `{}` is not known before a plan", carrier.attribute, resource.address);
            if disabled_at.is_none() {
                project.unresolved.push(Unresolved { span: value.span, what, why });
            }
        }
        Ok(Some(root)) => {
            let location = PolicyOrigin { resource: resource.kind.clone(), attribute: carrier.attribute.to_owned() };
            project.add(root, kind, resource.address.clone(), location, disabled_at);
        }
        Err(_) if disabled_at.is_some() => {}
        Err(broken) => project.broken.push(BrokenPolicy { address: Some(resource.address.clone()), ..broken }),
    }
}

/// The document in an attribute's value; of one of several values, one of several documents.
fn root(value: &Value, attribute: &str, context: &EvalContext) -> Result<Option<Value>, BrokenPolicy> {
    let broken =
        |span: Span, reason: String, help: &str| BrokenPolicy { span, address: None, reason, help: help.to_owned() };
    match &value.data {
        Data::Null => Ok(None),
        Data::Encoded(inner) => Ok(Some(inner.as_ref().clone())),
        Data::Unknown(unknown) if !unknown.candidates.is_empty() => {
            let roots = unknown.candidates.iter().filter_map(|c| root(c, attribute, context).transpose());
            let roots = roots.collect::<Result<Vec<_>, _>>()?;
            Ok((!roots.is_empty()).then(|| Value::one_of(roots, unknown.source.clone(), value.span)))
        }
        Data::Unknown(_) => Ok(Some(value.clone())),
        Data::String(text) if text.raw().trim().is_empty() => Ok(None),
        Data::String(text) => match embedded::parse(&with_origin(text, value.span, context), value.span) {
            Ok(root) => Ok(Some(root)),
            // Parts of it that stand where JSON wants something of its own may be anything, or nothing.
            Err(_) if embedded::has_open_part(text) => {
                Ok(Some(value.map_alternatives(&text.to_string(), |alternative| {
                    let known = alternative.as_text().filter(|t| t.is_known());
                    let parsed = known.and_then(|t| embedded::parse(t, value.span).ok());
                    parsed.unwrap_or_else(|| Value::unknown(Unknown::plain(shortened(text)), value.span))
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

/// The parts of a text that are not known.
fn shortened(text: &Text) -> String {
    text.unknowns().iter().map(|h| h.source.as_str()).collect::<Vec<_>>().join(", ")
}

/// A plain quoted text does not remember its escapes; its source does.
fn with_origin(text: &Text, span: Span, context: &EvalContext) -> Text {
    if !text.origin().is_empty() || !text.is_known() {
        return text.clone();
    }
    let files = context.files.borrow();
    let raw = files.get(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize));
    match raw {
        Some(raw) if raw.starts_with('"') => template::unquote(text.raw(), raw, span),
        _ => text.clone(),
    }
}
