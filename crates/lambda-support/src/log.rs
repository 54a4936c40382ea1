//! Log lines: one JSON object a line on standard output, which is where Lambda reads them.
//!
//! Object keys are chosen by the uploader. They are logged escaped, so that a key cannot add a line, hide text or reverse
//! its direction. Contents, requesters and source addresses are never logged.
//!
//! Every line that is written while a message is handled carries the fields of its [`Context`]: the message id, and
//! bucket, key and version-id once they are known.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
pub use untrusted_text::escape;

tokio::task_local! {
    static CURRENT: Context;
}

/// The fields of every line about one message. Clones share them, so that the batch loop can report a task that panicked
/// or was cancelled.
#[derive(Debug, Clone, Default)]
pub struct Context(Arc<Mutex<Map<String, Value>>>);

impl Context {
    /// The context of the message with this id.
    #[must_use]
    pub fn new(message_id: &str) -> Self {
        let context = Self::default();
        context.set("message_id", message_id);
        context
    }

    /// Sets the object that the following lines are about; an empty text removes its field. The texts are escaped here.
    pub fn set_object(&self, bucket: &str, key: &str, version_id: &str) {
        self.set("bucket", bucket);
        self.set("key", key);
        self.set("version_id", version_id);
    }

    /// Runs `future` with this context: [`line()`] adds the fields, [`set_object`] changes them.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs `write` with this context.
    pub(crate) fn sync_scope(&self, write: impl FnOnce()) {
        CURRENT.sync_scope(self.clone(), write);
    }

    fn set(&self, name: &str, text: &str) {
        let mut fields = self.lock();
        if text.is_empty() {
            fields.shift_remove(name);
        } else {
            fields.insert(name.to_owned(), escape(text).into());
        }
    }

    /// A task that panicked may have poisoned the lock; the fields are consistent nevertheless.
    fn lock(&self) -> MutexGuard<'_, Map<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the object that the following lines of the current message are about (see [`Context::set_object`]); outside of
/// a message it does nothing.
pub fn set_object(bucket: &str, key: &str, version_id: &str) {
    let _ = CURRENT.try_with(|context| context.set_object(bucket, key, version_id));
}

/// The severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// An arrival that was handled, or an effect.
    Info,
    /// An arrival that was handled and needs attention.
    Warn,
    /// A fault: an arrival that could not be handled.
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

/// Writes one line: `level`, `message`, the fields of the current message's [`Context`], then `fields`, which replace
/// fields of the same name.
pub fn line(level: Level, message: &str, fields: &Map<String, Value>) {
    let context_fields = CURRENT.try_with(|context| context.lock().clone()).unwrap_or_default();
    emit(&render(level, message, &[&context_fields, fields]));
}

/// Writes one informational line without further fields.
pub fn info(message: &str) {
    line(Level::Info, message, &Map::new());
}

/// Writes one error line without further fields.
pub fn error(message: &str) {
    line(Level::Error, message, &Map::new());
}

fn render(level: Level, message: &str, fields: &[&Map<String, Value>]) -> String {
    let mut object = Map::new();
    object.insert("level".into(), level.name().into());
    object.insert("message".into(), message.into());
    for (name, value) in fields.iter().copied().flatten() {
        object.insert(name.clone(), value.clone());
    }
    Value::Object(object).to_string()
}

/// Writes one finished line to standard output, which is Lambda's log stream. A line that cannot be written is dropped:
/// on an operator's machine the reading end of the pipe may be closed.
pub(crate) fn emit(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_one_json_object_for_any_key() {
        let mut fields = Map::new();
        fields.insert("key".into(), escape("a\nb\u{202e}\"c\\ü/\u{1b}[31m.json").into());
        let line = render(Level::Info, "hello", &[&fields]);
        assert_eq!(line.lines().count(), 1);
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["level"], json!("INFO"));
        assert_eq!(parsed["key"], json!("a\\nb\\u{202e}\"c\\\\ü/\\u{1b}[31m.json"));
    }
}
