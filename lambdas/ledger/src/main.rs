//! The entry point of the Lambda.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use lambda_support::batch::RESPONSE_MARGIN;
use lambda_support::invocation::{function_name, remaining_time};
use lambda_support::log;
use lambda_support::metrics::Metrics;
use lambda_support::settings::environment;
use lambda_support::start::config;
use ledger::Ledger;
use ledger::settings::Settings;
use serde_json::Value;
use sluice_types::Timestamp;
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::read(environment).inspect_err(|e| log::error(&e.to_string()))?;
    let ledger = Arc::new(Ledger::new(&config().await, settings));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let ledger = Arc::clone(&ledger);
        // Boxed: the layout of the nested futures would exceed the recursion limit of the compiler.
        async move { Box::pin(handle(&ledger, event)).await }
    }))
    .await
}

async fn handle(ledger: &Ledger, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let until = Instant::now() + remaining_time(&event.context).saturating_sub(RESPONSE_MARGIN);
    let mut metrics = Metrics::default();
    let response = ledger.handle(&event.payload, until, &mut metrics).await;
    metrics.flush(&function_name(), Timestamp::now());
    response.map_err(|fault| {
        let error_message = fault.to_string();
        log::error(&error_message);
        Diagnostic { error_type: "Fault".to_owned(), error_message }
    })
}
