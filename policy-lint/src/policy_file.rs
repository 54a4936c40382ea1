//! JSON files that are a policy, the answer of an AWS tool with one, a plan or a state.
use std::path::PathBuf;
use std::sync::Arc;

use iam_policy::PolicyKind;
use iam_policy::model::{PolicyOrigin, is_key};
use source_text::{Data, Segment, SourceFile, Span, Text, Value, embedded_json, json};

use crate::plan;
use crate::project::{BrokenPolicy, Project, read_policy};

/// The content of a JSON file.
pub enum Outcome {
    /// A policy, plan or state, even if parts of it cannot be read.
    Read(Box<Project>),
    /// Any other document.
    Other,
}

/// Reads a JSON file. `kind` is the kind of a policy document, which is guessed if absent. `named` is whether the user
/// named the file, which then has to be a policy, plan or state.
pub fn read(file: Arc<SourceFile>, kind: Option<PolicyKind>, named: bool) -> Outcome {
    read_with_source(file, kind, named, &[])
}

/// As [`read`]; the source of a plan is looked for in `folders`.
pub fn read_with_source(file: Arc<SourceFile>, kind: Option<PolicyKind>, named: bool, folders: &[PathBuf]) -> Outcome {
    let mut project = Project::default();
    let number = project.files.add(file.clone());
    let location = |start: usize, end: usize| Span::new(number, start, end);
    if !named && !file.text.contains("tatement") && !plan::looks_like(&file.text) {
        return Outcome::Other;
    }
    let value = match json::parse(&file.text, &location) {
        Ok(value) => value,
        Err(_) if !named && !file.text.contains("\"Statement\"") => return Outcome::Other,
        Err(e) => {
            let span = location(e.start, e.end);
            let broken = BrokenPolicy { span, address: None, reason: e.reason, help: e.help.to_owned() };
            project.broken.push(broken);
            return Outcome::Read(Box::new(project));
        }
    };
    if plan::is_plan(&value) {
        project.input = Some(number);
        plan::read(&value, folders, &mut project);
        return Outcome::Read(Box::new(project));
    }
    let Some(document) = find_document(value, named, &file) else {
        return Outcome::Other;
    };
    let kind = kind.unwrap_or_else(|| PolicyKind::guess(&document, &file.path));
    project.policies.push(read_policy(document, kind, None, PolicyOrigin::default()));
    Outcome::Read(Box::new(project))
}

/// The policy document, which may be inside of one of [`WRAPPERS`].
fn find_document(value: Value, named: bool, file: &SourceFile) -> Option<Value> {
    if has_statement(&value, named) || named && is_unfinished(&value) {
        return Some(value);
    }
    let wrapped = |v: &Value| WRAPPERS.iter().find_map(|path| v.path(path).cloned());
    let inside = unpacked(wrapped(&value)?, file);
    has_statement(&inside, true).then_some(inside)
}

/// Where AWS tools put a policy document, some of them as text.
const WRAPPERS: &[&[&str]] = &[
    &["PolicyDocument"],
    &["PolicyVersion", "Document"],
    &["Role", "AssumeRolePolicyDocument"],
    &["AssumeRolePolicyDocument"],
    &["Document"],
    &["Policy"],
    &["policy"],
    &["ResourcePolicy"],
    &["Policy", "Content"],
    &["Attributes", "Policy"],
];

/// The document in a text: JSON, or URL-encoded JSON as IAM returns it.
fn unpacked(value: Value, file: &SourceFile) -> Value {
    if value.as_str().is_none() {
        return value;
    }
    let span = value.span;
    let raw = file.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let plain = embedded_json::unquote(raw, span);
    let text = if plain.raw().trim_start().starts_with("%7") { decoded(&plain) } else { plain };
    embedded_json::parse(&text, span).unwrap_or(value)
}

/// A URL-decoded text; every byte has the span of its encoding.
fn decoded(text: &Text) -> Text {
    let raw = text.raw();
    let (mut out, mut origin, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(&byte) = raw.as_bytes().get(at) {
        let code = raw.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        let length = if code.is_some() { 3 } else { 1 };
        let span = text.locate(at, at + length, Span::default());
        origin.push(Segment { at: u32::try_from(out.len()).unwrap_or(u32::MAX), span, exact: false });
        out.push(code.unwrap_or(byte));
        at += length;
    }
    Text::with_origin(String::from_utf8_lossy(&out).into_owned(), Vec::new(), origin)
}

fn has_statement(value: &Value, any_shape: bool) -> bool {
    let statement = value.members().iter().find(|m| is_key(m.key.raw(), "Statement")).map(|m| &m.value.data);
    match statement {
        Some(Data::Array(list)) => any_shape || list.iter().any(looks_like_statement) || list.is_empty(),
        Some(Data::Object(_)) => true,
        Some(_) => any_shape,
        None => false,
    }
}

/// Whether a document without `Statement` is meant as a policy, by its version.
fn is_unfinished(value: &Value) -> bool {
    let version = value.members().iter().find(|m| is_key(m.key.raw(), "Version"));
    version.and_then(|m| m.value.as_str()).is_some_and(|v| matches!(v, "2012-10-17" | "2008-10-17"))
        && value.members().iter().all(|m| ["Version", "Id"].iter().any(|k| is_key(m.key.raw(), k)))
}

fn looks_like_statement(value: &Value) -> bool {
    let known = ["Effect", "Action", "NotAction", "Resource", "Principal"];
    value.members().iter().any(|m| known.iter().any(|k| is_key(m.key.raw(), k)))
}
