//! Errors of AWS: a permanent one determines the outcome, a temporary one returns the message to the queue.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use ingest::effect::{Effect, EffectResult};
use ingest::outcome::Outcome;
use lambda_support::Fault;
use lambda_support::aws::Obstacle;
use support::{Harness, PROCESSING, arrival, item};

/// A deployment with one valid object; also returns its version-id.
fn harness() -> (Harness, String) {
    let mut harness = Harness::new();
    let version_id = harness.put("x.json", item("A", "B", 1).as_bytes());
    (harness, version_id)
}

/// It stays in the processing bucket, and the notice says why and what to do.
#[test]
fn a_version_that_s3_does_not_let_read_is_unreadable() {
    for (obstacle, rule, inspections) in [
        (Obstacle::Archived, "archived", 0),
        (Obstacle::KmsKey, "kms-key", 0),
        (Obstacle::CustomerKey, "customer-key", 1),
    ] {
        let (mut harness, version_id) = harness();
        harness.aws.s3.set_obstacle(PROCESSING, "x.json", &version_id, Some(obstacle));
        let delivered = harness.deliver("x.json", Some(&version_id));
        let mut expected = vec!["CheckQuarantine", "Read", "FindVersion"];
        expected.extend(vec!["InspectVersion"; inspections]);
        expected.push("Notify");
        assert_eq!(delivered.effect_names(), expected);
        let verdict = delivered.verdict.unwrap();
        assert_eq!((verdict.outcome, verdict.reasons[0].rule.as_str()), (Outcome::Unreadable, rule));
        assert!(harness.aws.notices[0].contains("\"end\":\"unreadable\""));
        harness.aws.s3.set_obstacle(PROCESSING, "x.json", &version_id, None);
        assert_eq!(harness.deliver("x.json", Some(&version_id)).outcome(), Outcome::Stored);
    }
}

/// S3 returns `InvalidRequest` for other reasons too. Where `HeadObject` succeeds, the message returns to the queue.
#[test]
fn a_rejected_read_with_a_successful_head_is_a_fault() {
    let (mut harness, version_id) = harness();
    let rejected = Fault::new("GetObject", "InvalidRequest");
    let delivered = harness.deliver_with(arrival("x.json", Some(&version_id)), |effect| match effect {
        Effect::Read(_) => Some(EffectResult::NotRead(rejected.clone(), Some(Obstacle::CustomerKey))),
        _ => None,
    });
    assert_eq!(delivered.verdict, Err(rejected));
}

/// Whatever the error of the read: S3 returns 405 for a delete marker and 400 for a malformed version-id.
#[test]
fn a_version_that_is_not_listed_is_gone() {
    let (mut harness, version_id) = harness();
    harness.aws.s3.delete(PROCESSING, "x.json", Some(&version_id));
    for obstacle in [None, Some(Obstacle::CustomerKey), Some(Obstacle::Archived)] {
        let delivered = harness.deliver_with(arrival("x.json", Some(&version_id)), |effect| match effect {
            Effect::Read(_) => Some(EffectResult::NotRead(Fault::new("GetObject", "MethodNotAllowed"), obstacle)),
            _ => None,
        });
        assert_eq!(delivered.outcome(), Outcome::Gone);
    }
}

#[test]
fn an_item_that_dynamodb_rejects_is_invalid_with_the_error_message() {
    let (mut harness, version_id) = harness();
    let message = "ValidationException: Nesting Levels have exceeded supported limits";
    let delivered = harness.deliver_with(arrival("x.json", Some(&version_id)), |effect| match effect {
        Effect::Store(_) => Some(EffectResult::Rejected(message.to_owned())),
        _ => None,
    });
    let verdict = delivered.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.reasons[0].rule.as_str()), (Outcome::Invalid, "dynamodb"));
    assert_eq!(verdict.reasons[0].message, message);
    assert!(harness.aws.table.items().next().is_none());
}
