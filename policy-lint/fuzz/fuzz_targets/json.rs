//! Policies, plans and states: any text that is named as an input.
#![no_main]
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use source_text::SourceFile;

fuzz_target!(|text: &str| {
    if let Outcome::Read(project) = policy_file::read(Arc::new(SourceFile::new("input.json", text)), None, true) {
        for finding in engine::run(&project).findings {
            let (start, end) = finding.location.positions();
            assert!(start.offset <= end.offset && end.offset as usize <= text.len());
        }
    }
});
