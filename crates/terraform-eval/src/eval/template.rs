//! Templates in quotes, heredocs and files; every byte keeps the span that it was written at.
use std::cell::Cell;

use hcl_edit::Span as _;
use hcl_edit::template::{Directive, Element, HeredocTemplate, StringTemplate, Strip, Template};
use source_text::{Data, Member, Segment, Span, Text, TextBuilder, Unknown, Value};

use super::expression::eval;
use crate::context::SNIPPET;
use crate::literal::segments;
use crate::scope::{Binding, Scope};
use crate::values::{entries, to_text, truth, unknown_entry};

/// Bytes of the largest text that a template may render.
const MAX_TEMPLATE_BYTES: usize = 4 << 20;

/// How a template is written, and which branch it takes if a condition is unknown.
#[derive(Clone, Copy)]
struct Mode<'a> {
    /// Whether it is quoted, with escape sequences.
    quoted: bool,
    /// Whether an `if` with an unknown condition holds and a `for` over an unknown collection runs once.
    taken: bool,
    /// Set if `taken` made a difference.
    open: &'a Cell<bool>,
}

/// A template in quotes.
pub(crate) fn quoted(template: &StringTemplate, span: Span, scope: Scope<'_>) -> Value {
    let elements: Vec<&Element> = template.iter().collect();
    render(&elements, true, span, scope)
}

/// A heredoc.
pub(crate) fn heredoc(template: &HeredocTemplate, span: Span, scope: Scope<'_>) -> Value {
    let elements: Vec<&Element> = template.template.iter().collect();
    render(&elements, false, span, scope)
}

/// A template that is the content of a file.
pub(crate) fn file(template: &Template, span: Span, scope: Scope<'_>) -> Value {
    let elements: Vec<&Element> = template.iter().collect();
    render(&elements, false, span, scope)
}

/// A template that is not a stretch of a file, as a JSON text without its escape sequences. All of it has the span
/// `span`.
pub(crate) fn from_text(text: &str, span: Span, scope: Scope<'_>) -> Value {
    let Ok(template) = text.parse::<Template>() else { return scope.unknown(span) };
    let elements: Vec<&Element> = template.iter().collect();
    in_snippet(text, span, scope, |inner| match elements.as_slice() {
        [Element::Interpolation(only)] => eval(&only.expr, inner),
        _ => render(&elements, false, inner.span(Some(0..text.len())), inner),
    })
}

/// Evaluates expressions of a text that is not a stretch of a file. All values that they define have the span `span`.
pub(super) fn in_snippet<'a>(
    text: &str,
    span: Span,
    scope: Scope<'a>,
    evaluate: impl FnOnce(Scope<'a>) -> Value,
) -> Value {
    let around = scope.context.snippet.replace(text.into());
    let value = evaluate(Scope { file: SNIPPET, ..scope });
    scope.context.snippet.replace(around);
    replace_snippet_spans(value, span)
}

/// Replaces spans in a [`SNIPPET`] by the span of the template.
fn replace_snippet_spans(value: Value, span: Span) -> Value {
    let location = |at: Span| if at.file == SNIPPET { span } else { at };
    let unknown = |unknown: &Unknown| Unknown {
        candidates: unknown.candidates.iter().map(|c| replace_snippet_spans(c.clone(), span)).collect(),
        ..unknown.clone()
    };
    let text = |text: &Text| {
        let origin = text.origin().iter().map(|s| match s.span.file {
            SNIPPET => Segment { span, exact: false, ..*s },
            _ => *s,
        });
        Text::with_origin(text.raw(), text.unknowns().iter().map(unknown).collect(), origin.collect())
    };
    let data = match value.data {
        Data::String(inner) => Data::String(text(&inner)),
        Data::Unknown(inner) => Data::Unknown(Box::new(unknown(&inner))),
        Data::Encoded(inner) => Data::Encoded(Box::new(replace_snippet_spans(*inner, span))),
        Data::Array(list) => Data::Array(list.into_iter().map(|v| replace_snippet_spans(v, span)).collect()),
        Data::Object(members) => {
            let member = |m: Member| Member {
                key: text(&m.key),
                key_span: location(m.key_span),
                value: replace_snippet_spans(m.value, span),
            };
            Data::Object(members.into_iter().map(member).collect())
        }
        other => other,
    };
    Value::new(data, location(value.span))
}

fn render(elements: &[&Element], quoted: bool, span: Span, scope: Scope<'_>) -> Value {
    // `"${x}"` is the value `x`, of any type.
    if let ([Element::Interpolation(only)], true) = (elements, quoted) {
        return eval(&only.expr, scope);
    }
    let open = Cell::new(false);
    let go = |taken: bool| {
        let mut text = TextBuilder::default();
        match append(elements, Mode { quoted, taken, open: &open }, &mut text, scope) {
            Some(()) => Value::new(Data::String(text.finish()), span),
            None => scope.unknown(span),
        }
    };
    let first = go(true);
    if open.get() { Value::one_of(vec![first, go(false)], scope.text_of(span), span) } else { first }
}

