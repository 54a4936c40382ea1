//! An object version arrives in a watched bucket: its receipt is written, once and for ever.
//!
//! [`protocol`] decides, [`edge`] performs, [`receipt`] says what is written; [`Provenance`] leads one through the
//! other. [`version`], [`hash`] and [`write`] know nothing of the Lambda: `sluice` reads and writes by them too.

pub mod edge;
pub mod effect;
pub mod hash;
pub mod narrate;
pub mod protocol;
pub mod settings;
pub mod sum;
pub mod version;
pub mod watch;
pub mod write;

use lambda_support::log;
use lambda_support::{Arrival, Fault, Handled, Handler, Performer, Protocol, drive};
use sluice_types::Timestamp;
use tokio::time::Instant;

use crate::edge::Aws;
use crate::effect::{Effect, EffectResult};
use crate::protocol::ReceiptProtocol;
use crate::settings::Settings;
use crate::watch::Watched;

/// The Lambda's handler.
pub struct Provenance {
    edge: Aws,
    watched: Vec<Watched>,
}

impl Provenance {
    /// A handler with a client of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self { edge: Aws::new(config, settings.receipts_bucket), watched: settings.watched }
    }
}

impl Handler for Provenance {
    async fn handle(&self, arrival: Arrival, until: Instant) -> Result<Handled, Fault> {
        let (mut protocol, first) = ReceiptProtocol::start(arrival, &self.watched, Timestamp::now());
        let mut delivery = Delivery { edge: &self.edge, until };
        let verdict = drive(&mut protocol, first, &self.watched, &mut delivery).await?;
        Ok(narrate::end(&verdict))
    }
}

/// The AWS calls of one delivery, which ends at `until`.
struct Delivery<'a> {
    edge: &'a Aws,
    until: Instant,
}

impl Performer<ReceiptProtocol> for Delivery<'_> {
    async fn perform(&mut self, protocol: &ReceiptProtocol, effect: &Effect) -> Result<EffectResult, Fault> {
        let version = protocol.version();
        log::set_object(&version.bucket, &version.key, &version.version_id);
        log::info(&narrate::before(effect));
        self.edge.perform(effect, self.until).await
    }
}
