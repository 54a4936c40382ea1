//! Which resource a value refers to.
use iam_policy::pattern;
use source_text::{Data, PLACEHOLDER, Text, Unknown, Value};
use terraform_eval::{Resource, address};

/// Whether a value refers to a resource: by its address, or by the value of one of its attributes.
pub(crate) fn refers_to(value: &Value, resource: &Resource, attributes: &[&str]) -> bool {
    // This is called for every pair of values and resources, and most differ here.
    let head = resource.address.split('[').next().unwrap_or_default();
    let referenced = |reference: &str| {
        reference.starts_with(head)
            && address::split_reference(reference).is_some_and(|(a, _, _)| address::same_resource(a, &resource.address))
    };
    match &value.data {
        Data::Unknown(unknown) => unknown.reference.as_deref().is_some_and(referenced),
        Data::String(text) if !text.is_known() => {
            let whole = text.unknowns().len() == 1 && text.raw().chars().count() == 1;
            let same = |other: &Text| other.raw() == text.raw() && other.unknowns() == text.unknowns();
            whole && text.unknowns()[0].reference.as_deref().is_some_and(referenced)
                || !whole
                    && attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_text).is_some_and(same))
        }
        Data::String(text) => {
            attributes.iter().any(|a| resource.values.get(a).and_then(Value::as_str) == Some(text.raw()))
        }
        _ => false,
    }
}

/// Whether a value can refer to a resource: false if it certainly refers to another one. A rule that reports something as
/// missing uses this, because an unknown value may be what it misses.
pub(crate) fn may_refer_to(value: Option<&Value>, resource: &Resource, attributes: &[&str]) -> bool {
    let Some(value) = value else { return true };
    if refers_to(value, resource, attributes) {
        return true;
    }
    let other = |unknown: &Unknown| {
        let referred = unknown.reference.as_deref().and_then(address::split_reference);
        referred.is_some_and(|(address, kind, _)| kind == resource.kind && !address.contains("data."))
    };
    match &value.data {
        Data::Unknown(unknown) => !other(unknown),
        Data::String(text) if text.raw().chars().eq([PLACEHOLDER]) => !text.unknowns().iter().any(other),
        Data::String(text) => {
            let given =
                |keys: &[&str]| keys.iter().filter_map(|k| resource.values.get(k)?.as_text()).collect::<Vec<_>>();
            let (own, named) = (given(attributes), given(&["name", "bucket", "function_name"]));
            match (own.as_slice(), named.first()) {
                ([], Some(name)) => pattern::overlaps(text.raw(), &format!("*{}", name.raw())),
                ([], None) => true,
                (own, _) => own.iter().any(|o| pattern::overlaps(text.raw(), o.raw())),
            }
        }
        _ => false,
    }
}
