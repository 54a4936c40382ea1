//! The screen: what was read, and what could not be, in both forms.

use serde_json::{Map, Value, json};

use crate::queue::Depth;
use crate::time::{age, rfc3339};

/// A part of the screen, or why it could not be read.
pub type Seen<T> = Result<T, String>;

/// Everything the screen shows.
pub struct Screen {
    pub at: i64,
    pub queue: Seen<Depth>,
    pub events: Seen<Depth>,
    pub messages: Seen<Depth>,
    /// Versions in quarantine; none where the system has no quarantine.
    pub quarantined: Option<Seen<Counted>>,
    pub metrics: Seen<Measured>,
    /// What sends dead letters back.
    pub redrive: String,
    pub hours: i64,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub count: u64,
    /// Whether there are more, which were not counted.
    pub more: bool,
}

/// What CloudWatch has; a count that it has not is not zero.
pub struct Measured {
    pub oldest_s: Option<f64>,
    pub ends: Vec<(&'static str, Option<u64>)>,
    pub failed: Option<u64>,
}

impl Measured {
    /// Whether the function reported anything.
    fn any(&self) -> bool {
        self.failed.is_some() || self.ends.iter().any(|(_, count)| count.is_some())
    }

    /// A count: what the function did not report is zero where it reported something else, and unknown otherwise.
    fn shown(&self, count: Option<u64>) -> Option<u64> {
        self.any().then(|| count.unwrap_or(0))
    }
}

impl Screen {
    /// The dead letters; `None` if a queue could not be read.
    pub fn dead(&self) -> Option<u64> {
        let (events, messages) = (self.events.as_ref().ok()?, self.messages.as_ref().ok()?);
        Some(events.all() + messages.all())
    }

    /// What could not be read, with its reason.
    pub fn unread(&self) -> Vec<(&'static str, &str)> {
        let quarantined = self.quarantined.as_ref().and_then(|q| q.as_ref().err());
        let parts = [
            ("queue", self.queue.as_ref().err()),
            ("event dead letters", self.events.as_ref().err()),
            ("message dead letters", self.messages.as_ref().err()),
            ("quarantine", quarantined),
            ("metrics", self.metrics.as_ref().err()),
        ];
        let parts = parts.into_iter();
        parts.filter_map(|(what, why)| Some((what, why?.as_str()))).collect()
    }

    pub fn text(&self, place: &str) -> String {
        let oldest = self.metrics.as_ref().ok().and_then(|m| m.oldest_s);
        let oldest = oldest.map_or("unknown".to_owned(), |s| age(s as i64));
        let queue = match &self.queue {
            Ok(depth) => format!("{} waiting, {} taken", depth.waiting, depth.taken),
            Err(_) => "not read".to_owned(),
        };
        let letters = |depth: &Seen<Depth>| match depth {
            Ok(depth) => depth.all().to_string(),
            Err(_) => "unknown".to_owned(),
        };
        let known = |depth: &Seen<Depth>| depth.as_ref().map_or(0, |d| d.all());
        let some = known(&self.events) + known(&self.messages) > 0;
        let mut lines = vec![
            format!("{place} at {}", rfc3339(self.at)),
            format!("  queue          {queue}, oldest {oldest}"),
            format!(
                "  dead letters   {} events, {} messages{}",
                letters(&self.events),
                letters(&self.messages),
                hint(some, &self.redrive)
            ),
        ];
        lines.extend(self.quarantined.as_ref().map(|counted| match counted {
            Ok(Counted { count, more }) => format!(
                "  quarantine     {}{count} versions{}",
                if *more { "more than " } else { "" },
                hint(*count > 0, "sluice quarantine list")
            ),
            Err(_) => "  quarantine     not read".to_owned(),
        }));
        lines.extend(self.metric_lines());
        let unread = self.unread().into_iter();
        lines.extend(unread.map(|(what, why)| format!("  not read: {what}: {why}")));
        lines.join("\n")
    }

    fn metric_lines(&self) -> Vec<String> {
        let hours = self.hours;
        let Ok(metrics) = &self.metrics else {
            return vec![format!("  last {hours} h     not read")];
        };
        if !metrics.any() {
            return vec![format!(
                "  last {hours} h      no metrics: the function has not run, or CloudWatch does not have them yet"
            )];
        }
        let mut lines = vec![format!("  last {hours} h")];
        let failed = [("failed", metrics.failed)];
        let counts = metrics.ends.iter().chain(&failed);
        lines.extend(counts.map(|(name, count)| format!("    {name:<12} {}", count.unwrap_or(0))));
        lines
    }

