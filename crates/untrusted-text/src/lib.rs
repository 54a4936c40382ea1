//! Escapes untrusted text for where it is shown.
//!
//! Object keys, version-ids, receipts, messages, policies and file names are chosen by their authors. Shown as
//! they are, they can move a terminal's cursor, hide a line, reverse the reading direction or inject markup.

use std::borrow::Cow;

/// One value for one line of a terminal or a log: control, format, bidirectional, combining and unassigned characters
/// are written as Rust escapes (`\n`, `\u{1b}`), and so is the backslash, so that two values never look the same.
/// Quotes stay.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut escaped, c, c.is_ascii_graphic() && c != '\\' || c == ' ');
    }
    escaped
}

/// Composed text of several lines, whose values were escaped by [`escape`]: line feeds and backslashes stay, everything
/// else that [`escape`] replaces is replaced. This is the last line of defence of a terminal: it cannot distinguish a line feed
/// of the composed text from one of a value.
#[must_use]
pub fn escape_lines(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut escaped, c, c == '\n' || c.is_ascii_graphic() || c == ' ');
    }
    escaped
}

/// Composed text that is meant to be one line, or a path: as [`escape_lines`], with line feeds replaced too.
#[must_use]
pub fn escape_line(text: &str) -> String {
    escape_lines(text).replace('\n', "\\n")
}

/// Serialised JSON for a terminal: the characters that [`escape`] replaces and that JSON leaves as they are (C1 controls,
/// bidirectional marks, characters without width) become `\u` escapes, which mean the same to a JSON parser.
#[must_use]
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if json.is_ascii() {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() || c.escape_debug().len() == 1 {
            escaped.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(escaped)
}

/// One value inside a Markdown paragraph, list item or table cell: as [`escape`], with every ASCII punctuation
/// character that Markdown could read as markup preceded by a backslash.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in escape(text).chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// One value as HTML text or as a quoted attribute: as [`escape`], with `&`, `<`, `>` and quotes as entities.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in escape(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// `escape_debug` keeps what a reader sees and escapes what he does not; it also escapes quotes, which hide nothing.
fn push(escaped: &mut String, c: char, plain: bool) {
    if plain || matches!(c, '"' | '\'') {
        escaped.push(c);
    } else {
        escaped.extend(c.escape_debug());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(escape("a\nb\u{202e}\"c\\ü/\u{1b}[31m.json"), "a\\nb\\u{202e}\"c\\\\ü/\\u{1b}[31m.json");
        assert_eq!(escape("\u{200b}\u{9b}\r\t\u{ffff}"), "\\u{200b}\\u{9b}\\r\\t\\u{ffff}");
    }

    #[test]
    fn composed_lines_keep_their_line_feeds_and_backslashes() {
        assert_eq!(escape_lines("one\\n\ntwo\u{1b}[2K\r"), "one\\n\ntwo\\u{1b}[2K\\r");
    }

    #[test]
    fn a_composed_line_stays_one_line() {
        assert_eq!(escape_line("C:\\a\nb\u{1b}"), "C:\\a\\nb\\u{1b}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        assert_eq!(escape_json("{\"ü\":\"\u{202e}\u{9b}\u{e0001}\"}"), "{\"ü\":\"\\u202e\\u009b\\udb40\\udc01\"}");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(markdown("[x](y)|<b>"), "\\[x\\]\\(y\\)\\|\\<b\\>");
        assert_eq!(html("<a href='x'>&\"\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\n");
    }

    proptest! {
        #[test]
        fn nothing_escapes_the_line(text in any::<String>()) {
            for shown in [escape(&text), markdown(&text), html(&text)] {
                prop_assert!(!shown.chars().any(char::is_control));
            }
            let lines = escape_lines(&text);
            prop_assert!(!lines.chars().any(|c| c.is_control() && c != '\n'));
        }

        #[test]
        fn two_values_never_look_the_same(a in "[\\\\nu{}0a\n\u{1b}]{0,8}", b in "[\\\\nu{}0a\n\u{1b}]{0,8}") {
            prop_assert_eq!(a == b, escape(&a) == escape(&b));
        }
    }
}
