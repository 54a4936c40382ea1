//! Functions that read files, and templates.
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use source_text::paths::simplified;
use source_text::{Data, Member, Segment, Span, Text, Value};

use super::template;
use crate::functions;
use crate::scope::{Binding, Scope};
use crate::values::MAX_LIST_LENGTH;

/// Files and folders that `fileset` visits.
const MAX_FILESET_ENTRIES: usize = 20_000;

/// Applies a function; `None` if it is not one of these or the file does not exist.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span, scope: Scope<'_>) -> Option<Value> {
    match (name, arguments) {
        ("file", [path]) => file(path, scope),
        ("filebase64", [path]) => functions::base64(&file(path, scope)?, span),
        ("templatefile", [path, variables]) => {
            let Data::Object(_) = &variables.data else { return None };
            let (number, text) = read(path, scope)?;
            let template = text.parse::<hcl_edit::template::Template>().ok()?;
            let location = Span::new(number, 0, text.len());
            let scope = Scope { file: number, bindings: None, ..scope };
            bind(variables.members(), scope, &|scope| template::file(&template, location, scope))
        }
        ("templatestring", [text, variables]) => rendered(text, variables, scope),
        ("fileexists", [path]) => {
            let exists = located(path, scope)?.is_file();
            Some(Value::new(Data::Bool(exists), span))
        }
        ("fileset", [folder, pattern]) => file_set(folder, pattern.as_str()?, span, scope),
        _ => None,
    }
}

/// Renders a template in a text with variables.
pub(crate) fn rendered(text: &Value, variables: &Value, scope: Scope<'_>) -> Option<Value> {
    let Data::Object(_) = &variables.data else { return None };
    let (known, location) = (text.as_str()?, text.span);
    let is_file = scope.context.files.borrow().get(location.file).is_some_and(|f| f.text == known);
    let template = known.parse::<hcl_edit::template::Template>().ok().filter(|_| is_file);
    let scope = Scope { file: location.file, bindings: None, ..scope };
    bind(variables.members(), scope, &|scope| match &template {
        Some(template) => template::file(template, location, scope),
        None => template::from_text(known, location, scope),
    })
}

/// The file at a path, which is relative to the working folder or to the root module.
fn located(path: &Value, scope: Scope<'_>) -> Option<PathBuf> {
    let path = path.as_str()?;
    let here = Path::new(path);
    let relative = scope.instance.root.join(here);
    Some(simplified(if here.exists() { here } else { &relative }))
}

fn read(path: &Value, scope: Scope<'_>) -> Option<(u32, String)> {
    let file = source_text::read(&located(path, scope)?).ok()?;
    let text = file.text.clone();
    Some((scope.context.files.borrow_mut().add(file), text))
}

fn file(path: &Value, scope: Scope<'_>) -> Option<Value> {
    let (number, text) = read(path, scope)?;
    let location = Span::new(number, 0, text.len());
    let origin = vec![Segment { at: 0, span: location, exact: true }];
    Some(Value::new(Data::String(Text::with_origin(text, Vec::new(), origin)), location))
}

/// Runs with every variable of a template bound.
fn bind(members: &[Member], scope: Scope<'_>, run: &dyn Fn(Scope<'_>) -> Value) -> Option<Value> {
    fn each(members: &[Member], scope: Scope<'_>, run: &dyn Fn(Scope<'_>) -> Value) -> Value {
        match members.split_first() {
            None => run(scope),
            Some((first, rest)) => {
                let binding = Binding { name: first.key.raw(), value: &first.value, parent: scope.bindings };
                each(rest, scope.bind(&binding), run)
            }
        }
    }
    (members.len() <= 500).then(|| each(members, scope, run))
}

/// The files below a folder whose paths in it match a glob, sorted.
fn file_set(folder: &Value, pattern: &str, span: Span, scope: Scope<'_>) -> Option<Value> {
    let folder = located(folder, scope)?;
    let glob = GlobBuilder::new(pattern).literal_separator(true).build().ok()?.compile_matcher();
    let (mut names, mut looked) = (Vec::new(), 0);
    let mut waiting = vec![PathBuf::new()];
    while let Some(below) = waiting.pop() {
        for entry in std::fs::read_dir(folder.join(&below)).ok()?.flatten() {
            looked += 1;
            let name = below.join(entry.file_name());
            let kind = entry.file_type().ok()?;
            if kind.is_dir() {
                waiting.push(name);
            } else if glob.is_match(&name) && (kind.is_file() || folder.join(&name).is_file()) {
                names.push(name.to_str()?.to_owned());
            }
            if looked > MAX_FILESET_ENTRIES || names.len() > MAX_LIST_LENGTH {
                return None;
            }
        }
    }
    names.sort();
    let names = names.into_iter().map(|n| Value::new(Data::String(Text::known(n)), span));
    Some(Value::list(names, span))
}
