//! The diagnosis of a text that is not JSON.
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// Why a text is not JSON.
#[derive(Debug)]
pub struct Malformed {
    /// The offset of the first byte that is wrong.
    pub start: usize,
    /// The offset behind the last one.
    pub end: usize,
    /// What is wrong, in lower case.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
}

/// Diagnoses a text that cannot be parsed at the byte `at`. `text` is without its byte order mark of `skipped` bytes.
pub(super) fn diagnose(text: &str, skipped: usize, at: usize) -> Malformed {
    if text.trim().is_empty() {
        return Malformed {
            start: 0,
            end: text.len().min(1),
            reason: String::from("the text is empty"),
            help: "write a policy document, or remove the file",
        };
    }
    let strict = parse_to_ast(text, &CollectOptions::default(), &strict()).err();
    let lenient = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).is_ok();
    let (start, end, reason) = match strict {
        Some(error) => (error.range().start, error.range().end, lower(&error.kind().to_string())),
        None => (at - skipped, at - skipped + 1, String::from("the text is not JSON from here on")),
    };
    let help = if lenient {
        "the text is JSON with extensions; policies take plain JSON only: no comments, trailing commas or single quotes"
    } else {
        "fix the JSON here; nothing after it was checked"
    };
    let start = start.min(text.len());
    Malformed { start: start + skipped, end: end.clamp(start, text.len()) + skipped, reason, help }
}

fn lower(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}
