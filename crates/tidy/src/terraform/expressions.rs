//! Expressions as text.
use hcl_edit::Decorate;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};

/// An expression on one line, without comments.
pub(super) fn one_line(expression: &Expression) -> String {
    match expression {
        Expression::Object(object) if object.is_empty() => "{}".to_owned(),
        Expression::Object(object) => {
            let items = object.iter().map(|(key, value)| format!("{} = {}", key_text(key), one_line(value.expr())));
            format!("{{ {} }}", items.collect::<Vec<_>>().join(", "))
        }
        Expression::Array(array) => format!("[{}]", array.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        Expression::FuncCall(call) => call_on_one_line(call),
        other => {
            let mut other = other.clone();
            other.decor_mut().clear();
            let text = other.to_string();
            // Spaces in a string are part of it; a string's lines are escaped.
            if other.is_str() { text } else { text.split_whitespace().collect::<Vec<_>>().join(" ") }
        }
    }
}

fn call_on_one_line(call: &FuncCall) -> String {
    let arguments: Vec<String> = call.args.iter().map(one_line).collect();
    format!("{}({})", call.name.name.as_str(), arguments.join(", "))
}

/// The key as it is written.
fn key_text(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Ident(name) => name.as_str().to_owned(),
        ObjectKey::Expression(expression) => one_line(expression),
    }
}

/// The text of a string or heredoc; of another expression, its source.
pub(super) fn string(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.to_string(),
        Expression::HeredocTemplate(heredoc) => {
            let mut heredoc = heredoc.clone();
            heredoc.dedent();
            heredoc.template.to_string().replace("$${", "${").replace("%%{", "%{")
        }
        other => one_line(other),
    }
}

/// The name that an object's key is written with, without quotes.
pub(super) fn key_name(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Ident(name) => name.as_str().to_owned(),
        ObjectKey::Expression(expression) => string(expression),
    }
}
