//! The protocol's effects on the in-memory world, and what every history must leave behind.
#![allow(dead_code, reason = "each test uses its part")]

use ingest::effect::{Body, Effect, Facts, Outcome};
use ingest::judge::{Rules, source_of};
use ingest::plan::Plan;
use ingest::protocol::Verdict;
use ingest::record::{End, Reason, Source};
use ingest::schema::Schema;
use lambda_support::aws::Obstacle;
use lambda_support::fakes::{FakeAws, S3Error, Table};
use lambda_support::{Arrival, Fault};

pub const IN: &str = "processing";
pub const OUT: &str = "quarantine";
pub const NOW: &str = "2026-01-02T03:04:05Z";
pub const MAX_BYTES: u64 = 4096;

/// The schema that Terraform ships.
pub const SCHEMA: &str = include_str!("../../../../terraform/modules/ingest/music-item.schema.json");

pub fn world() -> FakeAws {
    FakeAws { table: Table::new(&["ArtistID", "ItemID"]), ..FakeAws::default() }
}

pub fn plan() -> Plan {
    Plan {
        rules: Rules {
            schema: Schema::compile(SCHEMA).unwrap(),
            hash_key: "ArtistID".into(),
            range_key: Some("ItemID".into()),
            check_item_id: false,
        },
        bucket: IN.into(),
        prefix: String::new(),
        quarantine: OUT.into(),
        notify_on: vec![End::Invalid, End::Conflict, End::TooLarge, End::Unreadable],
        max_bytes: MAX_BYTES,
    }
}

pub fn arrival(key: &str, version_id: Option<&str>) -> Arrival {
    Arrival {
        bucket: IN.into(),
        key: key.into(),
        version_id: version_id.map(str::to_owned),
        size: None,
        etag: None,
        sequencer: None,
        time: None,
        request_id: None,
    }
}

/// A music item of this artist and title; `year` tells otherwise equal ones apart.
pub fn item(artist: &str, title: &str, year: u32) -> String {
    format!(r#"{{"ArtistID":{{"S":"{artist}"}},"ItemID":{{"S":"TRACK#{title}"}},"Year":{{"N":"{year}"}}}}"#)
}

/// One effect on the world, as S3, DynamoDB and SNS would answer it.
pub fn perform(world: &mut FakeAws, effect: &Effect) -> Outcome {
    match effect {
        Effect::FindVersion { key, version_id } => {
            let mut versions = world.s3.versions(IN, key).into_iter();
            let found = match version_id {
                Some(id) => versions.find(|o| o.version_id == *id),
                None => versions.next(),
            };
            let found = found.filter(|o| o.body.is_some());
            Outcome::Found(found.map(|o| o.listed(IN, key)))
        }
        Effect::CheckQuarantine(source) => {
            let reason = reason_of(world, source);
            Outcome::Decided(reason.map(Box::new))
        }
        Effect::Read(s) => match world.s3.read(&s.bucket, &s.key, Some(&s.version_id)) {
            Err(error) => not_read("GetObject", error),
            Ok(object) if object.size() > MAX_BYTES => Outcome::Oversize { size: object.size() },
            Ok(object) => Outcome::Body(Body {
                bytes: object.body.as_deref().unwrap_or_default().to_vec(),
                sha256: object.sha256(),
                etag: None,
            }),
        },
        Effect::InspectVersion(s) => {
            let found = world.s3.get(&s.bucket, &s.key, Some(&s.version_id));
            let refused = found.map(|o| o.obstacle == Some(Obstacle::CustomerKey));
            Outcome::HeadRefused(refused.unwrap_or(false))
        }
        Effect::Store(item) => match world.table.put_new(item.attributes()) {
            Ok(()) => Outcome::Stored,
            Err(old) => Outcome::Occupied(source_of(&old)),
        },
        Effect::FindItem(key) => {
            let found = world.table.get(key);
            Outcome::Occupied(found.and_then(|item| source_of(&item)))
        }
        Effect::SeeQuarantine(s) => {
            let keys = world.s3.list(OUT, &s.copy_key());
            Outcome::Seen {
                copy: keys.contains(&s.copy_key().as_str()),
                reason: keys.contains(&s.reason_key().as_str()),
            }
        }
        Effect::Copy(s) => {
            let from = (s.bucket.as_str(), s.key.as_str(), s.version_id.as_str());
            match world.s3.copy(from, (OUT, &s.copy_key())) {
                Ok(_) => Outcome::Done,
                Err(error) => not_read("CopyObject", error),
            }
        }
        Effect::InspectCopy(s) => {
            let copy = world.s3.get(OUT, &s.copy_key(), None).ok();
            Outcome::Inspected(copy.map(|o| Facts { size: o.size(), sha256: Some(o.sha256()) }))
        }
        Effect::WriteReason(reason) => {
            let text = serde_json::to_vec(reason).unwrap();
            match world.s3.put(OUT, &reason.source.reason_key(), &text, true) {
                Ok(_) => Outcome::Done,
                Err(_) => Outcome::WrittenBefore,
            }
        }
        Effect::DeleteSource(s) => {
            world.s3.delete(&s.bucket, &s.key, Some(&s.version_id));
            Outcome::Done
        }
        Effect::Notify(notice) => {
            world.notices.push(serde_json::to_string(notice).unwrap());
            Outcome::Done
        }
    }
}

/// As the edge tells it: a copy names no obstacle.
fn not_read(call: &str, error: S3Error) -> Outcome {
    let obstacle = match error {
        S3Error::Unreadable(obstacle) if call == "GetObject" => Some(obstacle),
        _ => None,
    };
    Outcome::NotRead(Fault::new(call, format!("{error:?}")), obstacle)
}

pub fn reason_of(world: &FakeAws, source: &Source) -> Option<Reason> {
    let object = world.s3.get(OUT, &source.reason_key(), None).ok()?;
    serde_json::from_slice(object.body.as_deref()?).ok()
}

pub fn source(key: &str, version_id: &str) -> Source {
    Source {
        bucket: IN.into(),
        key: key.into(),
        version_id: version_id.into(),
        etag: None,
        size: None,
        sha256: None,
        sequencer: None,
    }
}

/// Where the world says this version is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its item is in the table, its bytes where they came.
    Table,
    /// Its copy and its reason are in quarantine, its bytes gone from where they came.
    Quarantine,
    /// Only where it came.
    Untouched,
    /// Nowhere.
    Nowhere,
}

