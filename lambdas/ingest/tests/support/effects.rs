//! Effects on the fakes, with the results that AWS gives.

use ingest::effect::{CopyAttributes, Effect, EffectResult, ObjectBody};
use ingest::item::source_of;
use ingest::source::Source;
use lambda_support::Fault;
use lambda_support::aws::{Found, Obstacle};
use lambda_support::fakes::{S3Error, World};

use super::{MAX_OBJECT_BYTES, PROCESSING, QUARANTINE, reason_record};

pub fn perform(world: &mut World, effect: &Effect) -> EffectResult {
    match effect {
        Effect::FindVersion { key, version_id } => find_version(world, key, version_id.as_deref()),
        Effect::CheckQuarantine(source) => EffectResult::Reason(reason_record(world, source).map(Box::new)),
        Effect::Read(source) => read(world, source),
        Effect::InspectVersion(source) => {
            let object = world.s3.get(&source.bucket, &source.key, Some(&source.version_id));
            let rejected = object.is_ok_and(|o| o.obstacle == Some(Obstacle::CustomerKey));
            EffectResult::HeadRejected(rejected)
        }
        Effect::Store(item) => match world.table.put_new(item.attributes()) {
            Ok(()) => EffectResult::Stored,
            Err(old) => EffectResult::Occupied(source_of(&old)),
        },
        Effect::FindItem(key) => {
            let item = world.table.get(key);
            EffectResult::ItemSource(item.and_then(|item| source_of(&item)))
        }
        Effect::SeeQuarantine(source) => {
            let keys = world.s3.list(QUARANTINE, &source.copy_key());
            let exists = |key: String| keys.contains(&key.as_str());
            EffectResult::Quarantined { copy: exists(source.copy_key()), reason: exists(source.reason_key()) }
        }
        Effect::Copy(source) => {
            let from = (source.bucket.as_str(), source.key.as_str(), source.version_id.as_str());
            match world.s3.copy(from, (QUARANTINE, &source.copy_key())) {
                Ok(_) => EffectResult::Done,
                Err(error) => EffectResult::NotRead(Fault::new("CopyObject", format!("{error:?}")), None),
            }
        }
        Effect::InspectCopy(source) => {
            let copy = world.s3.get(QUARANTINE, &source.copy_key(), None).ok();
            EffectResult::Copied(copy.map(|o| CopyAttributes { size: o.size(), sha256: o.sha256() }))
        }
        Effect::WriteReason(reason) => {
            let text = serde_json::to_vec(reason).unwrap();
            match world.s3.put(QUARANTINE, &reason.source.reason_key(), &text, true) {
                Ok(_) => EffectResult::Done,
                Err(_) => EffectResult::ReasonExists,
            }
        }
        Effect::DeleteSource(source) => {
            world.s3.delete(&source.bucket, &source.key, Some(&source.version_id));
            EffectResult::Done
        }
        Effect::Notify(notice) => {
            world.notices.push(serde_json::to_string(notice).unwrap());
            EffectResult::Done
        }
    }
}

fn find_version(world: &World, key: &str, version_id: Option<&str>) -> EffectResult {
    let mut versions = world.s3.versions(PROCESSING, key).into_iter();
    let version = versions.find(|o| version_id.is_none_or(|id| o.version_id == id));
    let version = version.filter(|o| o.body.is_some());
    EffectResult::Version(version.map(|o| Found { version_id: o.version_id.clone(), size: Some(o.size()), etag: None }))
}

fn read(world: &World, source: &Source) -> EffectResult {
    match world.s3.read(&source.bucket, &source.key, Some(&source.version_id)) {
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
