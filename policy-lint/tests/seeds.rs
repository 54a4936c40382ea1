//! Mistakes of the documents this project started from: each is found where it stands.
use std::sync::Arc;

use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::rule::Persona;
use source_text::SourceFile;

fn rules(path: &str, text: &str) -> Vec<(usize, &'static str)> {
    let Outcome::Read(project) = policy_file::read(Arc::new(SourceFile::new(path, text)), None, true) else {
        panic!("not a policy")
    };
    let findings = engine::run(&project).findings;
    let regular = findings.iter().filter(|f| f.finding.persona == Persona::Regular);
    let mut found: Vec<_> = regular.map(|f| (f.location.positions().0.line, f.finding.rule.name)).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_permissions_policy_in_the_place_of_a_trust_policy_is_told_by_its_file() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\n{\"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\"], \"Resource\": \"arn:aws:s3:::b/p/*\"}]}";
    assert_eq!(rules("braintrust-trust-policy.json", text), [(2, "trust-without-principal")]);
    assert_eq!(rules("braintrust-s3-policy.json", text), []);
}

#[test]
fn a_prefix_condition_that_restricts_nothing_and_one_that_never_applies() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\",\n\"Action\": [\"s3:ListBucket\", \"s3:GetBucketLocation\"],\n\"Resource\": \"arn:aws:s3:::b\",\n\"Condition\": {\"StringLike\": {\"s3:prefix\": [\"*\"]}}}}";
    assert_eq!(rules("p.json", text), [(4, "condition-always-true"), (4, "condition-key-not-in-request")]);
}

#[test]
fn a_bucket_where_an_object_is_meant_and_the_other_way_round() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\n{\"Effect\": \"Allow\", \"Action\": \"s3:ListBucket\", \"Resource\": \"arn:aws:s3:::b/wistia/raw/*\"},\n{\"Effect\": \"Allow\", \"Action\": \"s3:PutObject\", \"Resource\": \"arn:aws:s3:::b\"}]}";
    assert_eq!(rules("p.json", text), [(2, "resource-type-mismatch"), (3, "resource-type-mismatch")]);
}

#[test]
fn a_topic_that_lets_the_service_in_where_the_role_calls() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\",\n\"Principal\": {\"Service\": \"lambda.amazonaws.com\"},\n\"Action\": \"SNS:Publish\", \"Resource\": \"arn:aws:sns:us-east-1:111122223333:alerts\"}}";
    assert_eq!(rules("topic.json", text), [(2, "service-principal-for-role")]);
}
