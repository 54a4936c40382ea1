//! From folders of Terraform files to evaluated root modules.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use source_text::paths::absolute;
use source_text::{ReadError, SourceFiles, Span, Value};

use crate::context::{BrokenFile, EvalContext};
use crate::eval;
use crate::module::{Arguments, Instance};
use crate::module_files::{load, read_folders, register};
use crate::provider::Provider;
use crate::resource::EvaluatedRoot;
use crate::scope::Scope;
use crate::syntax::{self, Attribute, Body, Source};
use crate::values::equal;

/// What was read from folders of Terraform source.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// The root modules.
    pub roots: Vec<EvaluatedRoot>,
    /// The files that spans point into.
    pub files: SourceFiles,
    /// Files that could not be parsed.
    pub broken: Vec<BrokenFile>,
    /// Files that could not be read.
    pub errors: Vec<ReadError>,
}

/// Evaluates every root module in `folders`, each with its own values of variables and then those of `var_files`.
pub fn evaluate(folders: &[PathBuf], var_files: &[PathBuf], provider: &'static Provider) -> Evaluation {
    let context = EvalContext::new(provider);
    let mut evaluation = Evaluation::default();
    for folder in read_folders(folders) {
        evaluation.errors.extend(folder.errors);
        register(folder.path, folder.files, &context, &mut evaluation.broken);
    }
    for root in roots(folders, &context) {
        context.start_root();
        let Some(module) = load(&root, &context) else { continue };
        let mut arguments = HashMap::new();
        if let Err(error) = variables(&root, var_files, &context, &mut arguments) {
            evaluation.errors.push(error);
        }
        let instance = Rc::new(Instance::new(module, String::new(), Arguments::Values(arguments), Vec::new(), &root));
        evaluation.roots.push(eval::resources(&instance, &context));
    }
    evaluation.broken.extend(context.broken.take());
    evaluation.files = context.files.take();
    evaluation
}

/// What a plan says about the source that it was made from.
#[derive(Debug)]
pub struct SourceHints<'a> {
    /// What its root module declares: `module.name`, or `type.name`.
    pub declared: &'a BTreeSet<String>,
    /// The values of its variables.
    pub variables: Vec<(&'a str, &'a Value)>,
}

/// Evaluates the root module in `folder` with a plan's values of variables, if it declares more than half of what the
/// plan does. Its files are added to `files`.
pub fn evaluate_planned(
    folder: &Path,
    hints: &SourceHints<'_>,
    files: &mut SourceFiles,
    provider: &'static Provider,
) -> Option<EvaluatedRoot> {
    let context = EvalContext::new(provider);
    context.files.borrow_mut().clone_from(files);
    let module = load(folder, &context)?;
    let known = hints.declared.iter().filter(|d| module.declares(d)).count();
    if known * 2 <= hints.declared.len() {
        return None;
    }
    let mut arguments = HashMap::new();
    variables(folder, &[], &context, &mut arguments).ok()?;
    let instance = |arguments| {
        Rc::new(Instance::new(module.clone(), String::new(), Arguments::Values(arguments), Vec::new(), folder))
    };
    let own = instance(arguments.clone());
    let scope = Scope { context: &context, instance: &own, file: 0, bindings: None };
    for &(name, value) in &hints.variables {
        // A value that the source gives too keeps its span in the source.
        let own = reference_to_variable(name, value.span).map(|reference| eval::attribute(&reference, scope));
        if own.and_then(|own| equal(&own, value)) != Some(true) {
            arguments.insert(name.to_owned(), value.clone());
        }
    }
    let evaluated = eval::resources(&instance(arguments), &context);
    *files = context.files.take();
    Some(evaluated)
}

fn reference_to_variable(name: &str, span: Span) -> Option<Attribute> {
    let expression = format!("var.{name}").parse().ok()?;
    Some(Attribute { name: name.to_owned(), key_span: span, source: Source::Hcl(Box::new(expression)) })
}

/// Folders that no other folder calls; of folders that only call each other, the first.
fn roots(folders: &[PathBuf], context: &EvalContext) -> Vec<PathBuf> {
    let mut calls: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for folder in folders {
        let Some(module) = load(folder, context) else { continue };
        let sources = module.calls.iter().filter_map(|c| c.body.attribute("source")).filter_map(|s| literal(&s.source));
        let local = sources.filter(|s| s.starts_with("./") || s.starts_with("../"));
        let called = local.map(|s| absolute(&folder.join(s))).collect();
        calls.insert(absolute(folder), called);
    }
    let called: BTreeSet<&PathBuf> =
        calls.iter().flat_map(|(from, to)| to.iter().filter(move |t| *t != from)).collect();
    let mut reached: BTreeSet<PathBuf> = BTreeSet::new();
    let mut roots = Vec::new();
    let (first, rest): (Vec<&PathBuf>, Vec<&PathBuf>) = folders.iter().partition(|f| !called.contains(&absolute(f)));
    for folder in first.into_iter().chain(rest) {
        let key = absolute(folder);
        if reached.contains(&key) || load(folder, context).is_none() {
            continue;
        }
        roots.push(folder.clone());
        let mut waiting = vec![key];
        while let Some(here) = waiting.pop() {
            if reached.insert(here.clone()) {
                waiting.extend(calls.get(&here).into_iter().flatten().cloned());
            }
        }
    }
    roots
}

fn literal(source: &Source) -> Option<String> {
    match source {
        Source::Hcl(expression) => expression.as_str().map(str::to_owned),
        Source::Json(value) => value.as_str().map(str::to_owned),
    }
}

/// Adds the values of variables: from the root's own files in Terraform's order, then from `named`.
fn variables(
    root: &Path,
    named: &[PathBuf],
    context: &EvalContext,
    arguments: &mut HashMap<String, Value>,
) -> Result<(), ReadError> {
    let here = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let names: BTreeSet<String> = std::fs::read_dir(here)
        .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    let own = ["terraform.tfvars", "terraform.tfvars.json"].into_iter().filter(|n| names.contains(*n));
    let auto =
        names.iter().map(String::as_str).filter(|n| n.ends_with(".auto.tfvars") || n.ends_with(".auto.tfvars.json"));
    let mut paths: Vec<PathBuf> = own.chain(auto).map(|n| root.join(n)).collect();
    paths.extend(named.iter().cloned());
    let empty =
        Rc::new(Instance::new(Rc::default(), String::new(), Arguments::Values(HashMap::new()), Vec::new(), root));
    for path in paths {
        let file = source_text::read(&path)?;
        let number = context.files.borrow_mut().add(file.clone());
        let is_json = path.extension().is_some_and(|e| e == "json");
        match syntax::parse(&file.text, number, is_json, context.provider.rejects_duplicate_key) {
            Ok(body) => arguments.extend(values(&body, number, &empty, context)),
            Err(e) => context.broken.borrow_mut().push(BrokenFile {
                span: e.span,
                reason: e.reason,
                help: String::from("fix the file; its values were not used"),
            }),
        }
    }
    Ok(())
}

fn values(body: &Body, file: u32, instance: &Rc<Instance>, context: &EvalContext) -> Vec<(String, Value)> {
    let scope = Scope { context, instance, file, bindings: None };
    body.attributes.iter().map(|a| (a.name.clone(), eval::attribute(a, scope))).collect()
}