fn append(elements: &[&Element], mode: Mode<'_>, text: &mut TextBuilder, scope: Scope<'_>) -> Option<()> {
    for (at, element) in elements.iter().enumerate() {
        if text.len() > MAX_TEMPLATE_BYTES {
            return None;
        }
        match element {
            Element::Literal(literal) => {
                let before = at.checked_sub(1).is_some_and(|i| strips(elements[i]).1);
                let after = elements.get(at + 1).is_some_and(|e| strips(e).0);
                let span = scope.span(literal.span());
                let aligned = align(literal.value(), span, mode.quoted, scope);
                text.push(&trim(aligned, before, after), span);
            }
            Element::Interpolation(inner) => {
                let value = eval(&inner.expr, scope);
                text.push(&to_text(&value)?, value.span);
            }
            Element::Directive(directive) => self::directive(directive, mode, text, scope)?,
        }
    }
    Some(())
}

/// Whether an element strips the space before it and after it.
fn strips(element: &Element) -> (bool, bool) {
    let both = |first: Strip, last: Strip| {
        let start = matches!(first, Strip::Start | Strip::Both);
        let end = matches!(last, Strip::End | Strip::Both);
        (start, end)
    };
    match element {
        Element::Literal(_) => (false, false),
        Element::Interpolation(i) => both(i.strip, i.strip),
        Element::Directive(d) => match d.as_ref() {
            Directive::If(d) => both(d.if_expr.strip, d.endif_expr.strip),
            Directive::For(d) => both(d.for_expr.strip, d.endfor_expr.strip),
        },
    }
}

fn trim(text: Text, start: bool, end: bool) -> Text {
    let raw = text.raw();
    let from = if start { raw.len() - raw.trim_start().len() } else { 0 };
    let to = if end { raw.trim_end().len().max(from) } else { raw.len() };
    if from == 0 && to == raw.len() { text } else { text.slice(from, to) }
}

fn directive(directive: &Directive, mode: Mode<'_>, text: &mut TextBuilder, scope: Scope<'_>) -> Option<()> {
    match directive {
        Directive::If(d) => {
            let test = eval(&d.if_expr.cond_expr, scope);
            let condition = match truth(&test) {
                Some(truth) => truth,
                None if test.is_unknown() => {
                    mode.open.set(true);
                    mode.taken
                }
                None => return None,
            };
            let (strip_first, chosen, last) = match (&d.else_expr, condition) {
                (_, true) => {
                    let last = d.else_expr.as_ref().map_or(d.endif_expr.strip, |e| e.strip);
                    (d.if_expr.strip, &d.if_expr.template, last)
                }
                (Some(e), false) => (e.strip, &e.template, d.endif_expr.strip),
                (None, false) => return Some(()),
            };
            body(chosen, strip_first, last, mode, text, scope)
        }
        Directive::For(d) => {
            let collection = eval(&d.for_expr.collection_expr, scope);
            for (key, value) in iterations(&collection, d.for_expr.value_var.value().as_str(), mode)? {
                let key_name = d.for_expr.key_var.as_ref().map_or("\u{0}", |k| k.value().as_str());
                let outer = Binding { name: key_name, value: &key, parent: scope.bindings };
                let name = d.for_expr.value_var.value().as_str();
                let inner = Binding { name, value: &value, parent: Some(&outer) };
                body(&d.for_expr.template, d.for_expr.strip, d.endfor_expr.strip, mode, text, scope.bind(&inner))?;
            }
            Some(())
        }
    }
}

/// The entries that a `for` iterates over; for an unknown collection, one that represents all of them, or none.
fn iterations(collection: &Value, name: &str, mode: Mode<'_>) -> Option<Vec<(Value, Value)>> {
    if !collection.is_unknown() {
        return entries(collection);
    }
    mode.open.set(true);
    match collection.candidates() {
        [first, .., last] => entries(if mode.taken { first } else { last }),
        _ if mode.taken => Some(vec![unknown_entry(collection, collection.span, name)]),
        _ => Some(Vec::new()),
    }
}

fn body(
    template: &Template,
    first: Strip,
    last: Strip,
    mode: Mode<'_>,
    text: &mut TextBuilder,
    scope: Scope<'_>,
) -> Option<()> {
    let elements: Vec<&Element> = template.iter().collect();
    let mut inner = TextBuilder::default();
    append(&elements, mode, &mut inner, scope)?;
    let inner = inner.finish();
    let start = matches!(first, Strip::End | Strip::Both);
    let end = matches!(last, Strip::Start | Strip::Both);
    let span = inner.locate(0, inner.raw().len(), Span { file: scope.file, start: 0, end: 0 });
    text.push(&trim(inner, start, end), span);
    Some(())
}

/// A literal with the span of each byte, which escape sequences and removed indentation make differ from the source.
fn align(literal: &str, span: Span, quoted: bool, scope: Scope<'_>) -> Text {
    let files = scope.context.files.borrow();
    let raw = files.get(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize));
    let origin = raw.map(|raw| segments(literal, raw, span, quoted)).unwrap_or_default();
    Text::with_origin(literal.to_owned(), Vec::new(), origin)
}
