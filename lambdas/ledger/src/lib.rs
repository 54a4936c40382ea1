//! Lists the receipts of each period in a signed manifest that names the previous one.
//!
//! [`protocol`] decides, [`edge`] performs the effects, [`messages`] has the texts of log and response. [`Ledger`] runs
//! the protocol for each invocation. The format of manifests is in [`sluice_types::manifest`].

pub mod edge;
pub mod effect;
pub mod head;
pub mod messages;
mod period;
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
use crate::protocol::{LedgerConfig, LedgerProtocol, MAX_LISTED_RECORDS, WrittenManifest};
use crate::settings::Settings;

/// The handler of the Lambda.
pub struct Ledger {
    edge: Aws,
    config: LedgerConfig,
}

impl Ledger {
    /// A handler with clients of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            config: LedgerConfig { signing_key: settings.signing_key.clone(), max_listed_records: MAX_LISTED_RECORDS },
            edge: Aws::new(config, settings),
        }
    }

    /// Closes every period that is due, or as many as there is time for before `until`. Adds to `metrics`.
    ///
    /// # Errors
    /// When the event is not a known request, or no manifest could be written.
    pub async fn handle(&self, event: &Value, until: Instant, metrics: &mut Metrics) -> Result<Value, Fault> {
        let request = request::parse(event).map_err(|e| Fault::new("decode", e.to_string()))?;
        let (mut protocol, first) = LedgerProtocol::start(request, &self.config, Timestamp::now());
        let mut run = ReportedRun { edge: &self.edge, reported: 0, metrics };
        let finished = timeout_at(until, drive(&mut protocol, first, &self.config, &mut run)).await;
        run.report(&protocol.written);
        match finished {
            Ok(result) => result.map(|()| messages::response(&protocol, true)),
            Err(_) => out_of_time(&protocol),
        }
    }
}

/// Performs the effects of one run. Each manifest is logged and counted before the effect that follows its write.
struct ReportedRun<'a> {
    edge: &'a Aws,
    reported: usize,
    metrics: &'a mut Metrics,
}

impl ReportedRun<'_> {
    fn report(&mut self, written: &[WrittenManifest]) {
        for manifest in written.get(self.reported..).unwrap_or_default() {
            messages::report_manifest(manifest, self.metrics);
        }
        self.reported = written.len();
    }
}

impl Performer<LedgerProtocol> for ReportedRun<'_> {
    async fn perform(&mut self, protocol: &LedgerProtocol, effect: &Effect) -> Result<EffectResult, Fault> {
        self.report(&protocol.written);
        self.edge.perform(effect).await
    }
}

/// The next run closes the remaining periods. A run that wrote nothing is a fault, because the next one would not get
/// further either.
fn out_of_time(protocol: &LedgerProtocol) -> Result<Value, Fault> {
    let reason = "no time left in this invocation";
    if protocol.written.is_empty() {
        return Err(Fault::new("run", reason));
    }
    log::line(Level::Warn, reason, &Map::new());
    Ok(messages::response(protocol, false))
}
