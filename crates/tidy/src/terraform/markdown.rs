//! The generated part of a module's README.
use super::{Module, Output, Requirement, Variable};

/// The line before the generated part.
pub const BEGIN: &str = "<!-- generated: inputs and outputs -->";
/// The line after the generated part.
pub const END: &str = "<!-- end of generated part -->";

/// Tables of inputs and outputs, called modules and requirements, without the lines around them.
pub fn generated(module: &Module) -> String {
    let sections = [
        inputs(&module.variables),
        outputs(&module.outputs),
        calls(module),
        list("Requirements", module.requirements.iter().map(requirement)),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The README with this generated part, which is added at the end if there is none.
///
/// # Errors
/// If the lines around the generated part are not there once each, in order.
pub fn with_generated(readme: &str, generated: &str) -> Result<String, String> {
    let part = format!("{BEGIN}\n{generated}{END}\n");
    match (readme.matches(BEGIN).count(), readme.matches(END).count()) {
        (0, 0) if readme.trim().is_empty() => Ok(part),
        (0, 0) => Ok(format!("{}\n\n{part}", readme.trim_end())),
        (1, 1) => {
            let (before, after) = outside(readme).ok_or(format!("`{END}` is before `{BEGIN}`: swap them"))?;
            Ok(format!("{before}{part}{}", after.strip_prefix('\n').unwrap_or(after)))
        }
        (begins, ends) => {
            Err(format!("has {begins} lines `{BEGIN}` and {ends} lines `{END}`: keep one of each, or none"))
        }
    }
}

/// The text before and after the generated part.
pub fn outside(readme: &str) -> Option<(&str, &str)> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some((before, after))
}

fn inputs(variables: &[Variable]) -> String {
    let (required, optional): (Vec<_>, Vec<_>) = variables.iter().partition(|variable| variable.default.is_none());
    let variables: Vec<&Variable> = required.into_iter().chain(optional).collect();
    let rows = variables.iter().map(|variable| {
        let value_type = match variable.value_type.one_line() {
            Some(text) => code(&text),
            None => format!("[{}](#input-{})", code(&variable.value_type.summary()), variable.name),
        };
        [code(&variable.name), value_type, default(variable.default.as_deref()), prose(&variable.description)]
    });
    let mut text = table("## Inputs", ["Name", "Type", "Default", "Description"], rows);
    for variable in variables.iter().filter(|variable| variable.value_type.one_line().is_none()) {
        text.push('\n');
        text.push_str(&attributes(variable));
    }
    text
}

fn attributes(variable: &Variable) -> String {
    let rows = variable.value_type.rows();
    let rows = rows.iter().map(|row| {
        let attribute = row.attribute;
        let value_type = code(&attribute.value_type.summary());
        [code(&row.path), value_type, default(attribute.default.as_deref()), prose(&attribute.description)]
    });
    let heading = format!("### Input `{}`", variable.name);
    table(&heading, ["Attribute", "Type", "Default", "Description"], rows)
}

fn outputs(outputs: &[Output]) -> String {
    let rows = outputs.iter().map(|output| [code(&output.name), prose(&output.description)]);
    let mut text = table("## Outputs", ["Name", "Description"], rows);
    for output in outputs.iter().filter(|output| !output.attributes.is_empty()) {
        let names: Vec<String> = output.attributes.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!("\nAttributes of `{}`: {}.\n", output.name, names.join(", ")));
    }
    text
}

fn calls(module: &Module) -> String {
    let line = |name: &str, source: &str| match source.starts_with('.') {
        true => format!("`{name}`: [`{source}`]({source})"),
        false => format!("`{name}`: `{source}`"),
    };
    list("Modules", module.calls.iter().map(|call| line(&call.name, &call.source)))
}

fn requirement(requirement: &Requirement) -> String {
    let version = match requirement.version.as_str() {
        "" => String::new(),
        version => format!(" `{version}`"),
    };
    match (&requirement.provider, &requirement.source) {
        (None, _) => format!("Terraform{version}"),
        (Some(_), Some(source)) => format!("Provider `{source}`{version}"),
        (Some(name), None) => format!("Provider `{name}`{version}"),
    }
}

/// A list below a heading; empty without items.
fn list(heading: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("- {item}\n")).collect();
    if items.is_empty() { items } else { format!("## {heading}\n\n{items}") }
}

/// A table below a heading; empty without rows.
fn table<const N: usize>(heading: &str, columns: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| {
        let cells = cells.iter().map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {cell} |") });
        format!("|{}\n", cells.collect::<String>())
    };
    let rows: String = rows.map(|row| line(&row)).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("{heading}\n\n{}|{}\n{rows}", line(&columns.map(str::to_owned)), "---|".repeat(N))
}

fn default(expression: Option<&str>) -> String {
    expression.map_or("**required**".to_owned(), code)
}

/// A code span in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Text of one or more lines in a cell of a table. Paragraphs and items of lists begin on a new line.
fn prose(text: &str) -> String {
    let mut cell = String::new();
    let mut new_paragraph = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            new_paragraph = true;
            continue;
        }
        if !cell.is_empty() {
            let is_item = line.starts_with("- ");
            cell.push(if new_paragraph || is_item { '\n' } else { ' ' });
        }
        new_paragraph = false;
        cell.push_str(&line.replace('|', "\\|"));
    }
    // Within code spans, `<` is text.
    let escape = |(index, span): (usize, &str)| match index % 2 {
        0 => span.replace('<', "\\<"),
        _ => span.to_owned(),
    };
    cell.split('`').enumerate().map(escape).collect::<Vec<_>>().join("`").replace('\n', "<br>")
}
