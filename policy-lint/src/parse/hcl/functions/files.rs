//! Functions that read files of the tree, and templates.
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::LONGEST;
use crate::parse::hcl::eval::{Env, Scope};
use crate::parse::hcl::{simplified, template};
use crate::source::Span;
use crate::value::{Data, Member, Segment, Text, Value};

/// Most files and folders that `fileset` looks at.
const MOST_FILES: usize = 20_000;

/// Applies a function; `None` when it is none of these, or there is no such file.
pub fn apply(name: &str, arguments: &[Value], span: Span, env: Env<'_>) -> Option<Value> {
    match (name, arguments) {
        ("file", [path]) => file(path, env),
        ("filebase64", [path]) => super::texts::apply("base64encode", &[file(path, env)?], span),
        ("templatefile", [path, variables]) => {
            let Data::Object(_) = &variables.data else { return None };
            let (number, text) = read(path, env)?;
            let template = text.parse::<hcl_edit::template::Template>().ok()?;
            let place = Span::new(number, 0, text.len());
            let env = Env { file: number, scope: None, ..env };
            bind(variables.members(), env, &|env| template::file(&template, place, env))
        }
        ("templatestring", [text, variables]) => rendered(text, variables, env),
        ("fileexists", [path]) => {
            let exists = located(path, env)?.is_file();
            Some(Value::new(Data::Bool(exists), span))
        }
        ("fileset", [folder, pattern]) => file_set(folder, pattern.as_str()?, span, env),
        _ => None,
    }
}

/// What a template in a text makes of its variables.
pub fn rendered(text: &Value, variables: &Value, env: Env<'_>) -> Option<Value> {
    let Data::Object(_) = &variables.data else { return None };
    let (known, place) = (text.as_str()?, text.span);
    let is_file = env.world.files.borrow().get(place.file).is_some_and(|f| f.text == known);
    let template = known.parse::<hcl_edit::template::Template>().ok().filter(|_| is_file);
    let env = Env { file: place.file, scope: None, ..env };
    bind(variables.members(), env, &|env| match &template {
        Some(template) => template::file(template, place, env),
        None => template::from_text(known, place, env),
    })
}

/// Where a path leads: relative to where Terraform would run, or through `path.module`.
fn located(path: &Value, env: Env<'_>) -> Option<PathBuf> {
    let path = path.as_str()?;
    let here = Path::new(path);
    let relative = env.instance.root.join(here);
    Some(simplified(if here.exists() { here } else { &relative }))
}

fn read(path: &Value, env: Env<'_>) -> Option<(u32, String)> {
    let file = crate::source::read(&located(path, env)?).ok()?;
    let text = file.text.clone();
    Some((env.world.files.borrow_mut().add(file), text))
}

fn file(path: &Value, env: Env<'_>) -> Option<Value> {
    let (number, text) = read(path, env)?;
    let place = Span::new(number, 0, text.len());
    let origin = vec![Segment { at: 0, span: place, exact: true }];
    Some(Value::new(Data::String(Text::with_origin(text, Vec::new(), origin)), place))
}

/// Runs with every variable of a template bound.
fn bind(members: &[Member], env: Env<'_>, run: &dyn Fn(Env<'_>) -> Value) -> Option<Value> {
    fn each(members: &[Member], env: Env<'_>, run: &dyn Fn(Env<'_>) -> Value) -> Value {
        match members.split_first() {
            None => run(env),
            Some((first, rest)) => {
                let scope = Scope { name: first.key.raw(), value: &first.value, parent: env.scope };
                each(rest, env.bind(&scope), run)
            }
        }
    }
    (members.len() <= 500).then(|| each(members, env, run))
}

/// The files below a folder whose path within it fits a pattern, sorted.
fn file_set(folder: &Value, pattern: &str, span: Span, env: Env<'_>) -> Option<Value> {
    let folder = located(folder, env)?;
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
            if looked > MOST_FILES || names.len() > LONGEST {
                return None;
            }
        }
    }
    names.sort();
    let names = names.into_iter().map(|n| Value::new(Data::String(Text::known(n)), span));
    Some(Value::list(names, span))
}
