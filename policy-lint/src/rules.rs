//! The one list of rules. A rule is two files and two lines here.
use crate::rule::Rule;

pub mod allow_expired;
pub mod allow_unused;
pub mod allow_without_reason;
pub mod broad_managed_policy;
pub mod broad_resource;
pub mod invalid_policy;
pub mod not_action_allow;
pub mod public_principal;
pub mod service_wildcard;
pub mod trust_without_principal;
pub mod wildcard_action;

/// Every rule, in the order of their names.
pub static ALL: &[&Rule] = &[
    &allow_expired::RULE,
    &allow_unused::RULE,
    &allow_without_reason::RULE,
    &broad_managed_policy::RULE,
    &broad_resource::RULE,
    &invalid_policy::RULE,
    &not_action_allow::RULE,
    &public_principal::RULE,
    &service_wildcard::RULE,
    &trust_without_principal::RULE,
    &wildcard_action::RULE,
];

/// The rule of a name.
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.iter().find(|r| r.name == name).copied()
}