    pub fn json(&self) -> Value {
        let metrics = self.metrics.as_ref().ok();
        let shown = |count| metrics.and_then(|m| m.shown(count));
        let names = metrics.map(|m| m.ends.as_slice()).unwrap_or_default();
        let ends = names.iter();
        let ends: Map<String, Value> = ends.map(|(name, count)| ((*name).to_owned(), json!(shown(*count)))).collect();
        let letters = |depth: &Seen<Depth>| depth.as_ref().ok().map(|d| d.all());
        let queue = self.queue.as_ref().ok();
        let counted = self.quarantined.as_ref().and_then(|q| q.as_ref().ok());
        let unread = self.unread().into_iter();
        let unread: Vec<Value> = unread.map(|(what, why)| json!({"what": what, "why": why})).collect();
        json!({
            "at": rfc3339(self.at),
            "queue": {
                "waiting": queue.map(|q| q.waiting), "taken": queue.map(|q| q.taken),
                "oldest_s": metrics.and_then(|m| m.oldest_s),
            },
            "dead_letters": {"events": letters(&self.events), "messages": letters(&self.messages)},
            "quarantined": counted.map(|c| c.count),
            "quarantined_more": counted.is_some_and(|c| c.more),
            "hours": self.hours,
            "metrics": metrics.is_some_and(Measured::any),
            "ends": ends,
            "failed": shown(metrics.and_then(|m| m.failed)),
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

    const NONE: Depth = Depth { waiting: 0, taken: 0 };

    fn quiet() -> Screen {
        Screen {
            at: 0,
            queue: Ok(NONE),
            events: Ok(NONE),
            messages: Ok(NONE),
            quarantined: Some(Ok(Counted { count: 0, more: false })),
            metrics: Ok(Measured { oldest_s: None, ends: vec![("stored", Some(3)), ("invalid", None)], failed: None }),
            redrive: "sluice redrive".into(),
            hours: 24,
        }
    }

    #[test]
    fn the_screen_says_what_to_do() {
        let text = quiet().text("f");
        assert!(
            text.contains("oldest unknown")
                && text.contains("stored       3")
                && text.contains("invalid      0")
                && !text.contains("redrive"),
            "{text}"
        );
        let mut busy = quiet();
        busy.messages = Ok(Depth { waiting: 1, taken: 1 });
        busy.quarantined = Some(Ok(Counted { count: 2, more: false }));
        busy.metrics = busy.metrics.map(|m| Measured { oldest_s: Some(200.0), ..m });
        let text = busy.text("f");
        assert!(text.contains("2 messages   (sluice redrive)") && text.contains("oldest 3 min"), "{text}");
        assert!(text.contains("2 versions   (sluice quarantine list)"), "{text}");
        assert_eq!(busy.dead(), Some(2));
    }

    #[test]
    fn no_metrics_are_not_zeros() {
        let mut screen = quiet();
        screen.metrics = Ok(Measured { oldest_s: None, ends: vec![("stored", None)], failed: None });
        let (text, json) = (screen.text("f"), screen.json());
        assert!(text.contains("no metrics") && !text.contains("stored"), "{text}");
        assert_eq!(json["ends"]["stored"], Value::Null);
        assert_eq!(json["metrics"], json!(false));
    }

    #[test]
    fn what_cannot_be_read_is_told_and_hides_nothing_else() {
        let mut screen = quiet();
        screen.events = Err("AccessDenied".into());
        let text = screen.text("f");
        assert!(text.contains("unknown events, 0 messages"), "{text}");
        assert!(text.contains("not read: event dead letters: AccessDenied") && text.contains("stored       3"));
        assert_eq!(screen.dead(), None);
        assert_eq!(screen.json()["dead_letters"]["events"], Value::Null);
    }

    #[test]
    fn text_and_json_of_the_screen() {
        crate::report::testing::assert_printed("status", |report| {
            let mut screen = quiet();
            report.line(screen.text("f in r"), &screen.json());
            screen.messages = Ok(Depth { waiting: 1, taken: 1 });
            screen.quarantined = Some(Ok(Counted { count: 20_000, more: true }));
            screen.metrics = screen.metrics.map(|m| Measured { oldest_s: Some(200.0), ..m });
            report.line(screen.text("f in r"), &screen.json());
            screen.queue = Err("why".into());
            screen.events = Err("why".into());
            screen.quarantined = Some(Err("why".into()));
            screen.metrics = Err("why".into());
            report.line(screen.text("f in r"), &screen.json());
            screen.quarantined = None;
            screen.metrics = Ok(Measured { oldest_s: None, ends: vec![("stored", None)], failed: None });
            report.line(screen.text("f in r"), &screen.json());
        });
    }
}
