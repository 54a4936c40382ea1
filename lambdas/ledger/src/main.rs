//! The Lambda's entry point.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use kit::log::{self, Level};
use kit::metrics::Metrics;
use kit::time::Moment;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger::Ledger;
use ledger::settings::Settings;
use serde_json::{Map, Value};
use tokio::time::Instant;

/// Time kept back from the deadline for writing the answer.
const MARGIN: Duration = Duration::from_millis(1_500);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::read(kit::settings::environment).inspect_err(|e| say(e))?;
    let ledger = Arc::new(Ledger::new(&config().await, settings));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let ledger = Arc::clone(&ledger);
        async move {
            let deadline = event.context.deadline();
            let remaining = deadline.duration_since(SystemTime::now());
            let until = Instant::now() + remaining.unwrap_or_default().saturating_sub(MARGIN);
            let mut metrics = Metrics::default();
            let answer = ledger.answer(&event.payload, until, &mut metrics).await;
            let function = kit::settings::environment("AWS_LAMBDA_FUNCTION_NAME");
            metrics.flush(&function.unwrap_or_default(), Moment::now().0);
            answer.map_err(|fault| {
                say(&fault);
                Error::from(fault)
            })
        }
    }))
    .await
}

fn say(error: &dyn std::error::Error) {
    log::line(Level::Error, &error.to_string(), &Map::new(), &Map::new());
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
