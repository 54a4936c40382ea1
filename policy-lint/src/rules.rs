//! The list of rules. A rule is two files and two lines here.
use iam_policy::spelling;

use crate::rule::{Persona, Rule};

pub mod acl_without_effect;
pub mod action_matches_nothing;
pub mod allow_expired;
pub mod allow_unused;
pub mod allow_without_reason;
pub mod broad_arn;
pub mod broad_managed_policy;
pub mod broad_resource;
pub mod broken_variable;
pub mod bucket_events_disabled;
pub mod condition_always_true;
pub mod condition_key_not_in_request;
pub mod conflicting_elements;
pub mod confused_deputy;
pub mod duplicate_bucket_notification;
pub mod duplicate_key;
pub mod duplicate_sid;
pub mod empty_element;
pub mod equal_bucket_names;
pub mod event_source_without_grant;
pub mod federation_without_subject;
pub mod foreign_resource;
pub mod invalid_action;
pub mod invalid_arn;
pub mod invalid_condition_value;
pub mod invalid_effect;
pub mod invalid_policy;
pub mod invalid_principal;
pub mod invalid_sid;
pub mod invalid_version;
pub mod key_blocks_service;
pub mod like_without_wildcard;
pub mod missing_element;
pub mod missing_key_grant;
pub mod missing_set_operator;
pub mod missing_tls_deny;
pub mod not_action_allow;
pub mod not_action_deny_by_tag;
pub mod not_principal_allow;
pub mod not_resource_allow;
pub mod operator_type_mismatch;
pub mod permissive_wildcard;
pub mod policy_too_large;
pub mod prefix_by_exclusion;
pub mod principal_action_mismatch;
pub mod private_source_ip;
pub mod privilege_escalation;
pub mod public_principal;
pub mod redundant_action;
pub mod redundant_condition_value;
pub mod redundant_principal;
pub mod redundant_resource;
pub mod redundant_statement;
pub mod resource_never_used;
pub mod resource_type_mismatch;
pub mod retired_action;
pub mod service_principal_for_role;
pub mod service_wildcard;
pub mod set_operator_on_single_value;
pub mod short_visibility_timeout;
pub mod string_operator_on_arn_key;
pub mod target_without_permission;
pub mod trust_without_principal;
pub mod unassumable_role;
pub mod unbounded_pass_role;
pub mod unbounded_service_linked_role;
pub mod unknown_action;
pub mod unknown_condition_key;
pub mod unknown_element;
pub mod unknown_operator;
pub mod unknown_service;
pub mod unknown_service_principal;
pub mod unpaired_condition_key;
pub mod unsupported_action;
pub mod unsupported_element;
pub mod verb_wildcard;
pub mod whole_account_trust;
pub mod wildcard_action;
pub mod wildcard_without_like;
pub mod wrong_type;

/// Every rule, in the order of their names.
pub static ALL: &[&Rule] = &[
    &acl_without_effect::RULE,
    &action_matches_nothing::RULE,
    &allow_expired::RULE,
    &allow_unused::RULE,
    &allow_without_reason::RULE,
    &broad_arn::RULE,
    &broad_managed_policy::RULE,
    &broad_resource::RULE,
    &broken_variable::RULE,
    &bucket_events_disabled::RULE,
    &condition_always_true::RULE,
    &condition_key_not_in_request::RULE,
    &conflicting_elements::RULE,
    &confused_deputy::RULE,
    &duplicate_bucket_notification::RULE,
    &duplicate_key::RULE,
    &duplicate_sid::RULE,
    &empty_element::RULE,
    &equal_bucket_names::RULE,
    &event_source_without_grant::RULE,
    &federation_without_subject::RULE,
    &foreign_resource::RULE,
    &invalid_action::RULE,
    &invalid_arn::RULE,
    &invalid_condition_value::RULE,
    &invalid_effect::RULE,
    &invalid_policy::RULE,
    &invalid_principal::RULE,
    &invalid_sid::RULE,
    &invalid_version::RULE,
    &key_blocks_service::RULE,
    &like_without_wildcard::RULE,
    &missing_element::RULE,
    &missing_key_grant::RULE,
    &missing_set_operator::RULE,
    &missing_tls_deny::RULE,
    &not_action_allow::RULE,
    &not_action_deny_by_tag::RULE,
    &not_principal_allow::RULE,
    &not_resource_allow::RULE,
    &operator_type_mismatch::RULE,
    &permissive_wildcard::RULE,
    &policy_too_large::RULE,
    &prefix_by_exclusion::RULE,
    &principal_action_mismatch::RULE,
    &private_source_ip::RULE,
    &privilege_escalation::RULE,
    &public_principal::RULE,
    &redundant_action::RULE,
    &redundant_condition_value::RULE,
    &redundant_principal::RULE,
    &redundant_resource::RULE,
    &redundant_statement::RULE,
    &resource_never_used::RULE,
    &resource_type_mismatch::RULE,
    &retired_action::RULE,
    &service_principal_for_role::RULE,
    &service_wildcard::RULE,
    &set_operator_on_single_value::RULE,
    &short_visibility_timeout::RULE,
    &string_operator_on_arn_key::RULE,
    &target_without_permission::RULE,
    &trust_without_principal::RULE,
    &unassumable_role::RULE,
    &unbounded_pass_role::RULE,
    &unbounded_service_linked_role::RULE,
    &unknown_action::RULE,
    &unknown_condition_key::RULE,
    &unknown_element::RULE,
    &unknown_operator::RULE,
    &unknown_service::RULE,
    &unknown_service_principal::RULE,
    &unpaired_condition_key::RULE,
    &unsupported_action::RULE,
    &unsupported_element::RULE,
    &verb_wildcard::RULE,
    &whole_account_trust::RULE,
    &wildcard_action::RULE,
    &wildcard_without_like::RULE,
    &wrong_type::RULE,
];

/// The rule with a name.
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.iter().find(|r| r.name == name).copied()
}

/// The rules that can have findings for a persona.
pub fn visible_to(persona: Persona) -> Vec<&'static Rule> {
    ALL.iter().copied().filter(|rule| rule.persona <= persona).collect()
}

/// `, did you mean …?` for a misspelled rule; empty if no rule is close.
pub fn suggestion(rule: &str) -> String {
    let near = spelling::closest(rule, ALL.iter().map(|r| r.name));
    near.map_or_else(String::new, |n| format!(", did you mean `{n}`?"))
}
