//! What one deployment prescribes for the protocol.

use crate::outcome::Outcome;
use crate::schema::Schema;
use crate::settings::Settings;
use crate::validate::ItemValidator;

/// What one deployment prescribes for the protocol: its settings and its compiled schema.
pub struct Deployment {
    /// Validates objects.
    pub validator: ItemValidator,
    /// The processing bucket. An event of another bucket is a fault.
    pub processing_bucket: String,
    /// Objects with other keys are skipped; may be empty.
    pub prefix: String,
    /// The quarantine bucket, for the hints of notices.
    pub quarantine_bucket: String,
    /// The outcomes that are published.
    pub notify_on: Vec<Outcome>,
    /// The largest valid object, in bytes.
    pub max_object_bytes: u64,
}

impl Deployment {
    /// Combines the settings and the compiled schema.
    #[must_use]
    pub fn new(settings: &Settings, schema: Schema) -> Self {
        Self {
            validator: ItemValidator {
                schema,
                hash_key: settings.hash_key.clone(),
                range_key: settings.range_key.clone(),
                check_item_id: settings.check_item_id,
            },
            processing_bucket: settings.processing_bucket.clone(),
            prefix: settings.prefix.clone(),
            quarantine_bucket: settings.quarantine_bucket.clone(),
            notify_on: settings.notify_on.clone(),
            max_object_bytes: settings.max_object_bytes,
        }
    }
}
