//! What the deployment decides, for the protocol.

use crate::judge::Rules;
use crate::record::End;
use crate::schema::Schema;
use crate::settings::Settings;

/// What the deployment decides.
pub struct Plan {
    /// What makes an object an item.
    pub rules: Rules,
    /// The processing bucket; events of any other are faults.
    pub bucket: String,
    /// Keys outside are skipped.
    pub prefix: String,
    /// The quarantine bucket, for hints.
    pub quarantine: String,
    /// Ends that people are told of.
    pub notify_on: Vec<End>,
    /// The most bytes an object may have.
    pub max_bytes: u64,
}

impl Plan {
    /// What the settings and the schema decide together.
    #[must_use]
    pub fn new(settings: &Settings, schema: Schema) -> Self {
        Self {
            rules: Rules {
                schema,
                hash_key: settings.hash_key.clone(),
                range_key: settings.range_key.clone(),
                check_item_id: settings.check_item_id,
            },
            bucket: settings.processing_bucket.clone(),
            prefix: settings.prefix.clone(),
            quarantine: settings.quarantine_bucket.clone(),
            notify_on: settings.notify_on.clone(),
            max_bytes: settings.max_object_bytes,
        }
    }
}
