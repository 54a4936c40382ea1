//! Suggestions for misspelled names.

/// The Damerau-Levenshtein distance of two names in any ASCII case; `None` if it is
/// more than `most`.
pub fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let same = |(x, y): &(&u8, &u8)| x.eq_ignore_ascii_case(y);
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let start = a.iter().zip(b).take_while(same).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = before.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let substitute = last[j - 1] + usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            row[j] = substitute.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = |x: u8, y: u8| x.eq_ignore_ascii_case(&y);
            if i > 1 && j > 1 && swapped(a[i - 1], b[j - 2]) && swapped(a[i - 2], b[j - 1]) {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        // A later row is never smaller than the smaller of the two before it.
        if row.iter().chain(&last).all(|&d| d > most) {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    Some(last[b.len()]).filter(|d| *d <= most)
}

/// The candidate closest to a misspelled name, if one is within a quarter of the name's length (1 to 3 edits).
pub fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.len() / 4).clamp(1, 3);
    candidates.filter_map(|c| Some((distance(name, c, most)?, c))).min().map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swapped_letter_is_one_edit() {
        assert_eq!(distance("putobjcet", "PutObject", 3), Some(1));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(closest("GetObjct", ["PutObject", "GetObject"].into_iter()), Some("GetObject"));
        assert_eq!(closest("Nonsense", ["PutObject", "GetObject"].into_iter()), None);
    }
}
