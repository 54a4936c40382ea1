//! Effects on the fakes, with the results that AWS gives.

use ingest::effect::{CopyDigest, Effect, EffectResult, ObjectBody};
use ingest::item::source_of;
use ingest::quarantine::{ReasonRecord, copy_key, reason_key};
use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use lambda_support::fakes::{FakeAws, S3Error};
use sluice_types::ObjectVersion;

use super::{MAX_OBJECT_BYTES, PROCESSING, QUARANTINE, reason_record};

pub(crate) fn perform(aws: &mut FakeAws, effect: &Effect) -> EffectResult {
    match effect {
        Effect::FindVersion { key, version_id } => find_version(aws, key, version_id.as_deref()),
        Effect::CheckQuarantine(version) => EffectResult::Reason(reason_record(aws, version).map(Box::new)),
        Effect::Read(version) => read(aws, version),
        Effect::InspectVersion(version) => {
            let object = aws.s3.get(&version.bucket, &version.key, Some(&version.version_id));
            let rejected = object.is_ok_and(|o| o.obstacle == Some(Obstacle::CustomerKey));
            EffectResult::HeadRejected(rejected)
        }
        Effect::Store(item) => match aws.table.put_new(item.attributes()) {
            Ok(()) => EffectResult::Stored,
            Err(old) => EffectResult::Occupied(source_of(&old)),
        },
        Effect::FindItem(key) => {
            let item = aws.table.get(key);
            EffectResult::ItemSource(item.and_then(|item| source_of(&item)))
        }
        Effect::SeeQuarantine(version) => {
            let keys = aws.s3.list(QUARANTINE, &copy_key(version));
            let exists = |key: String| keys.contains(&key.as_str());
            EffectResult::Quarantined { copy: exists(copy_key(version)), reason: exists(reason_key(version)) }
        }
        Effect::Copy(version) => {
            let from = (version.bucket.as_str(), version.key.as_str(), version.version_id.as_str());
            match aws.s3.copy(from, (QUARANTINE, &copy_key(version))) {
                Ok(_) => EffectResult::Done,
                Err(error) => EffectResult::NotRead(Fault::new("CopyObject", format!("{error:?}")), None),
            }
        }
        Effect::InspectCopy(version) => {
            let copy = aws.s3.get(QUARANTINE, &copy_key(version), None).ok();
            EffectResult::Copied(copy.map(|o| CopyDigest { size: o.size(), sha256: o.sha256() }))
        }
        Effect::WriteReason(reason) => write_reason(aws, reason),
        Effect::DeleteSource(version) => {
            aws.s3.delete(&version.bucket, &version.key, Some(&version.version_id));
            EffectResult::Done
        }
        Effect::Notify(notice) => {
            aws.notices.push(serde_json::to_string(notice).unwrap());
            EffectResult::Done
        }
    }
}

fn find_version(aws: &FakeAws, key: &str, version_id: Option<&str>) -> EffectResult {
    let objects = aws.s3.versions(PROCESSING, key);
    let found = objects.into_iter().find(|object| version_id.is_none_or(|id| object.version_id == id));
    let readable = found.filter(|object| object.body.is_some());
    EffectResult::Version(readable.map(|object| object.listed(PROCESSING, key)))
}

fn read(aws: &FakeAws, version: &ObjectVersion) -> EffectResult {
    match aws.s3.read(&version.bucket, &version.key, Some(&version.version_id)) {
        Ok(object) if object.size() > MAX_OBJECT_BYTES => EffectResult::Oversize { size: object.size() },
        Ok(object) => EffectResult::Object(ObjectBody {
            bytes: object.body.as_deref().unwrap_or_default().to_vec(),
            sha256: object.sha256(),
            etag: None,
        }),
        Err(error) => {
            let obstacle = match error {
                S3Error::Unreadable(obstacle) => Some(obstacle),
                _ => None,
            };
            EffectResult::NotRead(Fault::new("GetObject", format!("{error:?}")), obstacle)
        }
    }
}

fn write_reason(aws: &mut FakeAws, reason: &ReasonRecord) -> EffectResult {
    let text = serde_json::to_vec(reason).unwrap();
    match aws.s3.put(QUARANTINE, &reason_key(&reason.source.version), &text, true) {
        Ok(_) => EffectResult::Done,
        Err(_) => EffectResult::ReasonExists,
    }
}
