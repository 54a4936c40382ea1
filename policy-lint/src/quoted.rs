//! The parts of a message in backticks. They identify a finding independently of the wording of the message.

/// The parts of `message` in backticks, sorted.
pub(crate) fn quoted_parts(message: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::quoted_parts;

    #[test]
    fn wording_and_order_do_not_matter() {
        assert_eq!(quoted_parts("`b` is not valid in `a`"), ["a", "b"]);
        assert_eq!(quoted_parts("in `a`, AWS rejects `b`"), ["a", "b"]);
        assert_eq!(quoted_parts("the policy is empty"), [""; 0]);
    }
}
