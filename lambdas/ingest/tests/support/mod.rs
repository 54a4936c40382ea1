//! The protocol against in-memory fakes of S3, DynamoDB and SNS.
#![allow(dead_code, reason = "each test uses some of it")]

mod effects;
pub(crate) mod location;

use ingest::deployment::Deployment;
use ingest::effect::{Effect, EffectResult};
use ingest::outcome::Outcome;
use ingest::protocol::IngestProtocol;
use ingest::quarantine::{ReasonRecord, reason_key};
use ingest::schema::Schema;
use ingest::validate::ItemValidator;
use ingest::verdict::Verdict;
use lambda_support::fakes::{FakeAws, Table};
use lambda_support::{Arrival, Fault, Protocol, Step};
use sluice_types::{ObjectVersion, Timestamp};

pub(crate) use effects::perform;

pub(crate) const PROCESSING: &str = "processing";
pub(crate) const QUARANTINE: &str = "quarantine";
/// 2026-01-02T03:04:05.000Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_000);
pub(crate) const MAX_OBJECT_BYTES: u64 = 4096;

/// The schema of the Terraform example for music items.
pub(crate) const SCHEMA: &str = include_str!("../../../../terraform/examples/eventpulse/music-item.schema.json");

pub(crate) fn fake_aws() -> FakeAws {
    FakeAws { table: Table::new(&["ArtistID", "ItemID"]), ..FakeAws::default() }
}

pub(crate) fn deployment() -> Deployment {
    Deployment {
        validator: ItemValidator {
            schema: Schema::compile(SCHEMA).unwrap(),
            hash_key: "ArtistID".into(),
            range_key: Some("ItemID".into()),
            check_item_id: false,
        },
        processing_bucket: PROCESSING.into(),
        prefix: String::new(),
        quarantine_bucket: QUARANTINE.into(),
        notify_on: vec![Outcome::Invalid, Outcome::Conflict, Outcome::TooLarge, Outcome::Unreadable],
        max_object_bytes: MAX_OBJECT_BYTES,
    }
}

pub(crate) fn arrival(key: &str, version_id: Option<&str>) -> Arrival {
    Arrival {
        bucket: PROCESSING.into(),
        key: key.into(),
        version_id: version_id.map(str::to_owned),
        size: None,
        etag: None,
        sequencer: None,
        time: None,
        request_id: None,
    }
}

/// A music item. Items that differ in `year` only have the same table key and other bytes.
pub(crate) fn item(artist: &str, title: &str, year: u32) -> String {
    format!(r#"{{"ArtistID":{{"S":"{artist}"}},"ItemID":{{"S":"TRACK#{title}"}},"Year":{{"N":"{year}"}}}}"#)
}

/// A version in the processing bucket.
pub(crate) fn version(key: &str, version_id: &str) -> ObjectVersion {
    ObjectVersion { bucket: PROCESSING.into(), key: key.into(), version_id: version_id.into() }
}

/// The reason record of a version, if it exists.
pub(crate) fn reason_record(aws: &FakeAws, version: &ObjectVersion) -> Option<ReasonRecord> {
    let object = aws.s3.get(QUARANTINE, &reason_key(version), None).ok()?;
    serde_json::from_slice(object.body.as_deref()?).ok()
}

/// One deployment of the function.
pub(crate) struct Harness {
    pub(crate) aws: FakeAws,
    pub(crate) deployment: Deployment,
}

/// A delivery that is complete: its effects with their results, and what it came to.
pub(crate) struct Delivered {
    pub(crate) effects: Vec<(Effect, EffectResult)>,
    pub(crate) verdict: Result<Verdict, Fault>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self { aws: fake_aws(), deployment: deployment() }
    }

    /// Puts an object in the processing bucket; returns its version-id.
    pub(crate) fn put(&mut self, key: &str, bytes: &[u8]) -> String {
        self.aws.s3.put(PROCESSING, key, bytes, false).unwrap()
    }

    /// Puts an object and delivers its event.
    pub(crate) fn put_and_deliver(&mut self, key: &str, bytes: &[u8]) -> Verdict {
        let version_id = self.put(key, bytes);
        self.deliver(key, Some(&version_id)).verdict.unwrap()
    }

    /// Delivers an event.
    pub(crate) fn deliver(&mut self, key: &str, version_id: Option<&str>) -> Delivered {
        self.deliver_with(arrival(key, version_id), |_| None)
    }

    /// Delivers an event. A result of `respond` replaces the call of that effect.
    pub(crate) fn deliver_with(
        &mut self,
        arrival: Arrival,
        respond: impl Fn(&Effect) -> Option<EffectResult>,
    ) -> Delivered {
        let (mut protocol, mut step) = IngestProtocol::start(arrival, &self.deployment, NOW);
        let mut effects = Vec::new();
        let verdict = loop {
            let effect = match step {
                Step::Done(verdict) => break Ok(*verdict),
                Step::Fault(fault) => break Err(fault),
                Step::Perform(effect) => effect,
            };
            let result = respond(&effect).unwrap_or_else(|| perform(&mut self.aws, &effect));
            step = protocol.next(&self.deployment, result.clone(), NOW);
            effects.push((effect, result));
        };
        Delivered { effects, verdict }
    }
}

impl Delivered {
    pub(crate) fn outcome(&self) -> Outcome {
        self.verdict.as_ref().unwrap().outcome
    }

    /// The names of the effects, in order.
    pub(crate) fn effect_names(&self) -> Vec<String> {
        let name = |effect: &Effect| format!("{effect:?}").split([' ', '(']).next().unwrap().to_owned();
        self.effects.iter().map(|(effect, _)| name(effect)).collect()
    }
}
