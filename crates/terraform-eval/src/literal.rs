//! The origin of every byte of a literal: escapes and removed indentation make it differ from its source.
use source_text::{Segment, Span, Text};

/// The text of a quoted literal with its origin; `raw` is its source with the quotes.
pub fn unquote(literal: &str, raw: &str, span: Span) -> Text {
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    let inner_span = Span { start: span.start + 1, end: span.end.saturating_sub(1), ..span };
    Text::with_origin(literal.to_owned(), Vec::new(), segments(literal, inner, inner_span, true))
}

pub(crate) fn segments(literal: &str, raw: &str, span: Span, quoted: bool) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let (mut d, mut r) = (0, 0);
    let location = |from: usize, to: usize| Span::new(span.file, span.start as usize + from, span.start as usize + to);
    while d < literal.len() {
        let (rest, source) = (&literal[d..], &raw[r.min(raw.len())..]);
        let Some(wanted) = rest.chars().next() else { break };
        let escape = if quoted { escape_length(source) } else { 0 };
        let doubled = source.starts_with("$${") || source.starts_with("%%{");
        if escape > 0 || doubled {
            let length = escape.max(usize::from(doubled));
            if doubled && escape == 0 {
                r += 1;
                continue_exact(&mut found, d, location(r, r + 1));
                r += 1;
                d += 1;
                continue;
            }
            found.push(Segment { at: clamp(d), span: location(r, r + length), exact: false });
            r += length;
            d += wanted.len_utf8();
        } else if source.starts_with(wanted) {
            continue_exact(&mut found, d, location(r, r + wanted.len_utf8()));
            r += wanted.len_utf8();
            d += wanted.len_utf8();
        } else if source.starts_with([' ', '\t', '\r']) {
            r += 1;
        } else {
            found.push(Segment { at: clamp(d), span, exact: false });
            break;
        }
    }
    found
}

fn clamp(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn continue_exact(found: &mut Vec<Segment>, at: usize, location: Span) {
    match found.last_mut() {
        Some(last) if last.exact && last.span.end == location.start => last.span.end = location.end,
        _ => found.push(Segment { at: clamp(at), span: location, exact: true }),
    }
}

fn escape_length(source: &str) -> usize {
    let bytes = source.as_bytes();
    match (bytes.first(), bytes.get(1)) {
        (Some(b'\\'), Some(b'u')) => 6.min(source.len()),
        (Some(b'\\'), Some(b'U')) => 10.min(source.len()),
        (Some(b'\\'), Some(_)) => 2,
        _ => 0,
    }
}
