//! Text for people in the style of compiler messages, and a summary line.
use std::fmt::Write as _;
use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use source_text::Location;
use untrusted_text::{escape_line, escape_lines};

use crate::diagnostic::{Diagnostic, Report};
use crate::rule::Severity;
use crate::rules;

/// Of lines longer than this (in bytes) only the part around the finding is shown.
const MAX_LINE_LENGTH: usize = 20_000;
/// Bytes that are shown before and after the finding in such a line.
const CONTEXT_LENGTH: usize = 100;

/// Writes a report for a terminal of `width` columns.
pub fn write(report: &Report, width: usize, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(width);
    for diagnostic in &report.findings {
        writeln!(out, "{}\n", render(diagnostic, &renderer))?;
    }
    writeln!(out, "{}", summary(report))
}

/// The part of a file that is shown for a finding.
struct Excerpt {
    text: String,
    first_line: usize,
    span: std::ops::Range<usize>,
    whole_lines: bool,
}

fn excerpt(location: &Location) -> Excerpt {
    let text = &location.file.text;
    let (start, end) = (location.start as usize, (location.end as usize).max(location.start as usize));
    let (begin, first_line) = location.file.line(start);
    // Of a span over several lines only the first line is shown.
    let first_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = end.min(first_end).max(start);
    if first_end - begin <= MAX_LINE_LENGTH {
        let text = text[begin..first_end].trim_end_matches('\r').to_owned();
        let stop = (end - begin).min(text.len());
        return Excerpt { text, first_line, span: (start - begin).min(stop)..stop, whole_lines: true };
    }
    let from = text.floor_char_boundary(start.saturating_sub(CONTEXT_LENGTH).max(begin));
    let to = text.ceil_char_boundary((end.min(start + CONTEXT_LENGTH) + CONTEXT_LENGTH).min(first_end));
    let stop = text.floor_char_boundary(end.min(to));
    Excerpt {
        text: text[from..to].to_owned(),
        first_line,
        span: start - from..stop.max(start) - from,
        whole_lines: false,
    }
}

fn render(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let finding = &diagnostic.finding;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let primary = excerpt(&diagnostic.location);
    let title = level.primary_title(escape_lines(&finding.message)).id(finding.rule.name);
    let mut group = Group::with_title(title);
    group = add_snippet(group, &diagnostic.location, &primary, AnnotationKind::Primary, "");
    for (location, message) in diagnostic.related.iter().take(4) {
        group = add_snippet(group, location, &excerpt(location), AnnotationKind::Context, message);
    }
    if let Some(address) = &finding.address {
        group = group.element(Level::NOTE.message(escape_line(&format!("in `{address}`"))));
    }
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(escape_lines(&finding.help)));
    }
    renderer.render(&[group])
}

fn add_snippet<'a>(
    group: Group<'a>,
    location: &Location,
    excerpt: &Excerpt,
    kind: AnnotationKind,
    label: &str,
) -> Group<'a> {
    // The renderer replaces ASCII control characters in the source, but no others.
    let shown = |part: &str| part.replace(|c: char| c.is_control() && !c.is_ascii(), "\u{fffd}");
    let span = shown(&excerpt.text[..excerpt.span.start]).len()..shown(&excerpt.text[..excerpt.span.end]).len();
    let mut annotation = kind.span(span);
    if !label.is_empty() {
        annotation = annotation.label(escape_line(label));
    }
    let snippet = Snippet::source(shown(&excerpt.text)).line_start(excerpt.first_line).annotation(annotation);
    let path = escape_line(&location.file.path);
    if excerpt.whole_lines {
        return group.element(snippet.path(path));
    }
    let (start, _) = location.positions();
    let origin = Origin::path(path).line(start.line).char_column(start.column);
    group.element(origin).element(snippet)
}

/// The summary line: counts of findings by severity, policies, files and unresolved values.
pub fn summary(report: &Report) -> String {
    let mut line = String::new();
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (report.count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| plural(count, &severity.to_string()))
        .collect();
    line.push_str(&if parts.is_empty() { String::from("no findings") } else { parts.join(", ") });
    let _ = write!(line, " in {} of {}", policies(report.policies), plural(report.documents.len(), "file"));
    if !report.unresolved.is_empty() {
        let _ = write!(line, "; {} can only be resolved from a plan", plural(report.unresolved.len(), "value"));
    }
    line
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn policies(count: usize) -> String {
    if count == 1 { String::from("1 policy") } else { format!("{count} policies") }
}

/// Writes the list of rules as a table.
pub fn write_rules(out: &mut dyn Write) -> io::Result<()> {
    let width = rules::ALL.iter().map(|r| r.name.len()).max().unwrap_or(0);
    for rule in rules::ALL {
        writeln!(out, "{:width$}  {:7}  {}", rule.name, rule.severity, rule.summary())?;
    }
    Ok(())
}
