//! The Lambda's entry point.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use lambda_support::metrics::Metrics;
use lambda_support::start::{config, say};
use ledger::Ledger;
use ledger::settings::Settings;
use serde_json::Value;
use sluice_types::Timestamp;
use tokio::time::Instant;

/// Time kept back from the deadline for writing the answer.
const MARGIN: Duration = Duration::from_millis(1_500);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::read(lambda_support::settings::environment).inspect_err(|e| say(&e.to_string()))?;
    let ledger = Arc::new(Ledger::new(&config().await, settings));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let ledger = Arc::clone(&ledger);
        async move {
            let deadline = event.context.deadline();
            let remaining = deadline.duration_since(SystemTime::now());
            let until = Instant::now() + remaining.unwrap_or_default().saturating_sub(MARGIN);
            let mut metrics = Metrics::default();
            let answer = ledger.answer(&event.payload, until, &mut metrics).await;
            let function = lambda_support::settings::environment("AWS_LAMBDA_FUNCTION_NAME");
            metrics.flush(&function.unwrap_or_default(), Timestamp::now().as_millis());
            answer.map_err(|fault| {
                let error_message = fault.to_string();
                say(&error_message);
                Diagnostic { error_type: "Fault".to_owned(), error_message }
            })
        }
    }))
    .await
}
