//! Where an expression is evaluated: the instance of a module, the file, and the names that are bound.
use std::rc::Rc;

use source_text::{Span, Unknown, Value};

use crate::context::{EvalContext, SNIPPET};
use crate::module::Instance;
use crate::values::cost;

/// A name that an expression can use: of a `for`, of `each`, of a `dynamic` block.
pub(crate) struct Binding<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Its value.
    pub(crate) value: &'a Value,
    /// Outer names.
    pub(crate) parent: Option<&'a Binding<'a>>,
}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What is shared.
    pub(crate) context: &'a EvalContext,
    /// The module's instance.
    pub(crate) instance: &'a Rc<Instance>,
    /// The file the expression stands in.
    pub(crate) file: u32,
    /// Names bound around it.
    pub(crate) bindings: Option<&'a Binding<'a>>,
}

impl<'a> Scope<'a> {
    /// The same with one more name.
    pub(crate) fn bind<'b>(&'b self, binding: &'b Binding<'b>) -> Scope<'b> {
        Scope { context: self.context, instance: self.instance, file: self.file, bindings: Some(binding) }
    }

    /// The value of a bound name.
    pub(crate) fn bound(&self, name: &str) -> Option<&'a Value> {
        let mut binding = self.bindings;
        while let Some(here) = binding {
            if here.name == name {
                return Some(here.value);
            }
            binding = here.parent;
        }
        None
    }

    /// The source text of a place.
    pub(crate) fn text_of(&self, span: Span) -> String {
        let (files, snippet) = (self.context.files.borrow(), self.context.snippet.borrow());
        let whole = if span.file == SNIPPET { Some(&**snippet) } else { files.get(span.file).map(|f| f.text.as_str()) };
        let text = whole.and_then(|t| t.get(span.start as usize..span.end as usize));
        let text = text.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default();
        if text.chars().count() > 120 { text.chars().take(117).chain("...".chars()).collect() } else { text }
    }

    /// An unknown value that stands for an expression.
    pub(crate) fn unknown(&self, span: Span) -> Value {
        Value::unknown(Unknown::plain(self.text_of(span)), span)
    }

    /// An unknown value that stands for an expression which fails, whatever a plan would know.
    pub(crate) fn fail(&self, span: Span) -> Value {
        self.context.fail();
        self.unknown(span)
    }

    /// What a function makes of a value in each of its ways; unknown where it makes nothing of it.
    pub(crate) fn map_alternatives(
        &self,
        value: &Value,
        span: Span,
        function: impl Fn(&Value) -> Option<Value>,
    ) -> Value {
        let made = |v: &Value| function(v).unwrap_or_else(|| self.unknown(span));
        let alternatives = value.alternatives() as u64;
        if alternatives == 1 {
            return made(value);
        }
        if self.context.consume_budget(alternatives * cost(value)) {
            self.context.attempt(|| value.map_alternatives(&self.text_of(span), made)).0
        } else {
            self.unknown(span)
        }
    }

    /// The place of a part of this file.
    pub(crate) fn span(&self, range: Option<std::ops::Range<usize>>) -> Span {
        range.map_or(Span { file: self.file, start: 0, end: 0 }, |r| Span::new(self.file, r.start, r.end))
    }
}

/// Evaluates once; a value that needs itself is unknown, and so is one that was copied too often.
pub(crate) fn memoized(key: &str, span: Span, scope: Scope<'_>, evaluate: impl FnOnce() -> Value) -> Value {
    let known = &scope.instance.known;
    if let Some(found) = known.borrow().get(key) {
        let copy =
            found.as_ref().filter(|(_, cost)| scope.context.consume_budget(*cost)).map(|(value, _)| value.clone());
        return copy.unwrap_or_else(|| scope.unknown(span));
    }
    known.borrow_mut().insert(key.to_owned(), None);
    let (value, _) = scope.context.attempt(evaluate);
    let cost = cost(&value);
    scope.context.consume_budget(cost);
    known.borrow_mut().insert(key.to_owned(), Some((value.clone(), cost)));
    value
}
