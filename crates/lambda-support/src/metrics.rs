//! CloudWatch metrics in the embedded metric format (EMF): one JSON line on standard output for each batch.
//!
//! The namespace is `Sluice`, the only dimension `Function`. Values of high cardinality, such as keys, belong in log
//! lines.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_types::Timestamp;

/// The most values that EMF allows for one metric in one line.
const MAX_VALUES_PER_LINE: usize = 100;

/// The unit of a metric, named as in CloudWatch.
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

/// The metrics of one batch. Counts and bytes are summed; of times every value is kept, up to the limit of EMF.
#[derive(Debug, Default)]
pub struct Metrics(BTreeMap<&'static str, (&'static str, Vec<u64>)>);

impl Metrics {
    /// Adds a measurement.
    pub fn add(&mut self, name: &'static str, unit: Unit, value: u64) {
        let (_, values) = self.0.entry(name).or_insert_with(|| (unit.name(), Vec::new()));
        let is_summed = matches!(unit, Unit::Count | Unit::Bytes);
        if is_summed && let Some(sum) = values.first_mut() {
            *sum = sum.saturating_add(value);
        } else if values.len() < MAX_VALUES_PER_LINE {
            values.push(value);
        }
    }

    /// Counts one event.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, Unit::Count, 1);
    }

    /// Writes the line for the function with this name, if there are any metrics.
    pub fn flush(&self, function: &str, now: Timestamp) {
        if !self.0.is_empty() {
            crate::log::emit(&self.render(function, now).to_string());
        }
    }

    fn render(&self, function: &str, now: Timestamp) -> Value {
        let definitions: Vec<Value> =
            self.0.iter().map(|(name, (unit, _))| json!({"Name": name, "Unit": unit})).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": now.as_millis(),
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
    fn counts_are_summed_and_times_are_kept() {
        let mut metrics = Metrics::default();
        metrics.count("Received");
        metrics.count("Received");
        metrics.add("Age", Unit::Milliseconds, 40);
        metrics.add("Age", Unit::Milliseconds, 7);
        let line = metrics.render("sluice-dev-ingest", Timestamp::from_millis(1_700_000_000_000));
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
    fn a_metric_has_at_most_100_values() {
        let mut metrics = Metrics::default();
        (0..1000).for_each(|n| metrics.add("Age", Unit::Milliseconds, n));
        assert_eq!(metrics.render("f", Timestamp::UNIX_EPOCH)["Age"].as_array().unwrap().len(), 100);
    }
}
