//! What all evaluations of one tree share, and the bounds that keep any source from taking forever.
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use super::module::{Instance, Module};
use crate::project::BrokenPolicy;
use crate::source::SourceFiles;
use crate::value::{Data, Value};

/// How deep evaluations may nest, and how many may be made for one root: beyond, values are unknown.
const MAX_DEPTH: u32 = 200;
const MAX_STEPS: u64 = 2_000_000;
/// Instances of modules below one root, beyond which modules are not looked into.
const MAX_MODULE_INSTANCES: usize = 10_000;
/// Heavier values than this are not copied.
const MAX_COPY_COST: u64 = 50_000;

/// The number of the file that a template without a file of its own is said to stand in while it is evaluated.
pub const SNIPPET: u32 = u32::MAX;

/// What all evaluations of one tree share.
#[derive(Default)]
pub struct EvalContext {
    /// The files that spans point into.
    pub files: RefCell<SourceFiles>,
    /// Modules by their folder's absolute path; `None` where there are no files.
    pub modules: RefCell<HashMap<PathBuf, Option<Rc<Module>>>>,
    /// Files that are not Terraform though their name says so.
    pub broken: RefCell<Vec<BrokenPolicy>>,
    /// Instances of modules by their address with its dot.
    pub instances: RefCell<HashMap<String, Rc<Instance>>>,
    /// The template that is evaluated now, where it is no stretch of a file; see [`SNIPPET`].
    pub snippet: RefCell<Arc<str>>,
    /// Addresses of policy documents that something uses.
    pub used_documents: RefCell<HashSet<String>>,
    failures: Cell<u64>,
    depth: Cell<u32>,
    steps: Cell<u64>,
    modules_started: Cell<usize>,
}

/// How much a value weighs against the measure of evaluations.
pub fn cost(value: &Value) -> u64 {
    let inner: u64 = match &value.data {
        Data::Array(list) => list.iter().map(cost).sum(),
        Data::Object(members) => members.iter().map(|m| cost(&m.value)).sum(),
        Data::Encoded(inner) => cost(inner),
        Data::String(text) => {
            let unknowns = text.unknowns().iter().flat_map(|h| &h.candidates);
            text.raw().len() as u64 / 64 + text.origin().len() as u64 + unknowns.map(cost).sum::<u64>()
        }
        Data::Unknown(unknown) => unknown.candidates.iter().map(cost).sum(),
        _ => 0,
    };
    1 + inner
}

impl EvalContext {
    /// Begins an evaluation; false when they nest too deep or were too many.
    pub fn enter(&self) -> bool {
        let may = self.depth.get() < MAX_DEPTH && self.steps.get() < MAX_STEPS;
        if may {
            self.depth.set(self.depth.get() + 1);
            self.steps.set(self.steps.get() + 1);
        }
        may
    }

    /// Ends an evaluation that was entered.
    pub fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// Notes that an expression fails, whatever a plan would know.
    pub fn fail(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// Evaluates something and tells whether a part of it fails; for what is around it, it did not.
    pub fn attempt<T>(&self, evaluate: impl FnOnce() -> T) -> (T, bool) {
        let before = self.failures.replace(0);
        let value = evaluate();
        (value, self.failures.replace(before) > 0)
    }

    /// Counts work that is not an expression; false when there was too much of it.
    pub fn consume_budget(&self, work: u64) -> bool {
        self.steps.set(self.steps.get().saturating_add(work));
        work < MAX_COPY_COST && self.steps.get() < MAX_STEPS
    }

    /// Counts instances of modules; false when there were too many.
    pub fn start_modules(&self, many: usize) -> bool {
        self.modules_started.set(self.modules_started.get() + many.max(1));
        self.modules_started.get() <= MAX_MODULE_INSTANCES
    }

    /// Gives the next root its own measure of evaluations.
    pub fn start_root(&self) {
        self.steps.set(0);
        self.modules_started.set(0);
        self.used_documents.borrow_mut().clear();
        self.instances.borrow_mut().clear();
    }
}
