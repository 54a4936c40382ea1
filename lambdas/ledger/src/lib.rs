//! The receipts of each period are listed in a signed manifest that names the one before.
//!
//! [`protocol`] decides, [`edge`] performs, [`manifest`] is what is written; [`Ledger`] leads one through the other.

pub mod edge;
pub mod effect;
pub mod narrate;
pub mod period;
pub mod protocol;
pub mod request;
pub mod settings;

use lambda_support::Fault;
use lambda_support::log::{self, Level};
use lambda_support::metrics::Metrics;
use serde_json::{Map, Value};
use sluice_types::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::edge::Aws;
use crate::protocol::{MAX_LISTED, Plan, Run, Step};
use crate::settings::Settings;

/// The Lambda's handler.
pub struct Ledger {
    edge: Aws,
    plan: Plan,
}

impl Ledger {
    /// A handler with clients of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            plan: Plan { key: settings.signing_key.clone(), max_listed: MAX_LISTED },
            edge: Aws::new(config, settings),
        }
    }

    /// Closes every period that is due, or as many as there is time for before `until`; adds to `metrics`.
    ///
    /// # Errors
    /// When the event asks for something else, or the ledger did not get on.
    pub async fn answer(&self, event: &Value, until: Instant, metrics: &mut Metrics) -> Result<Value, Fault> {
        let asked = request::read(event).map_err(|e| Fault::new("decode", e.to_string()))?;
        let (mut run, mut step) = Run::start(Timestamp::now(), asked);
        loop {
            let effect = match step {
                Step::Done => return Ok(narrate::answer(&run, true)),
                Step::Fault(fault) => return Err(fault),
                Step::Perform(effect) => effect,
            };
            let Ok(outcome) = timeout_at(until, self.edge.perform(&effect)).await else {
                return out_of_time(&run);
            };
            let (before, outcome) = (run.written.len(), outcome?);
            step = run.next(&self.plan, outcome);
            for written in &run.written[before..] {
                narrate::written(written, metrics);
            }
        }
    }
}

/// What is left is the next run's, unless none of them would get further.
fn out_of_time(run: &Run) -> Result<Value, Fault> {
    let why = "no time left in this invocation";
    if run.written.is_empty() {
        return Err(Fault::new("run", why));
    }
    log::line(Level::Warn, why, &Map::new(), &Map::new());
    Ok(narrate::answer(run, false))
}
