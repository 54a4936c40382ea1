//! Terraform source: folders of files to modules, their instances, and the policies these carry.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::DirEntry;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rayon::prelude::*;

use crate::project::{BrokenPolicy, Project};
use crate::source::{ReadError, SourceFile, SourceFiles};
use crate::value::Value;

pub mod call;
pub mod context;
pub mod data;
mod eval;
pub mod functions;
pub mod instance;
mod keyed;
pub mod module;
pub mod reference;
pub mod resource;
pub mod template;
pub mod tree;
pub mod types;

use context::EvalContext;
use eval::Scope;
use module::{Instance, Module};
use tree::{Body, Source};

/// What was read from Terraform source.
#[derive(Default)]
pub struct Outcome {
    /// One per root module.
    pub projects: Vec<Project>,
    /// Files that could not be read.
    pub errors: Vec<ReadError>,
}

/// Reads every module in `folders`, each root with its own variables and `var_files`.
pub fn read(folders: &[PathBuf], var_files: &[PathBuf]) -> Outcome {
    let context = EvalContext::default();
    let mut outcome = Outcome::default();
    let mut broken = Vec::new();
    for folder in parse_all(folders) {
        outcome.errors.extend(folder.errors);
        keep(folder.path, folder.files, &context, &mut broken);
    }
    for root in roots(folders, &context) {
        context.start_root();
        let Some(module) = load(&root, &context) else { continue };
        let mut arguments = HashMap::new();
        if let Err(error) = variables(&root, var_files, &context, &mut arguments) {
            outcome.errors.push(error);
        }
        let instance = Rc::new(Instance::new(module, String::new(), arguments, Vec::new(), &root));
        let mut project = Project::default();
        instance::read(&instance, &context, &mut project);
        outcome.projects.push(project);
    }
    let mut wrong = Project { broken, ..Project::default() };
    wrong.broken.extend(context.broken.borrow_mut().drain(..));
    outcome.projects.push(wrong);
    let files = context.files.borrow().clone();
    outcome.projects.iter_mut().for_each(|p| p.files = files.clone());
    outcome
}

/// What a plan says of the source that it was made from.
pub struct SourceHints<'a> {
    /// What its root declares: `module.x`, or type and name.
    pub declared: &'a BTreeSet<String>,
    /// Values of variables.
    pub given: Vec<(&'a str, &'a Value)>,
}

/// Reads the root module in `folder` with a plan's variables, if it declares most of what the plan says; its files
/// come behind those that are in `files`.
pub fn read_planned(folder: &Path, written: &SourceHints<'_>, files: &mut SourceFiles) -> Option<Project> {
    let context = EvalContext::default();
    context.files.borrow_mut().clone_from(files);
    let module = load(folder, &context)?;
    let known = written.declared.iter().filter(|d| module.declares(d)).count();
    if known * 2 <= written.declared.len() {
        return None;
    }
    let mut arguments = HashMap::new();
    variables(folder, &[], &context, &mut arguments).ok()?;
    let instance = |arguments| Rc::new(Instance::new(module.clone(), String::new(), arguments, Vec::new(), folder));
    let own = instance(arguments.clone());
    let scope = Scope { context: &context, instance: &own, file: 0, bindings: None };
    for &(name, value) in &written.given {
        // Where the source gives the same value, that is its place.
        if functions::equal(&reference::variable(name, value.span, scope), value) != Some(true) {
            arguments.insert(name.to_owned(), value.clone());
        }
    }
    let mut project = Project::default();
    instance::read(&instance(arguments), &context, &mut project);
    *files = context.files.borrow().clone();
    Some(project)
}

/// A folder whose files are parsed but not yet numbered.
struct Parsed {
    path: PathBuf,
    files: Vec<(Arc<SourceFile>, bool)>,
    errors: Vec<ReadError>,
}

fn parse_all(folders: &[PathBuf]) -> Vec<Parsed> {
    let one = |path: &PathBuf| {
        let (files, errors) = read_folder(path);
        Parsed { path: path.clone(), files, errors }
    };
    if folders.len() < 8 { folders.iter().map(one).collect() } else { folders.par_iter().map(one).collect() }
}

/// Whether a file of this name is Terraform, and whether it is in its JSON form.
pub fn is_terraform(name: &str) -> Option<bool> {
    if name.ends_with(".tf.json") { Some(true) } else { name.ends_with(".tf").then_some(false) }
}

/// Whether a file of this name changes what the others declare.
fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or(name).trim_end_matches(".tf");
    stem == "override" || stem.ends_with("_override")
}

