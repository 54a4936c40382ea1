//! Values that are one of several, because the test that chooses between them is not known.
//!
//! Such a value is unknown to everybody who does not ask; its ways are what it can be. Two choices in one value go
//! the same way together, so that there are as many ways as the widest choice has, not their product.
use crate::pattern::HOLE;
use crate::source::Span;
use crate::value::{Data, Hole, Member, Pieces, Text, Value};

/// Most ways of one value; beyond, nothing is known of it.
const MOST: usize = 8;

impl Value {
    /// One of several values, `source` being the expression that chooses.
    pub fn one_of(values: Vec<Value>, source: String, span: Span) -> Value {
        let flat: Vec<Value> = values
            .into_iter()
            .flat_map(|v| if v.choices().is_empty() { vec![v] } else { v.choices().to_vec() })
            .collect();
        let choices = if flat.len() > MOST || flat.iter().all(Value::is_unknown) { Vec::new() } else { flat };
        Value::unknown(Hole { source, reference: None, choices }, span)
    }

    /// What it can be; empty where it is known, and where nothing is known of it.
    pub fn choices(&self) -> &[Value] {
        match &self.data {
            Data::Unknown(hole) => &hole.choices,
            _ => &[],
        }
    }

    /// In how many ways it can be read: one where nothing in it is a choice.
    pub fn ways(&self) -> usize {
        let ways = match &self.data {
            Data::Unknown(hole) => hole.ways(),
            Data::String(text) => text.holes().iter().map(Hole::ways).max().unwrap_or(1),
            Data::Array(elements) => elements.iter().map(Value::ways).max().unwrap_or(1),
            Data::Object(members) => members.iter().map(|m| m.value.ways()).max().unwrap_or(1),
            Data::Encoded(inner) => inner.ways(),
            Data::Null | Data::Bool(_) | Data::Number(_) => 1,
        };
        ways.min(MOST)
    }

    /// The value read in one way; a way beyond its own is one of its own.
    pub fn way(&self, number: usize) -> Value {
        let data = match &self.data {
            Data::Unknown(hole) => match hole.way(number) {
                Some(choice) => return choice,
                None => self.data.clone(),
            },
            Data::String(text) if text.holes().iter().any(|h| !h.choices.is_empty()) => {
                Data::String(way_of_text(text, number))
            }
            Data::Array(elements) => Data::Array(elements.iter().map(|e| e.way(number)).collect()),
            Data::Object(members) => {
                let member = |m: &Member| Member { value: m.value.way(number), ..m.clone() };
                Data::Object(members.iter().map(member).collect())
            }
            Data::Encoded(inner) => Data::Encoded(Box::new(inner.way(number))),
            other => other.clone(),
        };
        Value::new(data, self.span)
    }

    /// What a function makes of the value: of every way, where it has several.
    pub fn each_way(&self, source: &str, function: impl Fn(&Value) -> Value) -> Value {
        match self.ways() {
            1 => function(self),
            ways => {
                let values = (0..ways).map(|number| function(&self.way(number))).collect();
                Value::one_of(values, source.to_owned(), self.span)
            }
        }
    }

    /// The choices in it: the expressions that choose, and where.
    pub fn open_choices(&self, found: &mut Vec<(Span, String)>) {
        let mut add = |hole: &Hole| {
            if !hole.choices.is_empty() {
                found.push((self.span, hole.source.clone()));
                hole.choices.iter().for_each(|c| c.open_choices(found));
            }
        };
        match &self.data {
            Data::Unknown(hole) => add(hole),
            Data::String(text) => text.holes().iter().for_each(add),
            Data::Array(elements) => elements.iter().for_each(|e| e.open_choices(found)),
            Data::Object(members) => members.iter().for_each(|m| m.value.open_choices(found)),
            Data::Encoded(inner) => inner.open_choices(found),
            Data::Null | Data::Bool(_) | Data::Number(_) => {}
        }
    }
}

impl Hole {
    fn ways(&self) -> usize {
        self.choices.iter().map(Value::ways).sum::<usize>().max(1)
    }

    fn way(&self, number: usize) -> Option<Value> {
        let mut left = number % self.ways();
        for choice in &self.choices {
            let ways = choice.ways();
            if left < ways {
                return Some(choice.way(left));
            }
            left -= ways;
        }
        None
    }
}

fn way_of_text(text: &Text, number: usize) -> Text {
    let mut chosen = Pieces::default();
    let mut holes = text.holes().iter();
    let mut rest = text.raw();
    while let Some((before, after)) = rest.split_once(HOLE) {
        chosen.put(before, Span::default());
        if let Some(hole) = holes.next() {
            let part = hole.way(number).and_then(|v| plain(&v));
            let open = || Text::unknown(Hole { choices: Vec::new(), ..hole.clone() });
            chosen.push(&part.unwrap_or_else(open), Span::default());
        }
        rest = after;
    }
    chosen.put(rest, Span::default());
    chosen.placeless()
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

    fn choice(values: Vec<Value>) -> Value {
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
        let inner = choice(vec![text("b"), text("c")]);
        let value = list(vec![choice(vec![text("a"), list(vec![inner])]), choice(vec![text("x"), text("y")])]);
        assert_eq!(value.ways(), 3);
        let ways: Vec<String> = (0..3).map(|n| shown(&value.way(n))).collect();
        assert_eq!(ways, ["a,x", "b,y", "c,x"]);
    }

    #[test]
    fn a_choice_in_a_text_is_one_part_of_it() {
        let Data::Unknown(hole) = choice(vec![text("raw"), text("gold")]).data else { panic!("it is open") };
        let mut whole = Pieces::default();
        whole.put("arn:", Span::default());
        whole.push(&Text::unknown(*hole), Span::default());
        whole.put("/*", Span::default());
        let value = Value::new(Data::String(whole.text()), Span::default());
        assert_eq!((0..2).map(|n| shown(&value.way(n))).collect::<Vec<_>>(), ["arn:raw/*", "arn:gold/*"]);
    }

    #[test]
    fn too_many_ways_are_no_ways() {
        let wide = choice((0..9).map(|n| text(&n.to_string())).collect());
        assert!(wide.is_unknown() && wide.choices().is_empty() && wide.ways() == 1);
    }
}
