//! Values that are one of several candidates, because the condition that selects between them is unknown.
//!
//! Such a value is [`Data::Unknown`]; its candidates are the values it can have. An *alternative* of a value is the
//! value with one candidate selected everywhere in it. All selections advance together: a value has as many
//! alternatives as its widest selection has candidates, not the product of all selections.
use crate::source::Span;
use crate::text::TextBuilder;
use crate::value::{Data, Member, PLACEHOLDER, Text, Unknown, Value};

/// Alternatives of one value; a value with more candidates has none.
const MAX_ALTERNATIVES: usize = 8;

impl Value {
    /// One of several values; `source` is the expression that selects it.
    ///
    /// The result has no candidates if all of them are unknown, or if they are more than 8.
    pub fn one_of(values: Vec<Value>, source: String, span: Span) -> Value {
        let flat: Vec<Value> = values
            .into_iter()
            .flat_map(|v| if v.candidates().is_empty() { vec![v] } else { v.candidates().to_vec() })
            .collect();
        let candidates =
            if flat.len() > MAX_ALTERNATIVES || flat.iter().all(Value::is_unknown) { Vec::new() } else { flat };
        Value::unknown(Unknown { source, reference: None, candidates }, span)
    }

    /// The values it can have; empty if it is known, and if nothing is known about it.
    #[inline]
    pub fn candidates(&self) -> &[Value] {
        match &self.data {
            Data::Unknown(unknown) => &unknown.candidates,
            _ => &[],
        }
    }

    /// The number of its alternatives: 1 if nothing in it has candidates.
    pub fn alternatives(&self) -> usize {
        let alternatives = match &self.data {
            Data::Unknown(unknown) => unknown.alternatives(),
            Data::String(text) => text.unknowns().iter().map(Unknown::alternatives).max().unwrap_or(1),
            Data::Array(elements) => elements.iter().map(Value::alternatives).max().unwrap_or(1),
            Data::Object(members) => members.iter().map(|m| m.value.alternatives()).max().unwrap_or(1),
            Data::Encoded(inner) => inner.alternatives(),
            Data::Null | Data::Bool(_) | Data::Number(_) => 1,
        };
        alternatives.min(MAX_ALTERNATIVES)
    }

    /// The alternative of a number; a number beyond the last one starts again at the first.
    pub fn alternative(&self, number: usize) -> Value {
        let data = match &self.data {
            Data::Unknown(unknown) => match unknown.alternative(number) {
                Some(candidate) => return candidate,
                None => self.data.clone(),
            },
            Data::String(text) if text.unknowns().iter().any(|h| !h.candidates.is_empty()) => {
                Data::String(alternative_of_text(text, number))
            }
            Data::Array(elements) => Data::Array(elements.iter().map(|e| e.alternative(number)).collect()),
            Data::Object(members) => {
                let member = |m: &Member| Member { value: m.value.alternative(number), ..m.clone() };
                Data::Object(members.iter().map(member).collect())
            }
            Data::Encoded(inner) => Data::Encoded(Box::new(inner.alternative(number))),
            other => other.clone(),
        };
        Value::new(data, self.span)
    }

    /// The result of a function; of each alternative, if the value has several.
    pub fn map_alternatives(&self, source: &str, function: impl Fn(&Value) -> Value) -> Value {
        match self.alternatives() {
            1 => function(self),
            alternatives => {
                let values = (0..alternatives).map(|number| function(&self.alternative(number))).collect();
                Value::one_of(values, source.to_owned(), self.span)
            }
        }
    }

    /// Adds the expressions that select between candidates in it, with their spans.
    pub fn collect_branch_points(&self, found: &mut Vec<(Span, String)>) {
        let mut add = |unknown: &Unknown| {
            if !unknown.candidates.is_empty() {
                found.push((self.span, unknown.source.clone()));
                unknown.candidates.iter().for_each(|c| c.collect_branch_points(found));
            }
        };
        match &self.data {
            Data::Unknown(unknown) => add(unknown),
            Data::String(text) => text.unknowns().iter().for_each(add),
            Data::Array(elements) => elements.iter().for_each(|e| e.collect_branch_points(found)),
            Data::Object(members) => members.iter().for_each(|m| m.value.collect_branch_points(found)),
            Data::Encoded(inner) => inner.collect_branch_points(found),
            Data::Null | Data::Bool(_) | Data::Number(_) => {}
        }
    }
}

impl Unknown {
    fn alternatives(&self) -> usize {
        self.candidates.iter().map(Value::alternatives).sum::<usize>().max(1)
    }

    fn alternative(&self, number: usize) -> Option<Value> {
        let mut left = number % self.alternatives();
        for candidate in &self.candidates {
            let alternatives = candidate.alternatives();
            if left < alternatives {
                return Some(candidate.alternative(left));
            }
            left -= alternatives;
        }
        None
    }
}

fn alternative_of_text(text: &Text, number: usize) -> Text {
    let mut chosen = TextBuilder::default();
    let mut unknowns = text.unknowns().iter();
    let mut rest = text.raw();
    while let Some((before, after)) = rest.split_once(PLACEHOLDER) {
        chosen.put(before, Span::default());
        if let Some(unknown) = unknowns.next() {
            let part = unknown.alternative(number).and_then(|v| plain(&v));
            let open = || Text::unknown(Unknown { candidates: Vec::new(), ..unknown.clone() });
            chosen.push(&part.unwrap_or_else(open), Span::default());
        }
        rest = after;
    }
    chosen.put(rest, Span::default());
    chosen.finish_without_origin()
}

fn plain(value: &Value) -> Option<Text> {
    match &value.data {
        Data::String(text) => Some(text.clone()),
        Data::Number(n) => Some(Text::known(n.clone())),
        Data::Bool(b) => Some(Text::known(b.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Value {
        Value::new(Data::String(Text::known(t)), Span::default())
    }

    fn list(values: Vec<Value>) -> Value {
        Value::list(values, Span::default())
    }

    fn candidate(values: Vec<Value>) -> Value {
        Value::one_of(values, String::from("x"), Span::default())
    }

    fn shown(value: &Value) -> String {
        match &value.data {
            Data::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(","),
            Data::String(text) => text.to_string(),
            _ => String::from("?"),
        }
    }

    #[test]
    fn every_branch_is_one_way_and_choices_go_together() {
        let inner = candidate(vec![text("b"), text("c")]);
        let value = list(vec![candidate(vec![text("a"), list(vec![inner])]), candidate(vec![text("x"), text("y")])]);
        assert_eq!(value.alternatives(), 3);
        let alternatives: Vec<String> = (0..3).map(|n| shown(&value.alternative(n))).collect();
        assert_eq!(alternatives, ["a,x", "b,y", "c,x"]);
    }

    #[test]
    fn a_choice_in_a_text_is_one_part_of_it() {
        let Data::Unknown(unknown) = candidate(vec![text("raw"), text("gold")]).data else { panic!("it is open") };
        let mut whole = TextBuilder::default();
        whole.put("arn:", Span::default());
        whole.push(&Text::unknown(*unknown), Span::default());
        whole.put("/*", Span::default());
        let value = Value::new(Data::String(whole.finish()), Span::default());
        assert_eq!((0..2).map(|n| shown(&value.alternative(n))).collect::<Vec<_>>(), ["arn:raw/*", "arn:gold/*"]);
    }

    #[test]
    fn too_many_ways_are_no_ways() {
        let wide = candidate((0..9).map(|n| text(&n.to_string())).collect());
        assert!(wide.is_unknown() && wide.candidates().is_empty() && wide.alternatives() == 1);
    }
}
