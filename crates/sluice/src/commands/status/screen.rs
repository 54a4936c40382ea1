//! The screen of `status` as text and JSON.

use serde_json::{Map, Value, json};

use crate::aws::sqs::Depth;
use crate::time::{format_age, rfc3339};

/// A section of the screen, or why it could not be read.
pub(crate) type Section<T> = Result<T, String>;

pub(crate) struct Screen {
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) queue: Section<Depth>,
    pub(crate) event_dead_letters: Section<Depth>,
    pub(crate) message_dead_letters: Section<Depth>,
    /// Versions in quarantine; `None` if the system has no quarantine.
    pub(crate) quarantined: Option<Section<LimitedCount>>,
    pub(crate) metrics: Section<FunctionMetrics>,
    /// The command that sends dead letters back.
    pub(crate) redrive_command: String,
    pub(crate) hours: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitedCount {
    pub(crate) count: u64,
    /// Whether the limit was reached before all were counted.
    pub(crate) has_more: bool,
}

/// Metrics from CloudWatch; `None` if it has no data, which is not zero.
pub(crate) struct FunctionMetrics {
    pub(crate) oldest_message_s: Option<f64>,
    pub(crate) outcomes: Vec<(&'static str, Option<u64>)>,
    pub(crate) failed: Option<u64>,
}

impl FunctionMetrics {
    /// Whether the function reported any metric.
    fn has_data(&self) -> bool {
        self.failed.is_some() || self.outcomes.iter().any(|(_, count)| count.is_some())
    }

    /// A count without data is zero if the function reported another metric, and unknown otherwise.
    fn count_or_unknown(&self, count: Option<u64>) -> Option<u64> {
        self.has_data().then(|| count.unwrap_or(0))
    }
}

impl Screen {
    /// The number of dead letters; `None` if a queue could not be read.
    pub(crate) fn dead_letters(&self) -> Option<u64> {
        let (events, messages) = (self.event_dead_letters.as_ref().ok()?, self.message_dead_letters.as_ref().ok()?);
        Some(events.total() + messages.total())
    }

    /// The sections that could not be read, with the cause.
    pub(crate) fn unread(&self) -> Vec<(&'static str, &str)> {
        let quarantined = self.quarantined.as_ref().and_then(|q| q.as_ref().err());
        let sections = [
            ("queue", self.queue.as_ref().err()),
            ("event dead letters", self.event_dead_letters.as_ref().err()),
            ("message dead letters", self.message_dead_letters.as_ref().err()),
            ("quarantine", quarantined),
            ("metrics", self.metrics.as_ref().err()),
        ];
        sections.into_iter().filter_map(|(what, why)| Some((what, why?.as_str()))).collect()
    }

    pub(crate) fn text(&self, title: &str) -> String {
        let oldest_s = self.metrics.as_ref().ok().and_then(|m| m.oldest_message_s);
        let oldest = oldest_s.map_or("unknown".to_owned(), |s| format_age(s as i64));
        let queue = match &self.queue {
            Ok(depth) => format!("{} waiting, {} in flight", depth.waiting, depth.in_flight),
            Err(_) => "not read".to_owned(),
        };
        let count = |depth: &Section<Depth>| match depth {
            Ok(depth) => depth.total().to_string(),
            Err(_) => "unknown".to_owned(),
        };
        let known = |depth: &Section<Depth>| depth.as_ref().map_or(0, |d| d.total());
        let any_dead_letters = known(&self.event_dead_letters) + known(&self.message_dead_letters) > 0;
        let mut lines = vec![
            format!("{title} at {}", rfc3339(self.at)),
            format!("  queue          {queue}, oldest {oldest}"),
            format!(
                "  dead letters   {} events, {} messages{}",
                count(&self.event_dead_letters),
                count(&self.message_dead_letters),
                hint(any_dead_letters, &self.redrive_command)
            ),
        ];
        lines.extend(self.quarantined.as_ref().map(|counted| match counted {
            Ok(LimitedCount { count, has_more }) => format!(
                "  quarantine     {}{count} versions{}",
                if *has_more { "more than " } else { "" },
                hint(*count > 0, "sluice quarantine list")
            ),
            Err(_) => "  quarantine     not read".to_owned(),
        }));
        lines.extend(self.metric_lines());
        lines.extend(self.unread().into_iter().map(|(what, why)| format!("  not read: {what}: {why}")));
        lines.join("\n")
    }

    fn metric_lines(&self) -> Vec<String> {
        let hours = self.hours;
        let Ok(metrics) = &self.metrics else {
            return vec![format!("  last {hours} h     not read")];
        };
        if !metrics.has_data() {
            return vec![format!(
                "  last {hours} h      no metrics: the function has not run, or CloudWatch does not have them yet"
            )];
        }
        let mut lines = vec![format!("  last {hours} h")];
        let failed = [("failed", metrics.failed)];
        let counts = metrics.outcomes.iter().chain(&failed);
        lines.extend(counts.map(|(name, count)| format!("    {name:<12} {}", count.unwrap_or(0))));
        lines
    }

