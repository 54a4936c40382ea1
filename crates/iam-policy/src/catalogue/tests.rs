use super::*;

#[test]
fn names_are_found_in_any_case_and_only_when_they_exist() {
    let action = Action::find("S3:putobject").unwrap();
    assert_eq!(action.full_name(), "s3:PutObject");
    assert_eq!(action.level(), AccessLevel::Write);
    assert_eq!(action.resources().map(ResourceType::name).collect::<Vec<_>>(), ["accesspointobject", "object"]);
    assert!(Action::find("s3:PutObjects").is_none() && Service::find("s4").is_none());
    assert!(!Action::find("s3:ListAllMyBuckets").unwrap().restrictable());
    assert_eq!(Action::find("iam:DeleteOpenIDConnectProvider").unwrap().level(), AccessLevel::Permissions);
    assert!(Action::find("lambda:CreateFunction").unwrap().dependents().any(|a| a.full_name() == "iam:PassRole"));
}

#[test]
fn every_table_can_be_searched() {
    let mut actions = 0;
    for service in Service::all() {
        assert_eq!(Service::find(service.prefix()), Some(service), "{}", service.prefix());
        for action in service.actions() {
            actions += 1;
            assert_eq!(Action::find(&action.full_name()), Some(action), "{}", action.full_name());
            assert_eq!(action.service(), service);
        }
    }
    assert!(actions > 20_000, "{actions} actions");
    for key in ConditionKey::all() {
        assert_eq!(ConditionKey::find(key.name()), Some(key), "{}", key.name());
    }
}

#[test]
fn keys_with_a_free_part_find_their_family() {
    for (name, family) in [
        ("aws:requesttag/Team", "aws:RequestTag/*"),
        ("kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:*"),
        ("ec2:ResourceTag/aws:ec2:fleet-id", "ec2:ResourceTag/*"),
    ] {
        assert_eq!(ConditionKey::find(name).map(ConditionKey::name), Some(family), "{name}");
    }
    assert!(ConditionKey::find("s3:prefixes").is_none());
}

#[test]
fn a_pattern_stands_for_the_actions_it_matches() {
    let names: Vec<_> = Service::find("sqs").unwrap().matching("*MessageBatch").map(Action::full_name).collect();
    assert_eq!(names, Vec::<String>::new());
    let names: Vec<_> = Service::find("sqs").unwrap().matching("receive*").map(Action::full_name).collect();
    assert_eq!(names, ["sqs:ReceiveMessage"]);
}

#[test]
fn retired_names_are_known_and_other_names_are_not() {
    assert!(is_retired("DeepRacer:CreateCar") || is_retired_service("deepracer"));
    assert!(is_retired("payments:GetPaymentAttempt") && is_retired("zocalo:Check"));
    assert!(!is_retired("s3:Nonsense") && !is_retired_service("s4"));
}
