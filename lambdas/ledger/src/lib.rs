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

use lambda_support::log::{self, Level};
use lambda_support::metrics::Metrics;
use lambda_support::{Fault, Performer, Protocol, drive};
use serde_json::{Map, Value};
use sluice_types::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::edge::Aws;
use crate::effect::{Effect, EffectResult};
use crate::protocol::{LedgerProtocol, MAX_LISTED, Plan, Written};
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
        let (mut protocol, first) = LedgerProtocol::start(asked, &self.plan, Timestamp::now());
        let mut performer = ReportingPerformer { edge: &self.edge, reported: 0, metrics };
        let closed = timeout_at(until, drive(&mut protocol, first, &self.plan, &mut performer)).await;
        performer.report(&protocol.written);
        match closed {
            Ok(closed) => closed.map(|()| narrate::answer(&protocol, true)),
            Err(_) => out_of_time(&protocol),
        }
    }
}

/// The AWS calls of one run. Each manifest is logged and counted before the call that follows its write.
struct ReportingPerformer<'a> {
    edge: &'a Aws,
    reported: usize,
    metrics: &'a mut Metrics,
}

impl ReportingPerformer<'_> {
    fn report(&mut self, written: &[Written]) {
        for manifest in written.get(self.reported..).unwrap_or_default() {
            narrate::written(manifest, self.metrics);
        }
        self.reported = written.len();
    }
}

impl Performer<LedgerProtocol> for ReportingPerformer<'_> {
    async fn perform(&mut self, protocol: &LedgerProtocol, effect: &Effect) -> Result<EffectResult, Fault> {
        self.report(&protocol.written);
        self.edge.perform(effect).await
    }
}

/// What is left is the next run's, unless none of them would get further.
fn out_of_time(run: &LedgerProtocol) -> Result<Value, Fault> {
    let why = "no time left in this invocation";
    if run.written.is_empty() {
        return Err(Fault::new("run", why));
    }
    log::line(Level::Warn, why, &Map::new());
    Ok(narrate::answer(run, false))
}
