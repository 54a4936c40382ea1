//! `status`: one screen that says whether somebody has to do something.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use ingest::record::End;
use serde_json::{Map, Value, json};

use crate::aws::{Role, explain, session};
use crate::cli::Shared;
use crate::outputs::{Lane, Outputs, System};
use crate::queue::{Depth, Queues, name};
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::time::{age, now, rfc3339};

/// More keys than this are not counted.
const MAX_COUNTED: u64 = 20_000;
const MINUTE: i64 = 60;

/// Shows queues, dead letters, quarantine and the last ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice status
  sluice status --watch 10

Exit code: 0 nothing to do, 1 there are dead letters.")]
pub struct Status {
    /// Show it again every SECONDS, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
    /// Which system; default: the ingest, if it is on
    #[arg(long, value_enum)]
    system: Option<System>,
    /// Count ends of the last HOURS
    #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(i64).range(1..=336))]
    hours: i64,
}

/// Everything the screen shows.
struct Screen {
    at: i64,
    queue: Depth,
    oldest_s: Option<f64>,
    events: Depth,
    messages: Depth,
    quarantined: Option<u64>,
    /// What sends dead letters back.
    redrive: String,
    ends: Vec<(&'static str, u64)>,
    failed: u64,
    hours: i64,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be read.
pub async fn run(shared: &Shared, args: &Status, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let system = args.system.unwrap_or(outputs.usual());
    let config = session(&outputs, system, shared.role(Role::Operator)).await?;
    loop {
        let screen = look(&config, &outputs, system, args.hours).await?;
        if args.watch.is_some() {
            report.clear();
        }
        let place = format!("{} in {}", outputs.lane(system)?.function, outputs.region);
        report.line(screen.text(&place), &screen.json());
        let Some(seconds) = args.watch else {
            return Ok(Ended::when(screen.dead() == 0));
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

async fn look(
    config: &SdkConfig,
    outputs: &Outputs,
    system: System,
    hours: i64,
) -> anyhow::Result<Screen> {
    let (queues, lane) = (Queues::new(config), outputs.lane(system)?);
    let at = now();
    let (metrics, queue, events, messages, quarantined) = tokio::try_join!(
        measured(config, queries(lane, &ends_of(system), hours)?, at, hours),
        queues.depth(lane.queue_url),
        queues.depth(lane.events_url),
        queues.depth(lane.messages_url),
        count(config, outputs, system),
    )?;
    let sum = |id: &str| {
        let values = metrics
            .iter()
            .filter(|m| m.id() == Some(id))
            .flat_map(|m| m.values());
        values.sum::<f64>().max(0.0).round() as u64
    };
    let age = metrics.iter().find(|m| m.id() == Some("age"));
    Ok(Screen {
        at,
        queue,
        oldest_s: age.and_then(|m| m.values().first().copied()),
        events,
        messages,
        quarantined,
        redrive: match system == outputs.usual() {
            true => "sluice redrive".to_owned(),
            false => format!("sluice redrive --system {}", system.name()),
        },
        ends: ends_of(system)
            .into_iter()
            .map(|(name, metric)| (name, sum(&id_of(metric))))
            .collect(),
        failed: sum("failed"),
        hours,
    })
}

/// The reasons in quarantine, up to a limit.
async fn count(
    config: &SdkConfig,
    outputs: &Outputs,
    system: System,
) -> anyhow::Result<Option<u64>> {
    if system != System::Ingest {
        return Ok(None);
    }
    let ingest = outputs.ingest()?;
    let mut pages = Store::new(config).objects(&ingest.quarantine_bucket, &ingest.prefix);
    let (mut reasons, mut seen) = (0, 0);
    while let Some(page) = pages.next().await? {
        seen += page.len() as u64;
        reasons += page
            .iter()
            .filter(|key| key.ends_with(".reason.json"))
            .count() as u64;
        if seen >= MAX_COUNTED {
            break;
        }
    }
    Ok(Some(reasons))
}

/// The ends of a system: as people and as metrics call them.
fn ends_of(system: System) -> Vec<(&'static str, &'static str)> {
    match system {
        System::Ingest => End::ALL.map(|end| (end.name(), end.metric())).to_vec(),
        System::Provenance => vec![
            ("recorded", "Receipts"),
            ("known", "Known"),
            ("gone", "Gone"),
            ("deferred", "Deferred"),
            ("skipped", "Skipped"),
        ],
    }
}

fn id_of(metric: &str) -> String {
    metric.to_ascii_lowercase()
}

/// The function's counts of the last hours and the age of the oldest message, as CloudWatch has them.
async fn measured(
    config: &SdkConfig,
    queries: Vec<MetricDataQuery>,
    at: i64,
    hours: i64,
) -> anyhow::Result<Vec<MetricDataResult>> {
    let client = aws_sdk_cloudwatch::Client::new(config);
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_secs(at - hours * 60 * MINUTE))
            .end_time(DateTime::from_secs(at + MINUTE))
            .set_next_token(token);
        let page = request
            .send()
            .await
            .map_err(|e| explain("read metrics", &e))?;
        found.extend(page.metric_data_results().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// A sum over the whole time for each count of the function, and the age of the oldest message by the minute.
fn queries(
    lane: Lane<'_>,
    ends: &[(&str, &'static str)],
    hours: i64,
) -> anyhow::Result<Vec<MetricDataQuery>> {
    let period = i32::try_from(hours * 60 * MINUTE)?;
    let counts = ends.iter().map(|(_, metric)| (id_of(metric), *metric));
    let counts = counts.chain([("failed".to_owned(), "Failed")]);
    let mut queries: Vec<MetricDataQuery> = counts
        .map(|(id, name)| {
            query(
                id,
                "Sluice",
                name,
                ("Function", lane.function),
                ("Sum", period),
            )
        })
        .collect();
    let queue = ("QueueName", name(lane.queue_url));
    let age = "ApproximateAgeOfOldestMessage";
    queries.push(query("age".into(), "AWS/SQS", age, queue, ("Maximum", 60)));
    Ok(queries)
}

fn query(
    id: String,
    namespace: &str,
    name: &str,
    (key, value): (&str, &str),
    (statistic, period): (&str, i32),
) -> MetricDataQuery {
    let dimension = Dimension::builder().name(key).value(value).build();
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .dimensions(dimension);
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(period)
        .stat(statistic);
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat.build())
        .build()
}

impl Screen {
    fn dead(&self) -> u64 {
        self.events.all() + self.messages.all()
    }

    fn text(&self, place: &str) -> String {
        let oldest = self
            .oldest_s
            .map_or("unknown".to_owned(), |s| age(s as i64));
        let mut lines = vec![
            format!("{place} at {}", rfc3339(self.at)),
            format!(
                "  queue          {} waiting, {} taken, oldest {oldest}",
                self.queue.waiting, self.queue.taken
            ),
            format!(
                "  dead letters   {} events, {} messages{}",
                self.events.all(),
                self.messages.all(),
                hint(self.dead() > 0, &self.redrive)
            ),
        ];
        lines.extend(self.quarantined.map(|count| {
            format!(
                "  quarantine     {count} versions{}",
                hint(count > 0, "sluice quarantine list")
            )
        }));
        lines.push(format!("  last {} h", self.hours));
        let ends = self
            .ends
            .iter()
            .map(|(name, count)| format!("    {name:<12} {count}"));
        lines.extend(ends);
        lines.push(format!("    {:<12} {}", "failed", self.failed));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let ends: Map<String, Value> = self
            .ends
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect();
        json!({
            "at": rfc3339(self.at),
            "queue": {"waiting": self.queue.waiting, "taken": self.queue.taken, "oldest_s": self.oldest_s},
            "dead_letters": {"events": self.events.all(), "messages": self.messages.all()},
            "quarantined": self.quarantined,
            "hours": self.hours,
            "ends": ends,
            "failed": self.failed,
        })
    }
}

fn hint(show: bool, command: &str) -> String {
    if show {
        format!("   ({command})")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_says_what_to_do() {
        let none = Depth {
            waiting: 0,
            taken: 0,
        };
        let quiet = Screen {
            at: 0,
            queue: none,
            oldest_s: None,
            events: none,
            messages: none,
            quarantined: Some(0),
            redrive: "sluice redrive".into(),
            ends: vec![("stored", 3)],
            failed: 0,
            hours: 24,
        };
        let text = quiet.text("f");
        assert!(
            text.contains("oldest unknown")
                && text.contains("stored       3")
                && !text.contains("redrive"),
            "{text}"
        );
        let busy = Screen {
            messages: Depth {
                waiting: 1,
                taken: 1,
            },
            quarantined: Some(2),
            oldest_s: Some(200.0),
            ..quiet
        };
        let text = busy.text("f");
        assert!(
            text.contains("2 messages   (sluice redrive)") && text.contains("oldest 3 min"),
            "{text}"
        );
        assert!(
            text.contains("2 versions   (sluice quarantine list)"),
            "{text}"
        );
        assert_eq!(busy.dead(), 2);
    }
}
