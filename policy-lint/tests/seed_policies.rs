//! Mistakes in policies of production systems: each is found at its line.
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
fn a_file_name_shows_that_a_trust_policy_is_missing_its_principal() {
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
fn an_object_action_on_a_bucket_and_a_bucket_action_on_objects_are_found() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\n{\"Effect\": \"Allow\", \"Action\": \"s3:ListBucket\", \"Resource\": \"arn:aws:s3:::b/wistia/raw/*\"},\n{\"Effect\": \"Allow\", \"Action\": \"s3:PutObject\", \"Resource\": \"arn:aws:s3:::b\"}]}";
    assert_eq!(rules("p.json", text), [(2, "resource-type-mismatch"), (3, "resource-type-mismatch")]);
}

#[test]
fn a_topic_policy_with_the_service_instead_of_the_role_is_found() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\",\n\"Principal\": {\"Service\": \"lambda.amazonaws.com\"},\n\"Action\": \"SNS:Publish\", \"Resource\": \"arn:aws:sns:us-east-1:111122223333:alerts\"}}";
    assert_eq!(rules("topic.json", text), [(2, "service-principal-for-role")]);
}
