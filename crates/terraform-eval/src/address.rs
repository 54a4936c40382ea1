//! Addresses of resources and modules, and references to their attributes.

/// The address, type and attribute of a reference to a resource: `module.a.aws_s3_bucket.raw["x"].arn`.
pub fn split_reference(reference: &str) -> Option<(&str, &str, &str)> {
    let steps: Vec<&str> = steps(reference).collect();
    let &[.., kind, _, attribute] = steps.as_slice() else { return None };
    let address = reference.strip_suffix(attribute)?.strip_suffix('.')?;
    Some((address, kind, attribute))
}

/// The steps of an address, which dots separate outside of instance keys.
pub fn steps(address: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    address.split(move |c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == '.' && depth == 0
    })
}

/// An address without the keys of instances.
pub fn without_indexes(address: &str) -> String {
    let mut depth = 0;
    let keep = |c: &char| {
        depth += i32::from(*c == '[');
        let keep = depth == 0;
        depth -= i32::from(*c == ']');
        keep
    };
    address.chars().filter(keep).collect()
}

/// Whether two addresses can be of the same resource: a step without an instance key matches every instance.
pub fn same_resource(one: &str, other: &str) -> bool {
    let same = |a: &str, b: &str| {
        let (name, other) = (a.split('[').next(), b.split('[').next());
        a == b || name == other && (!a.contains('[') || !b.contains('['))
    };
    let (mut one, mut other) = (steps(one), steps(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same(a, b) => {}
            _ => return false,
        }
    }
}

/// The instance key of an address, with its brackets; empty if it has none.
pub fn instance_key(address: &str) -> &str {
    let last = steps(address).last().unwrap_or_default();
    last.find('[').map_or("", |at| &last[at..])
}
