//! What people and programs read: text or JSON lines on standard output, progress and hints on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Sentences and tables.
    Text,
    /// One JSON object a line.
    Json,
}

/// How a command ended, when it could do its work at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is done, or what was asked about exists.
    Done,
    /// Something does not exist, was not done or does not match.
    Not,
}

impl Ended {
    /// [`Ended::Done`] if `done`.
    #[must_use]
    pub fn when(done: bool) -> Self {
        if done { Self::Done } else { Self::Not }
    }
}

/// Where results go.
pub struct Report {
    format: Format,
    bar: ProgressBar,
}

impl Report {
    /// A report without progress.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            bar: ProgressBar::hidden(),
        }
    }

    /// Shows progress on a terminal from now on; `total` is what [`Report::tick`] counts to, if known.
    pub fn progress(&mut self, what: &'static str, total: Option<u64>) {
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
    pub fn progress_bytes(&mut self, what: &'static str, total: u64) {
        self.progress(what, Some(total));
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// A handle that counts more bytes of what [`Report::progress_bytes`] shows.
    pub fn advance(&self) -> impl Fn(u64) + Clone + Send + 'static {
        let bar = self.bar.clone();
        move |bytes| bar.inc(bytes)
    }

    /// Whether somebody would watch progress.
    #[must_use]
    pub fn wants_progress(&self) -> bool {
        io::stderr().is_terminal() && self.format == Format::Text
    }

    /// One more of what [`Report::progress`] counts.
    pub fn tick(&self) {
        self.bar.inc(1);
    }

    /// Whether results are JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// One result, in both forms.
    pub fn line(&self, text: impl Display, json: &Value) {
        match self.format {
            Format::Text => self.write(&mut io::stdout(), &text),
            Format::Json => self.write(&mut io::stdout(), json),
        }
    }

    /// A remark for people, which is no result.
    pub fn note(&self, text: impl Display) {
        self.write(&mut io::stderr(), &text);
    }

    /// Why nothing could be done: for people, and for programs as the only line of their output.
    pub fn error(&self, error: &anyhow::Error) {
        if self.json() {
            self.write(
                &mut io::stdout(),
                &serde_json::json!({"error": format!("{error:#}")}),
            );
        }
        self.note(format_args!("{error:#}"));
    }

    /// A question; `None` if nobody can answer it.
    pub fn ask(&self, question: &str) -> Option<String> {
        let mut out = io::stderr();
        let _ = write!(out, "{question} ").and_then(|()| out.flush());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).unwrap_or(0);
        (read > 0).then(|| answer.trim().to_owned())
    }

    /// Clears a terminal for the next screen of a watched command.
    pub fn clear(&self) {
        if self.format == Format::Text && io::stdout().is_terminal() {
            self.write(&mut io::stdout(), &"\u{1b}[H\u{1b}[2J");
        }
    }

    /// A reader that has gone away (`| head`) stops no work.
    fn write(&self, to: &mut dyn Write, text: &dyn Display) {
        self.bar.suspend(|| {
            let _ = writeln!(to, "{text}");
        });
    }
}
