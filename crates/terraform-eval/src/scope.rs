//! The scope of an expression: the instance of a module, the file and the bound names.
use std::rc::Rc;

use source_text::{Span, Unknown, Value};

use crate::context::{EvalContext, SNIPPET};
use crate::module::Instance;
use crate::values::cost;

/// A bound name: of a `for` expression, of `each` or `count`, of a `dynamic` block, of a template.
pub(crate) struct Binding<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Its value.
    pub(crate) value: &'a Value,
    /// The binding around it.
    pub(crate) parent: Option<&'a Binding<'a>>,
}

/// The scope of an expression.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What all evaluations share.
    pub(crate) context: &'a EvalContext,
    /// The instance of the module.
    pub(crate) instance: &'a Rc<Instance>,
    /// The number of the file that contains the expression.
    pub(crate) file: u32,
    /// The bound names.
    pub(crate) bindings: Option<&'a Binding<'a>>,
}

impl<'a> Scope<'a> {
    /// The scope with one more name.
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

    /// The source text of a span on one line, shortened to 120 characters.
    pub(crate) fn text_of(&self, span: Span) -> String {
        let (files, snippet) = (self.context.files.borrow(), self.context.snippet.borrow());
        let whole = if span.file == SNIPPET { Some(&**snippet) } else { files.get(span.file).map(|f| f.text.as_str()) };
        let source = whole.and_then(|t| t.get(span.start as usize..span.end as usize));
        let text = source.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default();
        if text.chars().count() > 120 { text.chars().take(117).chain("...".chars()).collect() } else { text }
    }

    /// The unknown value of an expression.
    pub(crate) fn unknown(&self, span: Span) -> Value {
        Value::unknown(Unknown::plain(self.text_of(span)), span)
    }

    /// The unknown value of an expression that fails with every value of what is unknown.
    pub(crate) fn fail(&self, span: Span) -> Value {
        self.context.fail();
        self.unknown(span)
    }

    /// The results of a function for each alternative of a value; unknown where the function has no result.
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

    /// The span of a range of bytes of this file.
    pub(crate) fn span(&self, range: Option<std::ops::Range<usize>>) -> Span {
        range.map_or(Span { file: self.file, start: 0, end: 0 }, |r| Span::new(self.file, r.start, r.end))
    }
}

/// Evaluates once per instance, and returns what `part` takes of the value and the cost of a copy (already counted on the
/// first use). It takes from nothing if the value depends on itself.
pub(crate) fn memoized<T>(
    key: &str,
    scope: Scope<'_>,
    evaluate: impl FnOnce() -> Value,
    part: impl FnOnce(Option<(&Value, u64)>) -> T,
) -> T {
    let known = &scope.instance.known;
    if let Some(found) = known.borrow().get(key) {
        return part(found.as_ref().map(|(value, cost)| (value, *cost)));
    }
    known.borrow_mut().insert(key.to_owned(), None);
    let (value, _) = scope.context.attempt(evaluate);
    let cost = cost(&value);
    scope.context.consume_budget(cost);
    known.borrow_mut().insert(key.to_owned(), Some((value.clone(), cost)));
    part(Some((&value, 0)))
}
