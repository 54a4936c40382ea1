//! A JSON file that is a policy, wraps one as AWS's tools do, or is a plan or state.
use std::path::PathBuf;
use std::sync::Arc;

use iam_policy::PolicyKind;
use iam_policy::model::{PolicyOrigin, is_key};
use source_text::{Data, Segment, SourceFile, Span, Text, Value, embedded_json, json};

use crate::plan;
use crate::project::{BrokenPolicy, Project, read_policy};

/// What a JSON file turned out to be.
pub enum Outcome {
    /// A policy, plan or state, perhaps broken.
    Read(Box<Project>),
    /// Something else.
    Other,
}

/// Reads a JSON file; `kind` overrides the guess for raw policies, `named` says the user named the file.
pub fn read(file: Arc<SourceFile>, kind: Option<PolicyKind>, named: bool) -> Outcome {
    read_with_source(file, kind, named, &[])
}

/// The same, where the source of a plan may be in one of `folders`.
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

/// The policy itself, or the one wrapped as `PolicyDocument` or `PolicyVersion.Document`.
fn find_document(value: Value, named: bool, file: &SourceFile) -> Option<Value> {
    if has_statement(&value, named) || named && is_unfinished(&value) {
        return Some(value);
    }
    let wrapped = |v: &Value| WRAPPERS.iter().find_map(|path| v.path(path).cloned());
    let inside = unpacked(wrapped(&value)?, file);
    has_statement(&inside, true).then_some(inside)
}

/// Where AWS's tools put a document; some of them as text.
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

/// The document that a text holds: JSON, or its letters encoded for a URL, as IAM itself answers.
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

/// A text without the encoding of URLs, each byte at the place of what it was written as.
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

/// Whether a document without `Statement` says by its version that it should be a policy.
fn is_unfinished(value: &Value) -> bool {
    let version = value.members().iter().find(|m| is_key(m.key.raw(), "Version"));
    version.and_then(|m| m.value.as_str()).is_some_and(|v| matches!(v, "2012-10-17" | "2008-10-17"))
        && value.members().iter().all(|m| ["Version", "Id"].iter().any(|k| is_key(m.key.raw(), k)))
}

fn looks_like_statement(value: &Value) -> bool {
    let known = ["Effect", "Action", "NotAction", "Resource", "Principal"];
    value.members().iter().any(|m| known.iter().any(|k| is_key(m.key.raw(), k)))
}
