//! The list of rules. A rule is two files in `rules/` and two lines in this file.
use iam_policy::spelling;

use crate::rule::{Persona, Rule};

pub(crate) mod acl_without_effect;
pub(crate) mod action_matches_nothing;
pub(crate) mod allow_expired;
pub(crate) mod allow_unused;
pub(crate) mod allow_without_reason;
pub(crate) mod broad_arn;
pub(crate) mod broad_managed_policy;
pub(crate) mod broad_resource;
pub(crate) mod broken_variable;
pub(crate) mod bucket_events_disabled;
pub(crate) mod condition_always_true;
pub(crate) mod condition_key_not_in_request;
pub(crate) mod conflicting_elements;
pub(crate) mod confused_deputy;
pub(crate) mod duplicate_bucket_notification;
pub(crate) mod duplicate_key;
pub(crate) mod duplicate_sid;
pub(crate) mod empty_element;
pub(crate) mod equal_bucket_names;
pub(crate) mod event_source_without_grant;
pub(crate) mod federation_without_subject;
pub(crate) mod foreign_resource;
pub(crate) mod invalid_action;
pub(crate) mod invalid_arn;
pub(crate) mod invalid_condition_value;
pub(crate) mod invalid_effect;
pub(crate) mod invalid_policy;
pub(crate) mod invalid_principal;
pub(crate) mod invalid_sid;
pub(crate) mod invalid_version;
pub(crate) mod key_blocks_service;
pub(crate) mod like_without_wildcard;
pub(crate) mod missing_element;
pub(crate) mod missing_key_grant;
pub(crate) mod missing_set_operator;
pub(crate) mod missing_tls_deny;
pub(crate) mod not_action_allow;
pub(crate) mod not_action_deny_by_tag;
pub(crate) mod not_principal_allow;
pub(crate) mod not_resource_allow;
pub(crate) mod operator_type_mismatch;
pub(crate) mod permissive_wildcard;
pub(crate) mod policy_too_large;
pub(crate) mod prefix_by_exclusion;
pub(crate) mod principal_action_mismatch;
pub(crate) mod private_source_ip;
pub(crate) mod privilege_escalation;
pub(crate) mod public_principal;
pub(crate) mod redundant_action;
pub(crate) mod redundant_condition_value;
pub(crate) mod redundant_principal;
pub(crate) mod redundant_resource;
pub(crate) mod redundant_statement;
pub(crate) mod resource_never_used;
pub(crate) mod resource_type_mismatch;
pub(crate) mod retired_action;
pub(crate) mod service_principal_for_role;
pub(crate) mod service_wildcard;
pub(crate) mod set_operator_on_single_value;
pub(crate) mod short_visibility_timeout;
pub(crate) mod string_operator_on_arn_key;
pub(crate) mod target_without_permission;
pub(crate) mod trust_without_principal;
pub(crate) mod unassumable_role;
pub(crate) mod unbounded_pass_role;
pub(crate) mod unbounded_service_linked_role;
pub(crate) mod unknown_action;
pub(crate) mod unknown_condition_key;
pub(crate) mod unknown_element;
pub(crate) mod unknown_operator;
pub(crate) mod unknown_service;
pub(crate) mod unknown_service_principal;
pub(crate) mod unpaired_condition_key;
pub(crate) mod unsupported_action;
pub(crate) mod unsupported_element;
pub(crate) mod verb_wildcard;
pub(crate) mod whole_account_trust;
pub(crate) mod wildcard_action;
pub(crate) mod wildcard_without_like;
pub(crate) mod wrong_type;

/// Every rule, sorted by name.
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

/// The rule with a name; `None` if there is none.
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
