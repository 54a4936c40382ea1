//! `status`: one screen that says whether somebody has to do something.

mod screen;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use ingest::outcome::Outcome;
use lambda_support::log::escape;

use crate::aws::{Role, explain, session};
use crate::cli::Shared;
use crate::outputs::{Lane, Outputs, System};
use crate::quarantine::stems::Stems;
use crate::queue::{Queues, name};
use crate::report::{Ended, Report, message};
use crate::store::Store;
use crate::time::now;
use crate::version_outcome::one_line;
use screen::{Counted, Measured, Screen, Seen};

/// More keys than this are not counted.
const MAX_COUNTED: u64 = 20_000;
const MINUTE: i64 = 60;

/// Shows queues, dead letters, quarantine and the last ends
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice status
  sluice status --watch 10

Exit code: 0 nothing to do, 1 there are dead letters or something could not be read, 2 nothing could be read.")]
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

/// Runs the command.
///
/// # Errors
/// When nothing can be read.
pub async fn run(shared: &Shared, args: &Status, report: &mut Report) -> anyhow::Result<Ended> {
    let outputs = shared.from.read()?;
    let system = args.system.unwrap_or(outputs.usual());
    let config = session(&outputs, system, shared.role(Role::Operator)).await?;
    loop {
        let screen = look(&config, &outputs, system, args.hours).await?;
        if args.watch.is_some() {
            report.clear();
        }
        let function = escape(outputs.lane(system)?.function);
        let place = format!("{function} in {}", escape(&outputs.region));
        report.line(screen.text(&place), &screen.json());
        let Some(seconds) = args.watch else {
            return Ok(Ended::when(screen.dead() == Some(0) && screen.unread().is_empty()));
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Looks at everything; what cannot be read says why.
async fn look(config: &SdkConfig, outputs: &Outputs, system: System, hours: i64) -> anyhow::Result<Screen> {
    let (queues, lane) = (Queues::new(config), outputs.lane(system)?);
    let at = now();
    let (metrics, queue, events, messages, quarantined) = tokio::join!(
        measured(config, queries(lane, &ends_of(system), hours)?, at, hours),
        queues.depth(lane.queue_url),
        queues.depth(lane.events_url),
        queues.depth(lane.messages_url),
        count(config, outputs, system),
    );
    if let (Err(error), Err(_), Err(_), Err(_)) = (&queue, &events, &messages, &metrics) {
        anyhow::bail!("{}", message(error));
    }
    Ok(Screen {
        at,
        queue: seen(queue),
        events: seen(events),
        messages: seen(messages),
        quarantined: quarantined.map(seen),
        metrics: seen(metrics).map(|found| summed(&found, system)),
        redrive: match system == outputs.usual() {
            true => "sluice redrive".to_owned(),
            false => format!("sluice redrive --system {}", system.name()),
        },
        hours,
    })
}

fn seen<T>(read: anyhow::Result<T>) -> Seen<T> {
    read.map_err(|error| one_line(&error))
}

fn summed(found: &[MetricDataResult], system: System) -> Measured {
    let sum = |id: &str| {
        let values = found.iter().filter(|m| m.id() == Some(id));
        let values: Vec<f64> = values.flat_map(|m| m.values()).copied().collect();
        let sum = values.iter().sum::<f64>().max(0.0).round() as u64;
        (!values.is_empty()).then_some(sum)
    };
    let age = found.iter().find(|m| m.id() == Some("age"));
    let ends = ends_of(system).into_iter();
    Measured {
        oldest_s: age.and_then(|m| m.values().first().copied()),
        ends: ends.map(|(name, metric)| (name, sum(&id_of(metric)))).collect(),
        failed: sum("failed"),
    }
}

/// The versions in quarantine, up to a limit, counted as `quarantine list` does.
async fn count(config: &SdkConfig, outputs: &Outputs, system: System) -> Option<anyhow::Result<Counted>> {
    if system != System::Ingest {
        return None;
    }
    let ingest = match outputs.ingest() {
        Ok(ingest) => ingest,
        Err(error) => return Some(Err(error)),
    };
    let mut pages = Store::new(config).objects(&ingest.quarantine_bucket, &ingest.prefix);
    let (mut stems, mut count, mut seen) = (Stems::default(), 0, 0);
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(error) => return Some(Err(error)),
        };
        seen += page.len() as u64;
        count += page.into_iter().map(|key| stems.push(key).len() as u64).sum::<u64>();
        if seen >= MAX_COUNTED {
            let count = count + stems.finish().len() as u64;
            return Some(Ok(Counted { count, more: true }));
        }
    }
    let count = count + stems.finish().len() as u64;
    Some(Ok(Counted { count, more: false }))
}

/// The ends of a system: as people and as metrics call them.
fn ends_of(system: System) -> Vec<(&'static str, &'static str)> {
    match system {
        System::Ingest => Outcome::ALL.map(|end| (end.name(), end.metric())).to_vec(),
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
        let page = request.send().await.map_err(|e| explain("read metrics", &e))?;
        found.extend(page.metric_data_results().iter().cloned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// A sum over the whole time for each count of the function, and the age of the oldest message by the minute.
fn queries(lane: Lane<'_>, ends: &[(&str, &'static str)], hours: i64) -> anyhow::Result<Vec<MetricDataQuery>> {
    let period = i32::try_from(hours * 60 * MINUTE)?;
    let counts = ends.iter().map(|(_, metric)| (id_of(metric), *metric));
    let counts = counts.chain([("failed".to_owned(), "Failed")]);
    let mut queries: Vec<MetricDataQuery> =
        counts.map(|(id, name)| query(id, "Sluice", name, ("Function", lane.function), ("Sum", period))).collect();
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
    let metric = Metric::builder().namespace(namespace).metric_name(name).dimensions(dimension);
    let stat = MetricStat::builder().metric(metric.build()).period(period).stat(statistic);
    MetricDataQuery::builder().id(id).metric_stat(stat.build()).build()
}
