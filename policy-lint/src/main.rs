//! Placeholder until the linter lands.
fn main() {}
