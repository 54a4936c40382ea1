//! `status`: one screen that shows whether an operator has to act.

mod screen;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use ingest::outcome::Outcome;
use lambda_support::log::escape;

use crate::aws::errors::explain;
use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::aws::sqs::{Queues, queue_name};
use crate::globals::Globals;
use crate::outputs::{Outputs, System, SystemQueues};
use crate::quarantined_versions::QuarantineGrouper;
use crate::report::{ExitStatus, Report, message, one_line};
use crate::time::now;
use screen::{FunctionMetrics, LimitedCount, Screen, Section};

/// The limit on the keys that are counted.
const MAX_COUNTED_KEYS: u64 = 20_000;
const MINUTE: i64 = 60;

/// Shows queues, dead letters, quarantine and recent outcomes
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice status
  sluice status --watch 10

Exit code: 0 nothing to do, 1 there are dead letters or something could not be read, 2 usage or environment error.")]
pub(crate) struct StatusArgs {
    /// Refresh every SECONDS, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
    /// The system to show [default: ingest, if it is on]
    #[arg(long, value_enum)]
    system: Option<System>,
    /// Count outcomes of the last HOURS
    #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(i64).range(1..=336))]
    hours: i64,
}

pub(crate) async fn run(globals: &Globals, args: &StatusArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let system = args.system.unwrap_or(outputs.default_system());
    let config = session(&outputs, system, globals.role_or(Role::Operator)).await?;
    loop {
        let screen = read_screen(&config, &outputs, system, args.hours).await?;
        if args.watch.is_some() {
            report.clear();
        }
        let title = format!("{} in {}", escape(outputs.queues(system)?.function), escape(&outputs.region));
        report.line(screen.text(&title), &screen.json());
        let Some(seconds) = args.watch else {
            return Ok(ExitStatus::success_if(screen.dead_letters() == Some(0) && screen.unread().is_empty()));
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Reads every section of the screen.
///
/// # Errors
/// If no section can be read.
async fn read_screen(config: &SdkConfig, outputs: &Outputs, system: System, hours: i64) -> anyhow::Result<Screen> {
    let (queues, system_queues) = (Queues::new(config), outputs.queues(system)?);
    let at = now();
    let (metrics, queue, events, messages, quarantined) = tokio::join!(
        read_metrics(config, metric_queries(system_queues, &outcomes_of(system), hours)?, at, hours),
        queues.depth(system_queues.queue_url),
        queues.depth(system_queues.event_dead_letter_url),
        queues.depth(system_queues.queue_dead_letter_url),
        count_quarantined(config, outputs, system),
    );
    if let (Err(error), Err(_), Err(_), Err(_)) = (&queue, &events, &messages, &metrics) {
        anyhow::bail!("{}", message(error));
    }
    Ok(Screen {
        at,
        queue: section(queue),
        event_dead_letters: section(events),
        message_dead_letters: section(messages),
        quarantined: quarantined.map(section),
        metrics: section(metrics).map(|results| sum_metrics(&results, system)),
        redrive_command: match system == outputs.default_system() {
            true => "sluice redrive".to_owned(),
            false => format!("sluice redrive --system {}", system.name()),
        },
        hours,
    })
}

fn section<T>(result: anyhow::Result<T>) -> Section<T> {
    result.map_err(|error| one_line(&error))
}

fn sum_metrics(results: &[MetricDataResult], system: System) -> FunctionMetrics {
    let sum = |id: &str| {
        let values: Vec<f64> =
            results.iter().filter(|m| m.id() == Some(id)).flat_map(|m| m.values()).copied().collect();
        let sum = values.iter().sum::<f64>().max(0.0).round() as u64;
        (!values.is_empty()).then_some(sum)
    };
    let age = results.iter().find(|m| m.id() == Some("age"));
    let outcomes = outcomes_of(system).into_iter();
    FunctionMetrics {
        oldest_message_s: age.and_then(|m| m.values().first().copied()),
        outcomes: outcomes.map(|(name, metric)| (name, sum(&query_id(metric)))).collect(),
        failed: sum("failed"),
    }
}

/// Counts the versions in quarantine as `quarantine list` does, up to a limit; `None` if the system has no quarantine.
async fn count_quarantined(
    config: &SdkConfig,
    outputs: &Outputs,
    system: System,
) -> Option<anyhow::Result<LimitedCount>> {
    if system != System::Ingest {
        return None;
    }
    let ingest = match outputs.ingest() {
        Ok(ingest) => ingest,
        Err(error) => return Some(Err(error)),
    };
    let mut pages = Store::new(config).objects(&ingest.quarantine_bucket, &ingest.prefix);
    let (mut grouper, mut count, mut listed_keys) = (QuarantineGrouper::default(), 0, 0);
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(error) => return Some(Err(error)),
        };
        listed_keys += page.len() as u64;
        count += page.into_iter().map(|key| grouper.push(key).len() as u64).sum::<u64>();
        if listed_keys >= MAX_COUNTED_KEYS {
            let count = count + grouper.finish().len() as u64;
            return Some(Ok(LimitedCount { count, has_more: true }));
        }
    }
    let count = count + grouper.finish().len() as u64;
    Some(Ok(LimitedCount { count, has_more: false }))
}

/// The names and the metrics of a system's outcomes.
fn outcomes_of(system: System) -> Vec<(&'static str, &'static str)> {
    match system {
        System::Ingest => Outcome::ALL.map(|outcome| (outcome.name(), outcome.metric())).to_vec(),
        System::Provenance => vec![
            ("recorded", "Receipts"),
            ("known", "Known"),
            ("gone", "Gone"),
            ("deferred", "Deferred"),
            ("skipped", "Skipped"),
        ],
    }
}

fn query_id(metric: &str) -> String {
    metric.to_ascii_lowercase()
}

/// Reads the function's counts and the age of the oldest message from CloudWatch. `at` is in seconds since 1970.
async fn read_metrics(
    config: &SdkConfig,
    queries: Vec<MetricDataQuery>,
    at: i64,
    hours: i64,
) -> anyhow::Result<Vec<MetricDataResult>> {
    let client = aws_sdk_cloudwatch::Client::new(config);
    let request = client
        .get_metric_data()
        .set_metric_data_queries(Some(queries))
        .start_time(DateTime::from_secs(at - hours * 60 * MINUTE))
        .end_time(DateTime::from_secs(at + MINUTE));
    let mut pages = request.into_paginator().send();
    let mut results = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|e| explain("read metrics", &e))?;
        results.extend(page.metric_data_results.unwrap_or_default());
    }
    Ok(results)
}

/// Queries for the sum of each of the function's counts over the whole time, and for the age of the oldest message by
/// the minute.
fn metric_queries(
    system_queues: SystemQueues<'_>,
    outcomes: &[(&str, &'static str)],
    hours: i64,
) -> anyhow::Result<Vec<MetricDataQuery>> {
    let period = i32::try_from(hours * 60 * MINUTE)?;
    let outcome_counts = outcomes.iter().map(|(_, metric)| (query_id(metric), *metric));
    let counts = outcome_counts.chain([("failed".to_owned(), "Failed")]);
    let mut queries: Vec<MetricDataQuery> = counts
        .map(|(id, name)| metric_query(id, "Sluice", name, ("Function", system_queues.function), ("Sum", period)))
        .collect();
    let queue = ("QueueName", queue_name(system_queues.queue_url));
    let age = "ApproximateAgeOfOldestMessage";
    queries.push(metric_query("age".into(), "AWS/SQS", age, queue, ("Maximum", 60)));
    Ok(queries)
}

fn metric_query(
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
