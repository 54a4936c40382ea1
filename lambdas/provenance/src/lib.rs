//! Writes a receipt for each object version that arrives in a watched bucket, once and permanently.
//!
//! [`protocol`] decides, [`edge`] performs the effects, [`messages`] has the texts of the log. [`Provenance`] runs the
//! protocol for each arrival. [`mod@inspect`], [`mod@hash`] and [`record_writer`] do not depend on the Lambda: `sluice`
//! reads object versions and writes records with them too.

mod checksum;
pub mod edge;
pub mod effect;
pub mod hash;
pub mod inspect;
pub mod messages;
pub mod protocol;
pub mod record_writer;
pub mod settings;
pub mod watched;

use lambda_support::log;
use lambda_support::{Arrival, Fault, Handled, Handler, Performer, Protocol, drive};
use sluice_types::Timestamp;
use tokio::time::Instant;

use crate::edge::Aws;
use crate::effect::{Effect, EffectResult};
use crate::protocol::ReceiptProtocol;
use crate::settings::Settings;
use crate::watched::WatchedBucket;

/// The handler of the Lambda.
pub struct Provenance {
    edge: Aws,
    watched: Vec<WatchedBucket>,
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
        Ok(messages::handled(&verdict))
    }
}

/// Performs and logs the effects of one delivery, which is cancelled at `until`.
struct Delivery<'a> {
    edge: &'a Aws,
    until: Instant,
}

impl Performer<ReceiptProtocol> for Delivery<'_> {
    async fn perform(&mut self, protocol: &ReceiptProtocol, effect: &Effect) -> Result<EffectResult, Fault> {
        let version = protocol.version();
        log::set_object(&version.bucket, &version.key, &version.version_id);
        log::info(&messages::effect(effect));
        self.edge.perform(effect, self.until).await
    }
}
