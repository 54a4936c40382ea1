//! IAM patterns, in which `*` matches any run of characters and `?` one character, and how two patterns relate.

use source_text::PLACEHOLDER;

/// Whether a text has an IAM wildcard.
#[inline]
pub fn has_wildcard(text: &str) -> bool {
    text.bytes().any(|b| b == b'*' || b == b'?')
}

/// Whether a pattern matches a text.
#[inline]
pub fn matches(pattern: &str, text: &str) -> bool {
    glob(pattern, text, |p, t| p == t)
}

/// As [`matches`], in any ASCII case; `pattern` is already lower case.
#[inline]
pub fn matches_folded(pattern: &str, text: &str) -> bool {
    glob(pattern, text, |p, t| p == t.to_ascii_lowercase())
}

/// As [`matches`], in any ASCII case.
#[inline]
pub fn matches_any_case(pattern: &str, text: &str) -> bool {
    glob(pattern, text, |p, t| p.eq_ignore_ascii_case(&t))
}

/// Whether a pattern of actions matches the action `service:Name`, in any ASCII case.
#[inline]
pub fn matches_action(pattern: &str, action: &str) -> bool {
    pattern == "*" || matches_any_case(pattern, action)
}

fn glob(pattern: &str, text: &str, same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += char_length(text, t);
            }
            Some(&c) if same(c, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

fn char_length(text: &[u8], at: usize) -> usize {
    1 + text[at + 1..].iter().take_while(|&&b| b & 0xC0 == 0x80).count()
}

/// Whether `wide` matches every text that `narrow` matches.
///
/// Never true by mistake: an unknown part is covered by `*` only.
#[inline]
pub fn covers(wide: &str, narrow: &str) -> bool {
    // Two unknown parts can have different values.
    if wide == narrow && !wide.contains(PLACEHOLDER) {
        return true;
    }
    includes(wide.as_bytes(), narrow.as_bytes(), |w, n| w == n)
}

/// As [`covers`], in any ASCII case.
#[inline]
pub fn covers_any_case(wide: &str, narrow: &str) -> bool {
    let first = |text: &str| text.bytes().next().map(|b| b.to_ascii_lowercase());
    let may = wide.starts_with(['*', '?']) || first(wide) == first(narrow);
    may && if wide.eq_ignore_ascii_case(narrow) {
        !wide.contains(PLACEHOLDER)
    } else {
        includes(wide.as_bytes(), narrow.as_bytes(), |w, n| w.eq_ignore_ascii_case(&n))
    }
}

fn includes(wide: &[u8], narrow: &[u8], same: impl Fn(u8, u8) -> bool) -> bool {
    let fits = |w: u8, n: u8| same(w, n) && n != b'*';
    let (mut w, mut n) = (0, 0);
    let mut retry = None;
    while n < narrow.len() {
        match wide.get(w) {
            Some(b'*') => {
                retry = Some((w, n));
                w += 1;
            }
            Some(b'?') if narrow[n] != b'*' && !starts_placeholder(narrow, n) => {
                w += 1;
                n += char_length(narrow, n);
            }
            Some(&c) if fits(c, narrow[n]) && !starts_placeholder(narrow, n) => {
                w += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    w = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    wide[w..].iter().all(|&b| b == b'*')
}

/// [`PLACEHOLDER`] in UTF-8.
const PLACEHOLDER_BYTES: [u8; 3] = [0xEE, 0x80, 0x80];

fn starts_placeholder(text: &[u8], at: usize) -> bool {
    text[at] == PLACEHOLDER_BYTES[0] && text[at..].starts_with(&PLACEHOLDER_BYTES)
}

/// Whether some text matches both patterns; an unknown part can be any text.
pub fn overlaps(a: &str, b: &str) -> bool {
    let (a, b) = match ends(a.as_bytes(), b.as_bytes()) {
        Ends::Apart => return false,
        Ends::Open(from, length) => (&a[from..a.len() - length], &b[from..b.len() - length]),
    };
    if a == "*" || b == "*" || a == b {
        return true;
    }
    if !has_open(a) && !has_open(b) {
        return false;
    }
    if a.is_ascii() && b.is_ascii() {
        return meet(a.as_bytes(), b.as_bytes(), |c| c == b'*', |c| c == b'?');
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    meet(&a, &b, |c| c == '*' || c == PLACEHOLDER, |c| c == '?')
}

fn is_open(byte: u8) -> bool {
    matches!(byte, b'*' | b'?') || byte == PLACEHOLDER_BYTES[0]
}

fn has_open(text: &str) -> bool {
    text.bytes().any(is_open)
}

/// How the characters before the first wildcard of either pattern and behind the last one compare.
enum Ends {
    /// They differ.
    Apart,
    /// They are equal: the number of bytes at the start and at the end.
    Open(usize, usize),
}

fn ends(a: &[u8], b: &[u8]) -> Ends {
    // Only the first byte of a longer character shows that it is a placeholder, so only ASCII is compared.
    let closed = |byte: u8| byte.is_ascii() && !is_open(byte);
    let length = a.len().min(b.len());
    let from = (0..length).find(|&i| a[i] != b[i] || !closed(a[i])).unwrap_or(length);
    if from < length && closed(a[from]) && closed(b[from]) {
        return Ends::Apart;
    }
    let (a, b) = (&a[from..], &b[from..]);
    let length = a.len().min(b.len());
    let last = |text: &[u8], i: usize| text[text.len() - 1 - i];
    let back = (0..length).find(|&i| last(a, i) != last(b, i) || !closed(last(a, i))).unwrap_or(length);
    if back < length && closed(last(a, back)) && closed(last(b, back)) {
        return Ends::Apart;
    }
    Ends::Open(from, back)
}

/// The general case, in time proportional to the product of the lengths.
fn meet<T: Copy + PartialEq>(a: &[T], b: &[T], is_many: impl Fn(T) -> bool, is_one: impl Fn(T) -> bool) -> bool {
    // row[j]: some text is matched by both a[..i] and b[..j].
    let mut row = vec![true];
    row.extend(b.iter().scan(true, |all, &c| {
        *all &= is_many(c);
        Some(*all)
    }));
    let mut next = vec![false; row.len()];
    for &left in a {
        next[0] = row[0] && is_many(left);
        for (j, &right) in b.iter().enumerate() {
            next[j + 1] = if is_many(left) || is_many(right) {
                row[j + 1] || next[j]
            } else {
                row[j] && (left == right || is_one(left) || is_one(right))
            };
        }
        std::mem::swap(&mut row, &mut next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_iam_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxb", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn covering_is_inclusion_of_languages() {
        for (wide, narrow, expected) in [
            ("s3:*", "s3:Get*", true),
            ("s3:Get*", "s3:*", false),
            ("a?", "a*", false),
            ("a*", "a?", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/*", true),
            ("*", "\u{E000}", true),
            ("?", "\u{E000}", false),
            ("x*", "x\u{E000}", true),
            ("x\u{E000}", "x\u{E000}", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn overlap_is_symmetric_and_finds_common_texts() {
        for (a, b, expected) in [
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("abc", "a?c", true),
            ("a*c", "abd", false),
            ("bucket", "bucket/*", false),
            ("*", "", true),
            ("bucket*", "bucket/*", true),
            ("ab", "b", false),
            ("a", "ab", false),
            ("a*a", "a", false),
            ("xaxb", "xa*axb", false),
            ("table/*", "table/ü?", true),
            ("table/ü", "table/?", true),
            ("a\u{E000}b", "ab", true),
            ("aü", "a\u{E000}", true),
            ("aüb", "aöb", false),
        ] {
            assert_eq!(overlaps(a, b), expected, "{a} {b}");
            assert_eq!(overlaps(b, a), expected, "{b} {a}");
        }
    }
}
