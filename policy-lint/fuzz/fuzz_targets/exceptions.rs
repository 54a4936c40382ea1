//! `policy-lint.toml`, baselines and the generated tables.
#![no_main]
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use policy_lint::report::tables;
use policy_lint::suppress::baseline::Baseline;
use policy_lint::suppress::exceptions::Exceptions;

fuzz_target!(|text: &str| {
    let _ = Exceptions::parse(Path::new("policy-lint.toml"), text);
    let _ = Baseline::parse(Path::new("baseline.json"), text);
    let _ = tables::refresh(text);
});