/// The Terraform files of a folder: those that override others come last, as Terraform reads them.
fn read_folder(folder: &Path) -> (Vec<(Arc<SourceFile>, bool)>, Vec<ReadError>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let is_file = |e: &DirEntry| e.file_type().is_ok_and(|t| t.is_file() || t.is_symlink() && e.path().is_file());
    let entries =
        std::fs::read_dir(here).map(|e| e.flatten().filter(is_file).map(|e| e.file_name()).collect::<BTreeSet<_>>());
    let mut names: Vec<_> = entries.unwrap_or_default().into_iter().collect();
    names.sort_by_key(|n| n.to_str().is_some_and(is_override));
    for name in names {
        let Some(is_json) = name.to_str().and_then(is_terraform) else { continue };
        match crate::source::read(&folder.join(&name)) {
            Ok(file) => files.push((file, is_json)),
            Err(e) => errors.push(e),
        }
    }
    (files, errors)
}

fn keep(
    folder: PathBuf,
    files: Vec<(Arc<SourceFile>, bool)>,
    context: &EvalContext,
    broken: &mut Vec<BrokenPolicy>,
) -> Option<Rc<Module>> {
    let mut module = Module { folder: folder.clone(), ..Module::default() };
    let any = !files.is_empty();
    for (file, is_json) in files {
        let number = context.files.borrow_mut().add(file.clone());
        match tree::parse(&file.text, number, is_json) {
            Ok(body) if Path::new(&file.path).file_name().and_then(|n| n.to_str()).is_some_and(is_override) => {
                module.add_override(body);
            }
            Ok(body) => module.add(body),
            Err(e) => broken.push(BrokenPolicy {
                span: e.span,
                address: None,
                reason: e.reason,
                help: String::from("mend the file; nothing in it was checked"),
            }),
        }
    }
    let module = any.then(|| Rc::new(module));
    context.modules.borrow_mut().insert(crate::allow::absolute(&folder), module.clone());
    module
}

/// The module of a folder, read when it is needed first.
pub fn load(folder: &Path, context: &EvalContext) -> Option<Rc<Module>> {
    let key = crate::allow::absolute(folder);
    if let Some(found) = context.modules.borrow().get(&key) {
        return found.clone();
    }
    let folder = simplified(folder);
    let (files, _) = read_folder(&folder);
    let mut broken = Vec::new();
    let module = keep(folder, files, context, &mut broken);
    context.broken.borrow_mut().extend(broken);
    module
}

/// `a/b/../c` as `a/c`, as people would write it.
fn simplified(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// Folders that no other folder calls; of folders that only call each other, the first.
fn roots(folders: &[PathBuf], context: &EvalContext) -> Vec<PathBuf> {
    let mut calls: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for folder in folders {
        let Some(module) = load(folder, context) else { continue };
        let sources = module.calls.iter().filter_map(|c| c.body.attribute("source")).filter_map(|s| literal(&s.source));
        let local = sources.filter(|s| s.starts_with("./") || s.starts_with("../"));
        let called = local.map(|s| crate::allow::absolute(&folder.join(s))).collect();
        calls.insert(crate::allow::absolute(folder), called);
    }
    let called: BTreeSet<&PathBuf> =
        calls.iter().flat_map(|(from, to)| to.iter().filter(move |t| *t != from)).collect();
    let mut reached: BTreeSet<PathBuf> = BTreeSet::new();
    let mut roots = Vec::new();
    let (first, rest): (Vec<&PathBuf>, Vec<&PathBuf>) =
        folders.iter().partition(|f| !called.contains(&crate::allow::absolute(f)));
    for folder in first.into_iter().chain(rest) {
        let key = crate::allow::absolute(folder);
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

/// Values of variables: Terraform's own files of the root, in its order, then those that were named.
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
    let empty = Rc::new(Instance::new(Rc::default(), String::new(), HashMap::new(), Vec::new(), root));
    for path in paths {
        let file = crate::source::read(&path)?;
        let number = context.files.borrow_mut().add(file.clone());
        let is_json = path.extension().is_some_and(|e| e == "json");
        match tree::parse(&file.text, number, is_json) {
            Ok(body) => arguments.extend(values(&body, number, &empty, context)),
            Err(e) => context.broken.borrow_mut().push(BrokenPolicy {
                span: e.span,
                address: None,
                reason: e.reason,
                help: String::from("mend the file; its values were not used"),
            }),
        }
    }
    Ok(())
}

fn values(body: &Body, file: u32, instance: &Rc<Instance>, context: &EvalContext) -> Vec<(String, Value)> {
    let scope = Scope { context, instance, file, bindings: None };
    body.attributes.iter().map(|a| (a.name.clone(), eval::attribute(a, scope))).collect()
}
