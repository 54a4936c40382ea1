//! The type of a variable with the comments of its attributes, which are their documentation.
use hcl_edit::Decorate;
use hcl_edit::expr::{Expression, Object, ObjectKey, ObjectValueTerminator};

use super::expressions::{key_name, one_line};

/// A type constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A type without attributes, as `string` or `map(number)`, on one line.
    Plain(String),
    /// `object({ .. })`.
    Object {
        /// The attributes in the order of their declaration.
        attributes: Vec<Attribute>,
        /// The type as it is written, if it is written on one line.
        one_line: Option<String>,
    },
    /// `list`, `set` or `map` of a type that has attributes.
    Collection {
        /// Which of them.
        kind: String,
        /// The type of the elements.
        element: Box<Type>,
    },
}

/// An attribute of an object type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The comment lines directly above it, one a line; empty without.
    pub description: String,
    /// Its type, without `optional(..)`.
    pub value_type: Type,
    /// The default, which is `null` for `optional(type)`; `None` if the attribute is required.
    pub default: Option<String>,
}

/// An attribute at any depth of a type.
#[derive(Debug)]
pub struct Row<'a> {
    /// The path from the variable: `table.hash_key`, `parties[].notify.kind`, `datasets[*].path` for maps.
    pub path: String,
    /// The attribute.
    pub attribute: &'a Attribute,
}

impl Type {
    /// Reads the expression of a `type` argument.
    pub fn read(expression: &Expression) -> Type {
        let call = expression.as_func_call();
        let argument = call.and_then(|call| call.args.get(0));
        match (call.map(|call| call.name.name.as_str()), argument) {
            (Some("object"), Some(Expression::Object(object))) => Type::Object {
                attributes: attributes(object),
                one_line: (!expression.to_string().trim().contains('\n')).then(|| one_line(expression)),
            },
            (Some(kind @ ("list" | "set" | "map")), Some(element)) => match Type::read(element) {
                Type::Plain(_) => Type::Plain(one_line(expression)),
                element => Type::Collection { kind: kind.to_owned(), element: Box::new(element) },
            },
            _ => Type::Plain(one_line(expression)),
        }
    }

    /// The type without attributes, as `list(object)`.
    pub fn summary(&self) -> String {
        match self {
            Type::Plain(text) => text.clone(),
            Type::Object { .. } => "object".to_owned(),
            Type::Collection { kind, element } => format!("{kind}({})", element.summary()),
        }
    }

    /// The whole type, if it is written on one line.
    pub fn one_line(&self) -> Option<String> {
        match self {
            Type::Plain(text) => Some(text.clone()),
            Type::Object { one_line, .. } => one_line.clone(),
            Type::Collection { kind, element } => element.one_line().map(|element| format!("{kind}({element})")),
        }
    }

    /// The attributes at every depth, each before its own attributes.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        self.add_rows("", &mut rows);
        rows
    }

    fn add_rows<'a>(&'a self, path: &str, rows: &mut Vec<Row<'a>>) {
        match self {
            Type::Plain(_) => {}
            Type::Object { attributes, .. } => {
                for attribute in attributes {
                    let separator = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{separator}{}", attribute.name);
                    rows.push(Row { path: path.clone(), attribute });
                    attribute.value_type.add_rows(&path, rows);
                }
            }
            Type::Collection { kind, element } => {
                let index = if kind == "map" { "[*]" } else { "[]" };
                element.add_rows(&format!("{path}{index}"), rows);
            }
        }
    }
}

fn attributes(object: &Object) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    let mut on_new_line = false;
    for (key, value) in object {
        let prefix = match key {
            ObjectKey::Ident(name) => name.decor().prefix(),
            ObjectKey::Expression(expression) => expression.decor().prefix(),
        };
        let (value_type, default) = type_and_default(value.expr());
        attributes.push(Attribute {
            name: key_name(key),
            description: prefix.map(|prefix| comment(prefix, on_new_line)).unwrap_or_default(),
            value_type,
            default,
        });
        on_new_line = value.terminator() == ObjectValueTerminator::Newline;
    }
    attributes
}

/// Takes `optional(type, default)` apart.
fn type_and_default(expression: &Expression) -> (Type, Option<String>) {
    if let Some(call) = expression.as_func_call()
        && call.name.name.as_str() == "optional"
        && let Some(value_type) = call.args.get(0)
    {
        return (Type::read(value_type), Some(call.args.get(1).map_or("null".to_owned(), one_line)));
    }
    (Type::read(expression), None)
}

/// The comment that ends on the line above the attribute. `before` is the text between the attribute and the one
/// before it; its first line is the rest of that attribute's line, unless it begins `on_new_line`.
fn comment(before: &str, on_new_line: bool) -> String {
    let mut above: Vec<&str> = before.split('\n').map(str::trim).collect();
    above.pop();
    if !on_new_line && !above.is_empty() {
        above.remove(0);
    }
    let mut lines = Vec::new();
    for line in above.iter().rev() {
        let Some(text) = line.strip_prefix('#').or_else(|| line.strip_prefix("//")) else { break };
        lines.push(text.trim());
    }
    lines.reverse();
    lines.join("\n").trim().to_owned()
}
