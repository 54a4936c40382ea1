//! What people and programs read: text or JSON lines on standard output, progress and hints on standard error.
//!
//! Everything passes here, so here is where text from outside loses its power over a terminal: text is escaped line by
//! line, JSON keeps its values and writes what a terminal would obey as `\u` escapes.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use untrusted_text::{escape_json, escape_lines};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Sentences and tables.
    Text,
    /// One JSON object a line.
    Json,
}

/// The exit status of a command that could do its work at all; an error exits with 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything was done, or the object exists: exit code 0.
    Success,
    /// Something does not exist, was not done or does not match: exit code 1.
    Failure,
}

impl ExitStatus {
    pub(crate) fn success_if(condition: bool) -> Self {
        if condition { Self::Success } else { Self::Failure }
    }
}

/// Where results go.
pub(crate) struct Report {
    format: Format,
    bar: ProgressBar,
    changed: AtomicBool,
    closed: AtomicBool,
    write_error: Mutex<Option<io::Error>>,
    /// Takes the results and notes of a test instead of standard output and standard error.
    #[cfg(test)]
    sink: Option<testing::Sink>,
}

impl Report {
    /// A report without progress.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            bar: ProgressBar::hidden(),
            changed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            write_error: Mutex::new(None),
            #[cfg(test)]
            sink: None,
        }
    }

    /// Shows progress on a terminal from now on; `total` is what [`Report::tick`] counts to, if known.
    pub(crate) fn progress(&mut self, what: &'static str, total: Option<u64>) {
        if !self.wants_progress() {
            return;
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{msg} {wide_bar} {pos}/{len} {per_sec}",
            None => "{msg} {spinner} {pos} {per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        self.bar = bar;
    }

    /// Shows progress by bytes from now on, counted by [`Report::advance`].
    pub(crate) fn progress_bytes(&mut self, what: &'static str, total: u64) {
        self.progress(what, Some(total));
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// A handle that counts more bytes of what [`Report::progress_bytes`] shows.
    pub(crate) fn advance(&self) -> impl Fn(u64) + Clone + Send + 'static {
        let bar = self.bar.clone();
        move |bytes| bar.inc(bytes)
    }

    /// Whether somebody would watch progress.
    pub(crate) fn wants_progress(&self) -> bool {
        io::stderr().is_terminal() && self.format == Format::Text
    }

    /// One more of what [`Report::progress`] counts.
    pub(crate) fn tick(&self) {
        self.bar.inc(1);
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Records that the command has changed something: from now on a failure leaves work partly done.
    pub(crate) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether the command has changed something.
    pub(crate) fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// One result, in both forms.
    pub(crate) fn line(&self, text: impl Display, json: &Value) {
        match self.format {
            Format::Text => self.results(&escape_lines(&text.to_string())),
            Format::Json => self.results(&json_line(json)),
        }
    }

    /// Text that is a result whatever the format: the help and the version.
    pub(crate) fn help(&self, text: impl Display) {
        self.results(escape_lines(&text.to_string()).trim_end());
    }

    /// A remark for people, which is no result.
    pub(crate) fn note(&self, text: impl Display) {
        let text = escape_lines(&text.to_string());
        #[cfg(test)]
        if let Some(sink) = &self.sink {
            return sink.add_note(&text);
        }
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    /// Why nothing could be done: for people, and for programs as the only line of their output.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let text = message(error);
        if self.json() {
            self.results(&json_line(&serde_json::json!({"error": text})));
        }
        self.note(text);
    }

    /// A question; `None` if nobody can answer it.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let mut out = io::stderr();
        let _ = write!(out, "{} ", escape_lines(question)).and_then(|()| out.flush());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).unwrap_or(0);
        (read > 0).then(|| answer.trim().to_owned())
    }

    /// Clears a terminal for the next screen of a watched command.
    pub(crate) fn clear(&self) {
        if self.format == Format::Text && io::stdout().is_terminal() {
            self.results("\u{1b}[H\u{1b}[2J");
        }
    }

    /// The first error of writing results, other than a reader that has gone away.
    pub(crate) fn write_error(&self) -> Option<io::Error> {
        self.keep(io::stdout().flush());
        let mut kept = self.write_error.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take()
    }

    fn results(&self, text: &str) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        #[cfg(test)]
        if let Some(sink) = &self.sink {
            return sink.add_result(text);
        }
        let written = self.bar.suspend(|| writeln!(io::stdout(), "{text}"));
        self.keep(written);
    }

    /// A reader that has gone away (`| head`) stops no work; a result that could not be written is told at the end.
    fn keep(&self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.closed.store(true, Ordering::Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            let mut kept = self.write_error.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(error);
        }
    }
}