/// The invariant, written once: at any moment a version is stored or being quarantined, never both; its bytes are
/// deleted only after a whole copy and a reason are in quarantine (or by its owner). Returns where it is.
pub fn place(world: &FakeAws, version: &Source, bytes: &[u8], deleted_by_owner: bool) -> Place {
    place_among(world, &stored(world), version, bytes, deleted_by_owner)
}

/// The version-ids of the objects whose items are in the table.
pub fn stored(world: &FakeAws) -> Vec<String> {
    let sources = world.table.items().filter_map(|item| source_of(&item));
    let mut ids: Vec<String> = sources.map(|s| s.version_id).collect();
    ids.sort();
    ids
}

/// [`place`], where `stored` is already known.
pub fn place_among(
    world: &FakeAws,
    stored: &[String],
    version: &Source,
    bytes: &[u8],
    deleted_by_owner: bool,
) -> Place {
    let from = stored.partition_point(|id| *id < version.version_id);
    let to = stored.partition_point(|id| *id <= version.version_id);
    let stored = to - from;
    assert!(stored <= 1, "stored {stored} times: {version:?}");
    let reason = reason_of(world, version);
    let copy = world.s3.get(OUT, &version.copy_key(), None).ok();
    let here = world.s3.get(IN, &version.key, Some(&version.version_id)).is_ok();
    if reason.is_some() {
        assert_eq!(stored, 0, "stored and quarantined: {version:?}");
        let copy = copy.expect("a reason without a copy");
        assert_eq!(copy.body.as_deref(), Some(bytes), "the copy is not the object");
    } else {
        assert!(here || deleted_by_owner, "deleted without a reason: {version:?}");
    }
    match (stored, reason.is_some(), here) {
        (1, ..) => Place::Table,
        (_, true, false) => Place::Quarantine,
        (_, _, true) => Place::Untouched,
        _ => Place::Nowhere,
    }
}

/// A verdict of a finished delivery is true of the world.
pub fn agrees(verdict: &Verdict, place: Place, deleted_by_owner: bool) {
    let fits = match verdict.end {
        End::Stored | End::Redelivered => place == Place::Table,
        End::Conflict | End::Invalid => place == Place::Quarantine,
        End::Duplicate | End::Skipped | End::TooLarge | End::Unreadable => {
            place == Place::Untouched || deleted_by_owner
        }
        End::Gone => place == Place::Nowhere || deleted_by_owner,
    };
    assert!(fits, "{:?} but {place:?}", verdict.end);
}
