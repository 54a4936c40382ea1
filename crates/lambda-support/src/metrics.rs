//! CloudWatch metrics as embedded metric format: one JSON line on standard output a batch.
//!
//! Namespace `Sluice`, one dimension `Function`. Anything of high cardinality belongs in a log line, not here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// EMF allows 100 values for one metric in one line.
const VALUES_PER_LINE: usize = 100;

/// A metric's unit, by CloudWatch's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Events.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// What one batch measured. Counts and bytes add up; times keep every value.
#[derive(Debug, Default)]
pub struct Metrics(BTreeMap<&'static str, (&'static str, Vec<u64>)>);

impl Metrics {
    /// Adds a measurement.
    pub fn add(&mut self, name: &'static str, unit: Unit, value: u64) {
        let (_, values) = self.0.entry(name).or_insert_with(|| (unit.name(), Vec::new()));
        let adds_up = matches!(unit, Unit::Count | Unit::Bytes);
        if adds_up && let Some(sum) = values.first_mut() {
            *sum = sum.saturating_add(value);
        } else if values.len() < VALUES_PER_LINE {
            values.push(value);
        }
    }

    /// Counts one event.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, Unit::Count, 1);
    }

    /// Writes the line, if anything was measured.
    pub fn flush(&self, function: &str, now_ms: u64) {
        if !self.0.is_empty() {
            crate::log::emit(&self.render(function, now_ms).to_string());
        }
    }

    fn render(&self, function: &str, now_ms: u64) -> Value {
        let definitions: Vec<Value> =
            self.0.iter().map(|(name, (unit, _))| json!({"Name": name, "Unit": unit})).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": now_ms,
                "CloudWatchMetrics": [{"Namespace": "Sluice", "Dimensions": [["Function"]], "Metrics": definitions}],
            },
            "Function": function,
        });
        for (name, (_, values)) in &self.0 {
            line[*name] = match values.as_slice() {
                [one] => json!(one),
                many => json!(many),
            };
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_times_are_kept() {
        let mut metrics = Metrics::default();
        metrics.count("Received");
        metrics.count("Received");
        metrics.add("Age", Unit::Milliseconds, 40);
        metrics.add("Age", Unit::Milliseconds, 7);
        let line = metrics.render("sluice-dev-ingest", 1_700_000_000_000);
        assert_eq!(line["Received"], json!(2));
        assert_eq!(line["Age"], json!([40, 7]));
        assert_eq!(line["Function"], json!("sluice-dev-ingest"));
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Namespace"], json!("Sluice"));
        assert_eq!(declared["Dimensions"], json!([["Function"]]));
        assert_eq!(
            declared["Metrics"],
            json!([{"Name": "Age", "Unit": "Milliseconds"}, {"Name": "Received", "Unit": "Count"}])
        );
    }

    #[test]
    fn no_more_values_than_the_format_allows() {
        let mut metrics = Metrics::default();
        (0..1000).for_each(|n| metrics.add("Age", Unit::Milliseconds, n));
        assert_eq!(metrics.render("f", 0)["Age"].as_array().unwrap().len(), 100);
    }
}
