//! The HCL parser and the evaluator: any text as the only file of a module.
#![no_main]
use libfuzzer_sys::fuzz_target;
use policy_lint::engine;
use policy_lint::terraform;

fuzz_target!(|text: &str| {
    let Ok(folder) = tempfile::tempdir() else { return };
    if std::fs::write(folder.path().join("main.tf"), text).is_err() {
        return;
    }
    for project in terraform::read(&[folder.path().to_path_buf()], &[]).projects {
        let _ = engine::run(&project);
    }
});
