//! What one instance of a module declares, and those below it: resources, policies, attachments.
use std::rc::Rc;

use super::eval::{Env, World, to_text};
use super::module::Instance;
use super::tree::Block;
use super::{reference, resource, template};
use crate::model::read::policy;
use crate::model::{Carrier, Kind};
use crate::parse::{carriers, embedded};
use crate::project::{BrokenPolicy, Project, Resource, Unknown};
use crate::source::Span;
use crate::value::{Data, Text, Value};

/// Reads an instance and everything it calls.
pub fn read(instance: &Rc<Instance>, world: &World, project: &mut Project) {
    let env = Env { world, instance, file: 0, scope: None };
    for block in instance.module.resources.iter().filter(|b| b.labels[0].starts_with("aws_")) {
        each_instance(block, env, &mut |suffix, env| {
            let address = format!("{}{}.{}{suffix}", instance.address, block.labels[0], block.labels[1]);
            let values = resource::body(&block.body, env);
            let kind = block.labels[0].clone();
            read_resource(Resource { address, kind, values, head: block.head, from_source: true }, world, project);
        });
    }
    for call in &instance.module.calls {
        let Some(name) = call.labels.first() else { continue };
        for child in reference::children(name, env).all() {
            read(&child, world, project);
        }
    }
    unused_documents(instance, env, project);
}

/// Runs once for every instance of a block, with the suffix of its address.
fn each_instance(block: &Block, env: Env<'_>, run: &mut dyn FnMut(String, Env<'_>)) {
    match resource::keys(block, env) {
        resource::Keys::One => run(String::new(), env),
        resource::Keys::Open(each, count) => resource::with_each(&each, &count, env, |env| run(String::new(), env)),
        resource::Keys::Many(keys) => {
            let numbered = block.body.attribute("count").is_some();
            for (key, value) in keys {
                let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
                let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
                resource::with_key(&key, &value, numbered, env, |env| run(suffix, env));
            }
        }
    }
}

/// Documents that no carrier here uses may go to a module that is not here; they are judged by themselves.
fn unused_documents(instance: &Rc<Instance>, env: Env<'_>, project: &mut Project) {
    for block in instance.module.data.iter().filter(|b| b.labels[0] == "aws_iam_policy_document") {
        let address = format!("{}data.{}.{}", instance.address, block.labels[0], block.labels[1]);
        if env.world.used_documents.borrow().contains(&address) {
            continue;
        }
        each_instance(block, env, &mut |suffix, env| {
            let value = resource::document_here(block, env);
            let kind = Kind::guess(&value, "");
            let carrier = Carrier { resource: block.labels[0].clone(), attribute: String::from("json") };
            project.policies.push(policy(value, kind, Some(format!("{address}{suffix}")), carrier));
        });
    }
}

fn read_resource(resource: Resource, world: &World, project: &mut Project) {
    for carrier in carriers::of(&resource.kind) {
        let Some(kind) = carriers::kind_of(&resource, carrier) else { continue };
        for value in carriers::attribute_values(&resource.values, carrier.attribute) {
            read_carrier(&resource, carrier, kind, value, world, project);
        }
    }
    carriers::keep(resource, project);
}

fn read_carrier(
    resource: &Resource,
    carrier: &carriers::Carrier,
    kind: Kind,
    value: &Value,
    world: &World,
    project: &mut Project,
) {
    let broken = |span: Span, reason: String, help: &str| BrokenPolicy {
        span,
        address: Some(resource.address.clone()),
        reason,
        help: help.to_owned(),
    };
    let root = match &value.data {
        Data::Null => return,
        Data::Encoded(inner) if !inner.is_unknown() => inner.as_ref().clone(),
        Data::Encoded(_) | Data::Unknown(_) => {
            let hole = to_text(value).and_then(|t| t.holes().first().cloned());
            let what = hole.map(|h| h.source).unwrap_or_default();
            let why = format!("`{}` of `{}` is not known before a plan", carrier.attribute, resource.address);
            return project.unknowns.push(Unknown { span: value.span, what, why });
        }
        Data::String(text) if text.raw().trim().is_empty() => return,
        Data::String(text) => match embedded::parse(&with_origin(text, value.span, world), value.span) {
            Ok(root) if root.is_unknown() => {
                return read_carrier(resource, carrier, kind, &root, world, project);
            }
            Ok(root) => root,
            Err(e) => return project.broken.push(broken(e.span, e.reason, e.help)),
        },
        _ => {
            let reason = format!("`{}` is {}, not JSON text", carrier.attribute, value.kind());
            return project.broken.push(broken(value.span, reason, "wrap the value in `jsonencode(…)`"));
        }
    };
    let place = Carrier { resource: resource.kind.clone(), attribute: carrier.attribute.to_owned() };
    project.policies.push(policy(root, kind, Some(resource.address.clone()), place));
}

/// A plain quoted text does not remember its escapes; its source does.
fn with_origin(text: &Text, span: Span, world: &World) -> Text {
    if !text.origin().is_empty() || !text.is_known() {
        return text.clone();
    }
    let files = world.files.borrow();
    let raw = files.get(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize));
    match raw {
        Some(raw) if raw.starts_with('"') => template::unquote(text.raw(), raw, span),
        _ => text.clone(),
    }
}
