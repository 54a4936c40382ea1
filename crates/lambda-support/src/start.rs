//! How a Lambda's program starts: its configuration, and one event on this machine instead of the Runtime API.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_runtime::Error;
use serde_json::Map;

use crate::batch::Handler;
use crate::log::{self, Level};
use crate::serve;

/// What a local run may take.
const LOCAL_TIME: Duration = Duration::from_secs(300);

/// Serves the Lambda Runtime API with `handler`; with the arguments `run-local EVENT.json`, handles that one event
/// with this machine's credentials, without deploying. `name` is the program's, for its usage.
pub async fn main<H: Handler>(name: &str, handler: impl Future<Output = Result<H, Error>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => match handler.await {
            Ok(handler) => serve::serve(handler).await,
            Err(error) => Err(error),
        },
        [command, event] if command == "run-local" => run_local(event, handler).await,
        _ => {
            say(&format!("usage: {name} run-local EVENT.json (without arguments it serves the Lambda Runtime API)"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One line about the program itself.
pub fn say(text: &str) {
    log::line(Level::Error, text, &Map::new(), &Map::new());
}

/// The SDK's configuration: three attempts a call, none waiting for ever.
pub async fn config() -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).read_timeout(Duration::from_secs(60)).build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .load()
        .await
}

async fn run_local<H: Handler>(path: &str, handler: impl Future<Output = Result<H, Error>>) -> Result<(), Error> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read `{path}`: {e}"))?;
    let event = serde_json::from_str(&text).map_err(|e| format!("`{path}` is not JSON: {e}"))?;
    let handler = Arc::new(handler.await?);
    let answer = serve::answer(&handler, event, LOCAL_TIME).await?;
    let failed = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    if failed > 0 {
        return Err(format!("{failed} records could not be ended; the lines above say why").into());
    }
    Ok(())
}
