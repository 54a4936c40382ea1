//! The Terraform files of a folder, parsed into a module and kept for every call of it.
use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rayon::prelude::*;
use source_text::paths::{absolute, simplified};
use source_text::{ReadError, SourceFile};

use crate::context::{BrokenFile, EvalContext};
use crate::module::Module;
use crate::syntax;

/// The files of a folder, each with whether it is JSON.
pub(crate) struct FolderFiles {
    pub(crate) path: PathBuf,
    pub(crate) files: Vec<(Arc<SourceFile>, bool)>,
    pub(crate) errors: Vec<ReadError>,
}

/// Reads the files of folders, several folders at once.
pub(crate) fn read_folders(folders: &[PathBuf]) -> Vec<FolderFiles> {
    let one = |path: &PathBuf| {
        let (files, errors) = read_folder(path);
        FolderFiles { path: path.clone(), files, errors }
    };
    if folders.len() < 8 { folders.iter().map(one).collect() } else { folders.par_iter().map(one).collect() }
}

/// Whether a file with this name is Terraform source in JSON syntax (`true`) or in HCL (`false`); `None` if it is neither.
pub fn is_terraform(name: &str) -> Option<bool> {
    if name.ends_with(".tf.json") { Some(true) } else { name.ends_with(".tf").then_some(false) }
}

/// Whether a file with this name is an override file.
fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".json").unwrap_or(name).trim_end_matches(".tf");
    stem == "override" || stem.ends_with("_override")
}

/// The Terraform files of a folder; override files come last, as Terraform reads them.
fn read_folder(folder: &Path) -> (Vec<(Arc<SourceFile>, bool)>, Vec<ReadError>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let is_file = |e: &DirEntry| e.file_type().is_ok_and(|t| t.is_file() || t.is_symlink() && e.path().is_file());
    let entries =
        std::fs::read_dir(here).map(|e| e.flatten().filter(is_file).map(|e| e.file_name()).collect::<BTreeSet<_>>());
    let mut names: Vec<_> = entries.unwrap_or_default().into_iter().collect();
    names.sort_by_key(|n| n.to_str().is_some_and(is_override));
    for name in names {
        let Some(is_json) = name.to_str().and_then(is_terraform) else { continue };
        match source_text::read(&folder.join(&name)) {
            Ok(file) => files.push((file, is_json)),
            Err(e) => errors.push(e),
        }
    }
    (files, errors)
}

/// Parses the files of a folder into a module, which later calls of [`load`] return.
pub(crate) fn register(
    folder: PathBuf,
    files: Vec<(Arc<SourceFile>, bool)>,
    context: &EvalContext,
    broken: &mut Vec<BrokenFile>,
) -> Option<Rc<Module>> {
    let mut module = Module { folder: folder.clone(), ..Module::default() };
    let any = !files.is_empty();
    for (file, is_json) in files {
        let number = context.files.borrow_mut().add(file.clone());
        match syntax::parse(&file.text, number, is_json, context.provider.rejects_duplicate_key) {
            Ok(body) if Path::new(&file.path).file_name().and_then(|n| n.to_str()).is_some_and(is_override) => {
                module.add_override(body);
            }
            Ok(body) => module.add(body),
            Err(e) => broken.push(BrokenFile {
                span: e.span,
                reason: e.reason,
                help: String::from("fix the file; nothing in it was checked"),
            }),
        }
    }
    let module = any.then(|| Rc::new(module));
    context.modules.borrow_mut().insert(absolute(&folder), module.clone());
    module
}

/// The module of a folder, read on first use.
pub(crate) fn load(folder: &Path, context: &EvalContext) -> Option<Rc<Module>> {
    let key = absolute(folder);
    if let Some(found) = context.modules.borrow().get(&key) {
        return found.clone();
    }
    let folder = simplified(folder);
    let (files, _) = read_folder(&folder);
    let mut broken = Vec::new();
    let module = register(folder, files, context, &mut broken);
    context.broken.borrow_mut().extend(broken);
    module
}
