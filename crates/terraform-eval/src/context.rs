//! What all evaluations of one set of folders share, and the limits that end every evaluation.
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use source_text::{SourceFiles, Span};

use crate::module::{Instance, Module};
use crate::provider::Provider;

/// Depth of nested evaluations; a deeper one is unknown.
const MAX_DEPTH: u32 = 200;
/// Evaluations of one root module; a further one is unknown.
const MAX_STEPS: u64 = 2_000_000;
/// Instances of modules below one root; further modules are not read.
const MAX_MODULE_INSTANCES: usize = 10_000;
/// The cost of a value that may still be copied.
const MAX_COPY_COST: u64 = 50_000;

/// The file number of a template that is not a stretch of a file, while it is evaluated.
pub(crate) const SNIPPET: u32 = u32::MAX;

/// A file that could not be parsed.
#[derive(Clone, Debug)]
pub struct BrokenFile {
    /// Where parsing stopped.
    pub span: Span,
    /// What is wrong, in lower case.
    pub reason: String,
    /// What to do about it.
    pub help: String,
}

/// What all evaluations share.
pub(crate) struct EvalContext {
    /// What is known of resource types.
    pub(crate) provider: &'static Provider,
    /// The files that spans point into.
    pub(crate) files: RefCell<SourceFiles>,
    /// Modules by their folder's absolute path; `None` where there are no files.
    pub(crate) modules: RefCell<HashMap<PathBuf, Option<Rc<Module>>>>,
    /// Files that could not be parsed.
    pub(crate) broken: RefCell<Vec<BrokenFile>>,
    /// Instances of modules by their address with its dot.
    pub(crate) instances: RefCell<HashMap<String, Rc<Instance>>>,
    /// The text of the template that is evaluated now, where it is not a stretch of a file; see [`SNIPPET`].
    pub(crate) snippet: RefCell<Arc<str>>,
    /// Addresses of document data sources that were read.
    pub(crate) used_documents: RefCell<HashSet<String>>,
    failures: Cell<u64>,
    depth: Cell<u32>,
    steps: Cell<u64>,
    modules_started: Cell<usize>,
}

impl EvalContext {
    pub(crate) fn new(provider: &'static Provider) -> EvalContext {
        EvalContext {
            provider,
            files: RefCell::default(),
            modules: RefCell::default(),
            broken: RefCell::default(),
            instances: RefCell::default(),
            snippet: RefCell::default(),
            used_documents: RefCell::default(),
            failures: Cell::default(),
            depth: Cell::default(),
            steps: Cell::default(),
            modules_started: Cell::default(),
        }
    }

    /// Starts an evaluation; false if evaluations nest too deep or were too many.
    pub(crate) fn enter(&self) -> bool {
        let may = self.depth.get() < MAX_DEPTH && self.steps.get() < MAX_STEPS;
        if may {
            self.depth.set(self.depth.get() + 1);
            self.steps.set(self.steps.get() + 1);
        }
        may
    }

    /// Ends an evaluation that was started.
    pub(crate) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// Records that an expression fails with every value of what is unknown.
    pub(crate) fn fail(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// Evaluates something, and returns whether a part of it fails. The failure does not count for the surrounding expression.
    pub(crate) fn attempt<T>(&self, evaluate: impl FnOnce() -> T) -> (T, bool) {
        let before = self.failures.replace(0);
        let value = evaluate();
        (value, self.failures.replace(before) > 0)
    }

    /// Counts work that is not an expression; false if it exceeds the budget.
    pub(crate) fn consume_budget(&self, work: u64) -> bool {
        self.steps.set(self.steps.get().saturating_add(work));
        work < MAX_COPY_COST && self.steps.get() < MAX_STEPS
    }

    /// Counts instances of modules; false if there were too many.
    pub(crate) fn start_modules(&self, many: usize) -> bool {
        self.modules_started.set(self.modules_started.get() + many.max(1));
        self.modules_started.get() <= MAX_MODULE_INSTANCES
    }

    /// Gives the next root module a budget of its own.
    pub(crate) fn start_root(&self) {
        self.steps.set(0);
        self.modules_started.set(0);
        self.used_documents.borrow_mut().clear();
        self.instances.borrow_mut().clear();
    }
}
