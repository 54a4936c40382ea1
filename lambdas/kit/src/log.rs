//! Log lines: one JSON object a line on standard output, which is where Lambda reads them.
//!
//! Object keys are chosen by whoever uploads: they are logged escaped, so that nobody can write a second line, hide
//! text or turn it round. Contents, requesters and source addresses are never logged.

use serde_json::{Map, Value};
pub use untrusted_text::escape;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every record and every effect.
    Info,
    /// A record that was refused.
    Warn,
    /// A record that could not be ended.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// Writes one line: `level`, `message`, then the fields of `about` and of `more`.
pub fn line(level: Level, message: &str, about: &Map<String, Value>, more: &Map<String, Value>) {
    emit(&render(level, message, about, more));
}

fn render(
    level: Level,
    message: &str,
    about: &Map<String, Value>,
    more: &Map<String, Value>,
) -> String {
    let mut object = Map::with_capacity(2 + about.len() + more.len());
    object.insert("level".into(), level.name().into());
    object.insert("message".into(), message.into());
    for (name, value) in about.iter().chain(more) {
        object.insert(name.clone(), value.clone());
    }
    Value::Object(object).to_string()
}

/// Writes one finished line to standard output.
#[allow(
    clippy::print_stdout,
    reason = "standard output is Lambda's log stream"
)]
pub(crate) fn emit(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_one_json_object_whatever_the_key() {
        let mut about = Map::new();
        about.insert(
            "key".into(),
            escape("a\nb\u{202e}\"c\\ü/\u{1b}[31m.json").into(),
        );
        let line = render(Level::Info, "hello", &about, &Map::new());
        assert_eq!(line.lines().count(), 1);
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["level"], json!("INFO"));
        assert_eq!(
            back["key"],
            json!("a\\nb\\u{202e}\"c\\\\ü/\\u{1b}[31m.json")
        );
    }
}
