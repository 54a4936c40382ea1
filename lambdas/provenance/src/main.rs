//! The entry point of the Lambda; `run-local EVENT.json` handles one event on this machine instead.

use std::process::ExitCode;

use lambda_support::start;
use provenance::Provenance;
use provenance::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    start::main("provenance", async {
        let settings = Settings::read(lambda_support::settings::environment)?;
        Ok(Provenance::new(&start::config().await, settings))
    })
    .await
}
