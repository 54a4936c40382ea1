//! Expressions to values. A value that cannot be known names the expression it comes from.
use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOperator, Conditional, Expression, ObjectKey, UnaryOperator};
use source_text::{Data, Member, Span, Text, Value};

use super::{call, for_expression, reference, template};
use crate::scope::Scope;
use crate::syntax::{Attribute, Source};
use crate::values::{cost, equal, number, to_text, truth};

/// Evaluates an attribute in the file it stands in.
pub(crate) fn attribute(attribute: &Attribute, scope: Scope<'_>) -> Value {
    let scope = Scope { file: attribute.key_span.file, ..scope };
    match &attribute.source {
        Source::Hcl(expression) => eval(expression, scope),
        Source::Json(value) => json(value, scope),
    }
}

/// JSON of a `.tf.json` file: its texts are templates.
fn json(value: &Value, scope: Scope<'_>) -> Value {
    let data = match &value.data {
        Data::String(text) if text.raw().contains("${") || text.raw().contains("%{") => {
            return template::from_text(text.raw(), value.span, scope);
        }
        Data::Array(list) => Data::Array(list.iter().map(|v| json(v, scope)).collect()),
        Data::Object(members) => {
            let member = |m: &Member| Member { value: json(&m.value, scope), ..m.clone() };
            Data::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    };
    Value::new(data, value.span)
}

/// Evaluates an expression.
pub(crate) fn eval(expression: &Expression, scope: Scope<'_>) -> Value {
    let span = scope.span(expression.span());
    if !scope.context.enter() {
        return scope.unknown(span);
    }
    let value = step(expression, span, scope);
    scope.context.leave();
    value
}

fn step(expression: &Expression, span: Span, scope: Scope<'_>) -> Value {
    let data = match expression {
        Expression::Null(_) => Data::Null,
        Expression::Bool(b) => Data::Bool(*b.value()),
        Expression::Number(n) => Data::Number(n.value().to_string().into()),
        Expression::String(s) => Data::String(Text::known(s.value().as_str())),
        Expression::Array(list) => Data::Array(list.iter().map(|e| eval(e, scope)).collect()),
        Expression::Object(object) => return self::object(object, span, scope),
        Expression::StringTemplate(t) => return template::quoted(t, span, scope),
        Expression::HeredocTemplate(t) => return template::heredoc(t, span, scope),
        Expression::Parenthesis(inner) => return eval(inner.inner(), scope),
        Expression::Variable(_) | Expression::Traversal(_) => {
            return reference::eval_reference(expression, span, scope);
        }
        Expression::Conditional(c) => return conditional(c, span, scope),
        Expression::FuncCall(call) => return call::call(call, span, scope),
        Expression::UnaryOp(op) => {
            let value = eval(&op.expr, scope);
            match (op.operator.value(), truth(&value), &value.data) {
                (UnaryOperator::Not, Some(truth), _) => Data::Bool(!truth),
                (UnaryOperator::Neg, _, Data::Number(n)) => number(-n.parse::<f64>().unwrap_or(0.0)),
                _ => return scope.unknown(span),
            }
        }
        Expression::BinaryOp(op) => {
            let sides = Value::list([eval(&op.lhs_expr, scope), eval(&op.rhs_expr, scope)], span);
            return scope.map_alternatives(&sides, span, |sides| match sides.elements() {
                [left, right] => binary(*op.operator.value(), left, right).map(|data| Value::new(data, span)),
                _ => None,
            });
        }
        Expression::ForExpr(expression) => return for_expression::evaluate(expression, span, scope),
    };
    Value::new(data, span)
}

/// If the condition is unknown, the value is one of both.
fn conditional(conditional: &Conditional, span: Span, scope: Scope<'_>) -> Value {
    let test = eval(&conditional.cond_expr, scope);
    match (truth(&test), test.is_unknown()) {
        (Some(true), _) => eval(&conditional.true_expr, scope),
        (Some(false), _) => eval(&conditional.false_expr, scope),
        (None, true) => {
            let branch = |e: &Expression| scope.context.attempt(|| eval(e, scope)).0;
            let (yes, no) = (branch(&conditional.true_expr), branch(&conditional.false_expr));
            if equal(&yes, &no) == Some(true) {
                return yes;
            }
            if scope.context.consume_budget(cost(&yes) + cost(&no)) {
                Value::one_of(vec![yes, no], scope.text_of(span), span)
            } else {
                scope.unknown(span)
            }
        }
        (None, false) => scope.unknown(span),
    }
}

fn binary(operator: BinaryOperator, left: &Value, right: &Value) -> Option<Data> {
    use BinaryOperator as Op;
    if let Op::And | Op::Or = operator {
        let short = Data::Bool(operator == Op::Or);
        return match (truth(left), truth(right)) {
            (Some(a), Some(b)) => Some(Data::Bool(if operator == Op::And { a && b } else { a || b })),
            (Some(a), _) | (_, Some(a)) if a == (operator == Op::Or) => Some(short),
            _ => None,
        };
    }
    if let Op::Eq | Op::NotEq = operator {
        // A number, a text and a boolean are never equal.
        let sort = |v: &Value| match v.data {
            Data::Number(_) => 1,
            Data::Bool(_) => 2,
            Data::String(_) | Data::Encoded(_) => 3,
            _ => 0,
        };
        let same = match (sort(left), sort(right)) {
            (a, b) if a != 0 && b != 0 && a != b => Some(false),
            _ => equal(left, right),
        };
        return same.map(|same| Data::Bool(same == (operator == Op::Eq)));
    }
    let value = |v: &Value| match &v.data {
        Data::Number(n) => n.parse::<f64>().ok(),
        Data::String(t) => t.as_known().and_then(|t| t.parse::<f64>().ok()),
        _ => None,
    };
    let (a, b) = (value(left)?, value(right)?);
    Some(match operator {
        Op::Less => Data::Bool(a < b),
        Op::LessEq => Data::Bool(a <= b),
        Op::Greater => Data::Bool(a > b),
        Op::GreaterEq => Data::Bool(a >= b),
        Op::Plus => number(a + b),
        Op::Minus => number(a - b),
        Op::Mul => number(a * b),
        Op::Div if b != 0.0 => number(a / b),
        Op::Mod if b != 0.0 => number(a % b),
        _ => return None,
    })
}

fn object(object: &hcl_edit::expr::Object, span: Span, scope: Scope<'_>) -> Value {
    let mut members = Vec::new();
    for (key, value) in object.iter() {
        let (text, key_span) = match key {
            ObjectKey::Ident(name) => (Text::known(name.value().as_str()), scope.span(name.span())),
            ObjectKey::Expression(Expression::Variable(name)) => {
                (Text::known(name.value().as_str()), scope.span(name.span()))
            }
            ObjectKey::Expression(expression) => {
                let key = eval(expression, scope);
                match to_text(&key) {
                    Some(text) => (text, key.span),
                    None => return scope.unknown(span),
                }
            }
        };
        members.push(Member { key: text, key_span, value: eval(value.expr(), scope) });
    }
    Value::object(members, span)
}
