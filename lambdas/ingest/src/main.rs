//! Serves the Lambda Runtime API. With the arguments `run-local EVENT.json`, handles one event on this machine instead.

use std::process::ExitCode;

use ingest::Ingest;
use ingest::settings::Settings;
use lambda_support::{log, start};

#[tokio::main]
async fn main() -> ExitCode {
    start::main("ingest", async {
        let settings = Settings::read(lambda_support::settings::environment)?;
        let ingest = Ingest::new(&start::config().await, settings);
        // During start-up, where it costs no record its time; if it fails, the first record tries again.
        if let Err(fault) = ingest.deployment().await {
            log::error(&fault.to_string());
        }
        Ok(ingest)
    })
    .await
}
