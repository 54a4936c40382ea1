//! The program of a Lambda: it serves the Runtime API, or handles one event on this machine.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_runtime::Error;

use crate::batch::Handler;
use crate::{invocation, log};

/// The time limit of a local run.
const LOCAL_TIME_LIMIT: Duration = Duration::from_secs(300);

/// Serves the Lambda Runtime API with `handler`. With the arguments `run-local EVENT.json` it handles that one event
/// with this machine's credentials instead, without deploying. `name` is the name of the program in its usage message.
pub async fn main<H: Handler>(name: &str, handler: impl Future<Output = Result<H, Error>>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => match handler.await {
            Ok(handler) => invocation::serve(handler).await,
            Err(error) => Err(error),
        },
        [command, event] if command == "run-local" => run_local(event, handler).await,
        _ => {
            log::error(&format!(
                "usage: {name} run-local EVENT.json (without arguments it serves the Lambda Runtime API)"
            ));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The SDK's configuration from the environment: at most three attempts for each call, with time limits.
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
    let event = serde_json::from_str(&text).map_err(|e| format!("`{path}` is not valid JSON: {e}"))?;
    let handler = Arc::new(handler.await?);
    let response = invocation::handle(&handler, event, LOCAL_TIME_LIMIT).await?;
    match response.batch_item_failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} messages could not be handled; the lines above say why").into()),
    }
}
