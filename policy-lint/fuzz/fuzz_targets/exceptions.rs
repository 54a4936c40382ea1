//! `policy-lint.toml`, baselines and the generated tables.
#![no_main]
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use policy_lint::allow::Allows;
use policy_lint::baseline::Baseline;
use policy_lint::report::tables;

fuzz_target!(|text: &str| {
    let _ = Allows::parse(Path::new("policy-lint.toml"), text);
    let _ = Baseline::parse(Path::new("baseline.json"), text);
    let _ = tables::refresh(text);
});
