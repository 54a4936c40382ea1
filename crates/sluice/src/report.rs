//! Prints results as text or JSON lines to standard output, and progress and notes to standard error.
//!
//! Everything that is printed passes through this module. It escapes untrusted text, so that it cannot control a terminal:
//! text line by line; in JSON, control characters are written as `\u` escapes, which does not change the values.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use untrusted_text::{escape_json, escape_lines};

/// The format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Sentences and tables
    Text,
    /// One JSON object per line
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

/// Prints results, notes and progress.
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

    /// Starts a progress bar on a terminal; [`Report::tick`] advances it, up to `total` if that is known.
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

    /// Starts a progress bar of bytes; [`Report::advance`] advances it.
    pub(crate) fn progress_bytes(&mut self, what: &'static str, total: u64) {
        self.progress(what, Some(total));
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// A function that advances the bar of [`Report::progress_bytes`].
    pub(crate) fn advance(&self) -> impl Fn(u64) + Clone + Send + 'static {
        let bar = self.bar.clone();
        move |bytes| bar.inc(bytes)
    }

    /// Whether progress is shown: on a terminal, and not with JSON.
    fn wants_progress(&self) -> bool {
        io::stderr().is_terminal() && self.format == Format::Text
    }

    /// Advances the bar of [`Report::progress`] by one.
    pub(crate) fn tick(&self) {
        self.bar.inc(1);
    }

    fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Records that the command has changed something; a later failure to print must not hide that.
    pub(crate) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether the command has changed something.
    pub(crate) fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Prints one result, given in both formats.
    pub(crate) fn line(&self, text: impl Display, json: &Value) {
        match self.format {
            Format::Text => self.results(&escape_lines(&text.to_string())),
            Format::Json => self.results(&json_line(json)),
        }
    }

    /// Prints text as a result in either format: the help and the version.
    pub(crate) fn help(&self, text: impl Display) {
        self.results(escape_lines(&text.to_string()).trim_end());
    }

    /// Prints a note to standard error.
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

    /// Prints an error as a note and, with JSON, as the only result.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let text = message(error);
        if self.is_json() {
            self.results(&json_line(&serde_json::json!({"error": text})));
        }
        self.note(text);
    }

    /// Asks a question on the terminal; `None` at the end of standard input.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let mut out = io::stderr();
        let _ = write!(out, "{} ", escape_lines(question)).and_then(|()| out.flush());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).unwrap_or(0);
        (read > 0).then(|| answer.trim().to_owned())
    }

    /// Clears the terminal, if there is one.
    pub(crate) fn clear(&self) {
        if self.format == Format::Text && io::stdout().is_terminal() {
            self.results("\u{1b}[H\u{1b}[2J");
        }
    }

    /// The first error of writing results, except for a closed pipe.
    pub(crate) fn write_error(&self) -> Option<io::Error> {
        self.keep_error(io::stdout().flush());
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
        self.keep_error(written);
    }

    /// Keeps an error for the end and stops printing. The command continues, and a closed pipe (`| head`) is not an error.
    fn keep_error(&self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.closed.store(true, Ordering::Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            let mut kept = self.write_error.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(error);
        }
    }
}

/// The text of an error and its causes, without repetitions: many errors repeat their cause in their own message.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
    }
    text
}

/// [`message`] on one line, for a row.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    message(error).replace('\n', ": ")
}

/// A JSON value on one line. Control characters and invisible characters, which JSON allows in strings, are written as `\u`
/// escapes.
pub(crate) fn json_line(value: &Value) -> String {
    escape_json(&value.to_string()).replace('\u{7f}', "\\u007f")
}

/// Helpers for tests of what commands print.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Clears its line, starts another, reverses the direction of text and colours the rest.
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

    /// Asserts that `print` prints `lines` lines of text and one JSON object, without characters that control a terminal.
    pub(crate) fn assert_escaped(lines: usize, print: impl Fn(&Report)) {
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
    fn a_cause_is_not_repeated() {
        let io = io::Error::new(ErrorKind::NotFound, "no such file (os error 2)");
        let error = anyhow::Error::new(io).context("IO error for `x`: no such file (os error 2)");
        assert_eq!(message(&error), "IO error for `x`: no such file (os error 2)");
        let error = anyhow!("because").context("cannot");
        assert_eq!(message(&error), "cannot: because");
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let value = json!({"key": "a\u{1b}[2K\u{9b}\u{202e}\u{7f}\u{e0001}\u{2028}ü漢\n"});
        let line = json_line(&value);
        assert!(line.contains("ü漢") && line.contains("\\u009b"), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    proptest! {
        #[test]
        fn a_json_line_has_no_control_characters(text in any::<String>()) {
            let value = json!({&text: [&text]});
            let line = json_line(&value);
            let obeyed = line.chars().any(|c| c.is_control() || c == '\u{202e}');
            prop_assert!(!obeyed);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
        let report = Report::new(Format::Text);
        report.keep_error(Err(ErrorKind::BrokenPipe.into()));
        assert!(report.write_error().is_none());
        report.keep_error(Err(ErrorKind::StorageFull.into()));
        let kept = report.write_error().unwrap();
        assert_eq!(kept.kind(), ErrorKind::StorageFull);
    }
}
