//! The Lambda's entry point; with `run-local EVENT.json`, one event on this machine instead.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use ingest::Ingest;
use ingest::settings::Settings;
use kit::log::{self, Level};
use serde_json::Map;

/// What a local run may take.
const LOCAL_TIME: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => serve().await,
        [command, event] if command == "run-local" => run_local(event).await,
        _ => {
            say(
                "usage: ingest run-local EVENT.json (without arguments it serves the Lambda Runtime API)",
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    log::line(Level::Error, text, &Map::new(), &Map::new());
}

async fn handler() -> anyhow::Result<Ingest> {
    let settings = Settings::read(kit::settings::environment)?;
    let ingest = Ingest::new(&config().await, settings);
    // During start-up, where it costs no record its time; if it fails, the first record tries again.
    if let Err(fault) = ingest.plan().await {
        say(&fault.to_string());
    }
    Ok(ingest)
}

async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(60))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .load()
        .await
}

async fn serve() -> anyhow::Result<()> {
    let handler = handler().await?;
    kit::serve::serve(handler)
        .await
        .map_err(anyhow::Error::from_boxed)
}

/// The ingest core on one event, with this machine's credentials, without deploying.
async fn run_local(path: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"))?;
    let event = serde_json::from_str(&text).with_context(|| format!("`{path}` is not JSON"))?;
    let handler = Arc::new(handler().await?);
    let answer = kit::serve::answer(&handler, event, LOCAL_TIME).await;
    let answer = answer.map_err(anyhow::Error::from_boxed)?;
    let failed = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(
        failed == 0,
        "{failed} records could not be ended; the lines above say why"
    );
    Ok(())
}
