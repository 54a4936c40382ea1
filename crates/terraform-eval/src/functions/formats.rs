//! `format` and `formatlist` with Terraform's verbs. Unknown arguments stay unknown parts of the text.
use source_text::{Data, Span, Text, TextBuilder, Value};

use crate::values::{encode, to_text};

/// One verb of a format, as in `%-3[2]s`.
struct Verb {
    /// The flags as written.
    flags: String,
    width: usize,
    precision: Option<usize>,
    /// The number of the argument, from 1.
    argument: Option<usize>,
    letter: char,
}

/// Parses a verb; `text` begins behind its `%`. Returns the rest of the text too.
fn verb(text: &str) -> Option<(Verb, &str)> {
    fn digits(text: &str) -> (&str, &str) {
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
    }
    let (flags, rest) = text.split_at(text.find(|c| !"-+# 0".contains(c))?);
    let (width, rest) = digits(rest);
    let (precision, rest) = rest.strip_prefix('.').map_or((None, rest), |r| {
        let (digits, rest) = digits(r);
        (Some(digits.parse().unwrap_or(0)), rest)
    });
    let (argument, rest) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (number, rest) = rest.split_once(']')?;
            (Some(number.parse().ok()?), rest)
        }
        None => (None, rest),
    };
    let letter = rest.chars().next()?;
    let width = width.parse().unwrap_or(0).min(1024);
    Some((Verb { flags: flags.to_owned(), width, precision, argument, letter }, &rest[letter.len_utf8()..]))
}

impl Verb {
    fn written(&self, value: &Value) -> Option<Text> {
        if matches!(value.data, Data::Unknown(_)) {
            return to_text(value);
        }
        let number = || to_text(value)?.as_known()?.parse::<f64>().ok();
        let text = match self.letter {
            'v' if self.flags.contains('#') => encode(value),
            'v' => to_text(value).unwrap_or_else(|| encode(value)),
            's' => to_text(value)?,
            't' => to_text(value).filter(|t| matches!(t.as_known(), Some("true" | "false")))?,
            'q' => encode(&Value::new(Data::String(to_text(value)?), value.span)),
            'd' => Text::known(format!("{:.0}", number().filter(|n| n.fract() == 0.0)?)),
            'f' => Text::known(format!("{:.1$}", number()?, self.precision.unwrap_or(6))),
            'x' => Text::known(format!("{:x}", number().filter(|n| n.fract() == 0.0 && *n >= 0.0)? as u64)),
            _ => return None,
        };
        Some(self.padded(text))
    }

    fn padded(&self, text: Text) -> Text {
        let Some(known) = text.as_known().filter(|t| t.chars().count() < self.width) else { return text };
        let fill = self.width - known.chars().count();
        Text::known(match (self.flags.contains('-'), self.flags.contains('0')) {
            (true, _) => format!("{known}{}", " ".repeat(fill)),
            (false, true) => format!("{}{known}", "0".repeat(fill)),
            (false, false) => format!("{}{known}", " ".repeat(fill)),
        })
    }
}

/// `format`; `None` if a verb is not valid or does not fit its argument.
pub(crate) fn format(format: &str, arguments: &[Value], span: Span) -> Option<Text> {
    let mut out = TextBuilder::default();
    let mut next = 0;
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.put(before, span);
        if let Some(after) = after.strip_prefix('%') {
            out.put("%", span);
            rest = after;
            continue;
        }
        let (verb, after) = verb(after)?;
        rest = after;
        let at = verb.argument.map_or(Some(next), |n| n.checked_sub(1))?;
        next = at + 1;
        let argument = arguments.get(at)?;
        out.push(&verb.written(argument)?, argument.span);
    }
    out.put(rest, span);
    Some(out.finish())
}

/// `formatlist`: one text per row of the lists.
pub(crate) fn format_list(pattern: &str, arguments: &[Value], span: Span) -> Option<Value> {
    let lengths = arguments.iter().filter(|a| matches!(a.data, Data::Array(_))).map(|a| a.elements().len());
    let length = lengths.max().unwrap_or(1);
    let row = |i: usize| {
        let at =
            |a: &Value| if matches!(a.data, Data::Array(_)) { a.elements().get(i).cloned() } else { Some(a.clone()) };
        let row = arguments.iter().map(at).collect::<Option<Vec<_>>>()?;
        let location = row.first().map_or(span, |v| v.span);
        Some(Value::new(Data::String(format(pattern, &row, span)?), location))
    };
    Some(Value::list((0..length).map(row).collect::<Option<Vec<_>>>()?, span))
}