    pub(crate) fn json(&self) -> Value {
        let metrics = self.metrics.as_ref().ok();
        let count = |count| metrics.and_then(|m| m.count_or_unknown(count));
        let named = metrics.map(|m| m.outcomes.as_slice()).unwrap_or_default();
        let outcomes: Map<String, Value> =
            named.iter().map(|(name, sum)| ((*name).to_owned(), json!(count(*sum)))).collect();
        let depth = |depth: &Section<Depth>| depth.as_ref().ok().map(|d| d.total());
        let queue = self.queue.as_ref().ok();
        let counted = self.quarantined.as_ref().and_then(|q| q.as_ref().ok());
        let unread: Vec<Value> =
            self.unread().into_iter().map(|(what, why)| json!({"what": what, "why": why})).collect();
        json!({
            "at": rfc3339(self.at),
            "queue": {
                "waiting": queue.map(|q| q.waiting), "taken": queue.map(|q| q.in_flight),
                "oldest_s": metrics.and_then(|m| m.oldest_message_s),
            },
            "dead_letters": {"events": depth(&self.event_dead_letters), "messages": depth(&self.message_dead_letters)},
            "quarantined": counted.map(|c| c.count),
            "quarantined_more": counted.is_some_and(|c| c.has_more),
            "hours": self.hours,
            "metrics": metrics.is_some_and(FunctionMetrics::has_data),
            "ends": outcomes,
            "failed": count(metrics.and_then(|m| m.failed)),
            "not_read": unread,
        })
    }
}

fn hint(show: bool, command: &str) -> String {
    if show { format!("   ({command})") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Depth = Depth { waiting: 0, in_flight: 0 };

    fn quiet() -> Screen {
        Screen {
            at: 0,
            queue: Ok(NONE),
            event_dead_letters: Ok(NONE),
            message_dead_letters: Ok(NONE),
            quarantined: Some(Ok(LimitedCount { count: 0, has_more: false })),
            metrics: Ok(FunctionMetrics {
                oldest_message_s: None,
                outcomes: vec![("stored", Some(3)), ("invalid", None)],
                failed: None,
            }),
            redrive_command: "sluice redrive".into(),
            hours: 24,
        }
    }

    #[test]
    fn the_screen_names_the_command_to_run() {
        let text = quiet().text("f");
        assert!(
            text.contains("oldest unknown")
                && text.contains("stored       3")
                && text.contains("invalid      0")
                && !text.contains("redrive"),
            "{text}"
        );
        let mut busy = quiet();
        busy.message_dead_letters = Ok(Depth { waiting: 1, in_flight: 1 });
        busy.quarantined = Some(Ok(LimitedCount { count: 2, has_more: false }));
        busy.metrics = busy.metrics.map(|m| FunctionMetrics { oldest_message_s: Some(200.0), ..m });
        let text = busy.text("f");
        assert!(text.contains("2 messages   (sluice redrive)") && text.contains("oldest 3 min"), "{text}");
        assert!(text.contains("2 versions   (sluice quarantine list)"), "{text}");
        assert_eq!(busy.dead_letters(), Some(2));
    }

    #[test]
    fn missing_metrics_are_not_zero() {
        let mut screen = quiet();
        screen.metrics = Ok(FunctionMetrics { oldest_message_s: None, outcomes: vec![("stored", None)], failed: None });
        let (text, json) = (screen.text("f"), screen.json());
        assert!(text.contains("no metrics") && !text.contains("stored"), "{text}");
        assert_eq!(json["ends"]["stored"], Value::Null);
        assert_eq!(json["metrics"], json!(false));
    }

    #[test]
    fn an_unreadable_section_does_not_hide_the_others() {
        let mut screen = quiet();
        screen.event_dead_letters = Err("AccessDenied".into());
        let text = screen.text("f");
        assert!(text.contains("unknown events, 0 messages"), "{text}");
        assert!(text.contains("not read: event dead letters: AccessDenied") && text.contains("stored       3"));
        assert_eq!(screen.dead_letters(), None);
        assert_eq!(screen.json()["dead_letters"]["events"], Value::Null);
    }

    #[test]
    fn text_and_json_of_the_screen() {
        crate::report::testing::assert_printed("status", |report| {
            let mut screen = quiet();
            report.line(screen.text("f in r"), &screen.json());
            screen.message_dead_letters = Ok(Depth { waiting: 1, in_flight: 1 });
            screen.quarantined = Some(Ok(LimitedCount { count: 20_000, has_more: true }));
            screen.metrics = screen.metrics.map(|m| FunctionMetrics { oldest_message_s: Some(200.0), ..m });
            report.line(screen.text("f in r"), &screen.json());
            screen.queue = Err("why".into());
            screen.event_dead_letters = Err("why".into());
            screen.quarantined = Some(Err("why".into()));
            screen.metrics = Err("why".into());
            report.line(screen.text("f in r"), &screen.json());
            screen.quarantined = None;
            screen.metrics =
                Ok(FunctionMetrics { oldest_message_s: None, outcomes: vec![("stored", None)], failed: None });
            report.line(screen.text("f in r"), &screen.json());
        });
    }
}