/// An error with its causes, each told once: many errors repeat their cause in their own message.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
    }
    text
}

/// [`message`] on one line, for a row.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    message(error).replace('\n', ": ")
}

/// A value on one line. JSON may hold every character but the C0 controls as it is; those that a terminal would obey or
/// a reader would not see are written as `\u` escapes, which is the same JSON value.
pub(crate) fn json_line(value: &Value) -> String {
    escape_json(&value.to_string()).replace('\u{7f}', "\\u007f")
}

/// What tests of commands share: text from outside that would harm a terminal, and the proof that it does not.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Clears its line, begins another, turns the reading direction round and colours the rest.
    pub(crate) const HOSTILE: &str = "a\u{1b}[2K\r\nfake: all is well\u{202e}\u{9b}31m";

    /// Collects what a test prints.
    #[derive(Default)]
    pub(crate) struct Sink {
        results: Mutex<String>,
        notes: Mutex<String>,
    }

    impl Sink {
        /// Takes a result, as standard output would.
        pub(crate) fn add_result(&self, text: &str) {
            self.results.lock().unwrap().push_str(&format!("{text}\n"));
        }

        /// Takes a note, as standard error would.
        pub(crate) fn add_note(&self, text: &str) {
            self.notes.lock().unwrap().push_str(&format!("{text}\n"));
        }
    }

    /// Results and notes, as printed in this format.
    fn printed(format: Format, print: impl Fn(&Report)) -> (String, String) {
        let report = Report { sink: Some(Sink::default()), ..Report::new(format) };
        print(&report);
        let sink = report.sink.unwrap();
        (sink.results.into_inner().unwrap(), sink.notes.into_inner().unwrap())
    }

    /// What a command prints in both formats, compared with `tests/snapshots/NAME.snap`.
    pub(crate) fn assert_printed(name: &str, print: impl Fn(&Report)) {
        let (text, notes) = printed(Format::Text, &print);
        let (json, _) = printed(Format::Json, &print);
        assert_text(name, format!("{text}--- notes\n{notes}--- json\n{json}"));
    }

    /// A text, compared with `tests/snapshots/NAME.snap`.
    pub(crate) fn assert_text(name: &str, text: impl Display) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text.to_string()));
    }

    /// Prints in both forms: `lines` lines of text and one object, nothing of which a terminal obeys.
    pub(crate) fn harmless(lines: usize, print: impl Fn(&Report)) {
        for format in [Format::Text, Format::Json] {
            let (results, _) = printed(format, &print);
            let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!results.contains(obeyed), "{results:?}");
            let expected = if format == Format::Text { lines } else { 1 };
            assert_eq!(results.lines().count(), expected, "{results}");
            if format == Format::Json {
                serde_json::from_str::<Value>(&results).unwrap();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_cause_is_told_once() {
        let io = io::Error::new(ErrorKind::NotFound, "no such file (os error 2)");
        let error = anyhow::Error::new(io).context("IO error for `x`: no such file (os error 2)");
        assert_eq!(message(&error), "IO error for `x`: no such file (os error 2)");
        let error = anyhow!("because").context("cannot");
        assert_eq!(message(&error), "cannot: because");
    }

    #[test]
    fn json_obeys_no_terminal_and_stays_the_same_value() {
        let value = json!({"key": "a\u{1b}[2K\u{9b}\u{202e}\u{7f}\u{e0001}\u{2028}ü漢\n"});
        let line = json_line(&value);
        assert!(line.contains("ü漢") && line.contains("\\u009b"), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    proptest! {
        #[test]
        fn a_json_line_is_one_line_of_visible_characters(text in any::<String>()) {
            let value = json!({&text: [&text]});
            let line = json_line(&value);
            let obeyed = line.chars().any(|c| c.is_control() || c == '\u{202e}');
            prop_assert!(!obeyed);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
        let report = Report::new(Format::Text);
        report.keep(Err(ErrorKind::BrokenPipe.into()));
        assert!(report.write_error().is_none());
        report.keep(Err(ErrorKind::StorageFull.into()));
        let kept = report.write_error().unwrap();
        assert_eq!(kept.kind(), ErrorKind::StorageFull);
    }
}
