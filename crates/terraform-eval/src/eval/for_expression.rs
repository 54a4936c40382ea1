//! `for` expressions, in which the collection, the condition and each element may be unknown or one of several values.
use hcl_edit::expr::ForExpr;
use source_text::{Span, Text, Value};

use super::expression::eval;
use crate::member_groups::{MemberGroup, insert};
use crate::scope::{Binding, Scope};
use crate::values::{entries, to_text, truth, unknown_entry};

/// Evaluates a `for` expression.
pub(crate) fn evaluate(expression: &ForExpr, span: Span, scope: Scope<'_>) -> Value {
    let collection = eval(&expression.intro.collection_expr, scope);
    if collection.candidates().is_empty() {
        return over(&collection, expression, span, scope);
    }
    scope.map_alternatives(&collection, span, |c| Some(over(c, expression, span, scope)))
}

/// The result for a collection. If the condition has several alternatives, the result has the same ones.
fn over(collection: &Value, expression: &ForExpr, span: Span, scope: Scope<'_>) -> Value {
    let mut first = Loop::new(expression, span, 0);
    let value = first.run(collection, scope);
    if first.alternatives == 1 {
        return value;
    }
    let rest = (1..first.alternatives).map(|number| Loop::new(expression, span, number).run(collection, scope));
    Value::one_of(std::iter::once(value).chain(rest).collect(), scope.text_of(span), span)
}

/// One run over a collection, in one alternative of the condition.
struct Loop<'e> {
    expression: &'e ForExpr,
    span: Span,
    /// The number of the alternative.
    alternative: usize,
    /// The alternatives of the condition, as far as it was evaluated.
    alternatives: usize,
    /// Whether elements may be missing from the result or may not be in it.
    open: bool,
    list: Vec<Value>,
    groups: Vec<MemberGroup>,
    /// Those of `groups` that are in the result whatever the condition is.
    certain: Vec<MemberGroup>,
}

/// What a condition means for an element.
struct Condition {
    /// Whether the element is in the result; `None` if that is unknown.
    holds: Option<bool>,
    /// Whether the answer depends on the alternative.
    selects: bool,
}

impl<'e> Loop<'e> {
    fn new(expression: &'e ForExpr, span: Span, alternative: usize) -> Loop<'e> {
        let (list, groups, certain) = (Vec::new(), Vec::new(), Vec::new());
        Loop { expression, span, alternative, alternatives: 1, open: false, list, groups, certain }
    }

    fn run(&mut self, collection: &Value, scope: Scope<'_>) -> Value {
        let known = entries(collection);
        let complete = known.is_some();
        let value_name = self.expression.intro.value_var.value().as_str();
        let entries = known.unwrap_or_else(|| vec![unknown_entry(collection, self.span, value_name)]);
        self.open = !complete;
        for (key, value) in entries {
            let key_name = self.expression.intro.key_var.as_ref().map_or("\u{0}", |k| k.value().as_str());
            let outer = Binding { name: key_name, value: &key, parent: scope.bindings };
            let inner = Binding { name: value_name, value: &value, parent: Some(&outer) };
            if self.add(complete, scope.bind(&inner)).is_none() {
                return scope.unknown(self.span);
            }
        }
        self.finish(complete, scope)
    }

    /// Adds an element; `None` if its key is not a text.
    fn add(&mut self, complete: bool, scope: Scope<'_>) -> Option<()> {
        let condition = self.condition(scope);
        if condition.holds == Some(false) {
            return Some(());
        }
        let certain = complete && condition.holds.is_some();
        self.open |= !certain;
        let value = eval(&self.expression.value_expr, scope);
        let element = if condition.selects { value.alternative(self.alternative) } else { value };
        let Some(key) = &self.expression.key_expr else {
            self.list.push(element);
            return Some(());
        };
        let key = eval(key, scope);
        let text: Text = to_text(&key)?;
        let next = MemberGroup { key: text, span: key.span, values: vec![element] };
        if certain {
            insert(&mut self.certain, next.clone(), self.expression.grouping);
        }
        insert(&mut self.groups, next, self.expression.grouping);
        Some(())
    }

    fn condition(&mut self, scope: Scope<'_>) -> Condition {
        let Some(condition) = &self.expression.cond else { return Condition { holds: Some(true), selects: false } };
        let condition = eval(&condition.expr, scope);
        let alternatives = condition.alternatives();
        self.alternatives = self.alternatives.max(alternatives);
        Condition { holds: truth(&condition.alternative(self.alternative)), selects: alternatives > 1 }
    }

    fn finish(&mut self, complete: bool, scope: Scope<'_>) -> Value {
        let span = self.span;
        let grouping = self.expression.grouping;
        let object = |groups: &mut Vec<MemberGroup>| {
            Value::object(groups.drain(..).filter_map(|group| group.member(grouping)), span)
        };
        if self.expression.key_expr.is_some() {
            let all = object(&mut self.groups);
            return match (self.open, complete) {
                (false, _) => all,
                (true, true) => Value::one_of(vec![all, object(&mut self.certain)], scope.text_of(span), span),
                (true, false) => Value::one_of(vec![all, scope.unknown(span)], scope.text_of(span), span),
            };
        }
        if self.open {
            self.list.push(scope.unknown(span));
        }
        Value::list(std::mem::take(&mut self.list), span)
    }
}
