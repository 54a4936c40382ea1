//! The resources of an instance of a module and of those below it.
use std::rc::Rc;

use super::repetition::Keys;
use super::{block as blocks, module_call, repetition};
use crate::context::EvalContext;
use crate::module::Instance;
use crate::resource::{Document, EvaluatedRoot, Resource};
use crate::scope::Scope;
use crate::syntax::Block;
use crate::values::to_text;

/// Evaluates the resources of a root instance and of everything it calls, then the documents that none of them read.
pub(crate) fn resources(root: &Rc<Instance>, context: &EvalContext) -> EvaluatedRoot {
    let mut evaluated = EvaluatedRoot::default();
    declared(root, context, &mut evaluated.resources);
    let scope = Scope { context, instance: root, file: 0, bindings: None };
    unused_documents(root, scope, &mut evaluated.unused_documents);
    evaluated
}

fn declared(instance: &Rc<Instance>, context: &EvalContext, found: &mut Vec<Resource>) {
    let scope = Scope { context, instance, file: 0, bindings: None };
    context.instances.borrow_mut().entry(instance.address.clone()).or_insert_with(|| instance.clone());
    let is_provided = |b: &&Block| b.labels[0].starts_with(context.provider.prefix);
    for block in instance.module.resources.iter().filter(is_provided) {
        each_instance(block, scope, &mut |suffix, scope| {
            let address = format!("{}{}.{}{suffix}", instance.address, block.labels[0], block.labels[1]);
            let values = blocks::body(&block.body, scope);
            let kind = block.labels[0].clone();
            let disabled_at = scope.instance.disabled_at;
            found.push(Resource { address, kind, values, head: block.head, from_source: true, disabled_at });
        });
    }
    for child in module_call::children_with_resources(scope) {
        declared(&child, context, found);
    }
}

/// Runs once for every instance of a block, with the suffix of its address.
fn each_instance(block: &Block, scope: Scope<'_>, run: &mut dyn FnMut(String, Scope<'_>)) {
    match repetition::keys(block, scope) {
        Keys::One => run(String::new(), scope),
        Keys::UnknownCount { each, count } => {
            repetition::with_each(&each, &count, scope, |scope| run(String::new(), scope))
        }
        Keys::Many(keys) if keys.is_empty() => {
            let shadow = scope.instance.shadow(repetition::repetition(block));
            let (each, count) = repetition::absent(block);
            repetition::with_each(&each, &count, Scope { instance: &shadow, ..scope }, |scope| {
                run(String::new(), scope)
            });
        }
        Keys::Many(keys) => {
            let numbered = block.body.attribute("count").is_some();
            for (key, value) in keys {
                let label = to_text(&key).map(|t| t.to_string()).unwrap_or_default();
                let suffix = if numbered { format!("[{label}]") } else { format!("[\"{label}\"]") };
                repetition::with_key(&key, &value, numbered, scope, |scope| run(suffix, scope));
            }
        }
    }
}

fn unused_documents(instance: &Rc<Instance>, scope: Scope<'_>, found: &mut Vec<Document>) {
    for block in &instance.module.data {
        let Some(source) = scope.context.provider.document(&block.labels[0]) else { continue };
        let address = format!("{}data.{}.{}", instance.address, block.labels[0], block.labels[1]);
        if scope.context.used_documents.borrow().contains(&address) {
            continue;
        }
        each_instance(block, scope, &mut |suffix, scope| {
            let value = blocks::document_here(block, source, scope);
            let address = format!("{address}{suffix}");
            let disabled_at = scope.instance.disabled_at;
            found.push(Document { address, data_type: block.labels[0].clone(), value, disabled_at });
        });
    }
    for child in module_call::children_with_resources(scope) {
        unused_documents(&child, Scope { instance: &child, ..scope }, found);
    }
}
