//! A module, which is a folder of Terraform files, and its instances, each with the arguments of one call.
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use source_text::{Span, Value};

use crate::syntax::{Attribute, Block, Body};

/// Everything the files of one folder declare.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// `variable` blocks by name.
    pub(crate) variables: BTreeMap<String, Block>,
    /// Local values by name.
    pub(crate) locals: HashMap<String, Attribute>,
    /// `resource` blocks.
    pub(crate) resources: Vec<Block>,
    /// `data` blocks.
    pub(crate) data: Vec<Block>,
    /// `module` blocks.
    pub(crate) calls: Vec<Block>,
    /// `output` blocks by name.
    pub(crate) outputs: HashMap<String, Block>,
}

impl Module {
    /// Adds what one file declares.
    pub(crate) fn add(&mut self, body: Body) {
        for block in body.blocks {
            let label = block.labels.first().cloned().unwrap_or_default();
            match block.word.as_str() {
                "variable" => drop(self.variables.insert(label, block)),
                "output" => drop(self.outputs.insert(label, block)),
                "resource" if block.labels.len() == 2 => self.resources.push(block),
                "data" if block.labels.len() == 2 => self.data.push(block),
                "module" if block.labels.len() == 1 => self.calls.push(block),
                // Data sources of a `check` block are read like others.
                "check" => self.add(Body { blocks: block.body.blocks, ..Body::default() }),
                "locals" => self.locals.extend(block.body.attributes.into_iter().map(|a| (a.name.clone(), a))),
                _ => {}
            }
        }
    }

    /// Applies an override file to the declarations of other files; a block without a base is added.
    pub(crate) fn add_override(&mut self, body: Body) {
        let mut rest = Body::default();
        for block in body.blocks {
            let same = |b: &&mut Block| b.labels == block.labels;
            let label = block.labels.first().map_or("", String::as_str);
            let base = match block.word.as_str() {
                "variable" => self.variables.get_mut(label),
                "output" => self.outputs.get_mut(label),
                "resource" => self.resources.iter_mut().find(same),
                "data" => self.data.iter_mut().find(same),
                "module" => self.calls.iter_mut().find(same),
                _ => None,
            };
            match base {
                Some(base) => base.body.change(block.body),
                None => rest.blocks.push(block),
            }
        }
        self.add(rest);
    }

    /// Whether it has the resource `type.name` or the call `module.name`.
    pub(crate) fn declares(&self, declaration: &str) -> bool {
        match declaration.split_once('.') {
            Some(("module", name)) => self.calls.iter().any(|c| c.labels.first().is_some_and(|l| l == name)),
            Some((kind, name)) => Module::find(&self.resources, kind, name).is_some(),
            None => false,
        }
    }

    /// The `resource` or `data` block with a type and name.
    pub(crate) fn find<'a>(blocks: &'a [Block], kind: &str, name: &str) -> Option<&'a Block> {
        blocks
            .iter()
            .find(|b| b.labels.first().is_some_and(|l| l == kind) && b.labels.get(1).is_some_and(|l| l == name))
    }
}

/// An instance of a module: a root, or one instance of a call.
pub(crate) struct Instance {
    /// The module.
    pub(crate) module: Rc<Module>,
    /// The address with its dot, as in `module.store[0].`; empty for a root.
    pub(crate) address: String,
    /// The given values of variables.
    pub(crate) arguments: Arguments,
    /// Evaluated values with their cost; `None` during the evaluation.
    pub(crate) known: RefCell<HashMap<String, Option<(Value, u64)>>>,
    /// The instances of its calls, by the name of the call.
    pub(crate) children: RefCell<HashMap<String, Children>>,
    /// The modules from the root to the caller.
    pub(crate) callers: Vec<Rc<Module>>,
    /// The root's folder.
    pub(crate) root: PathBuf,
    /// The `count`, `for_each` or argument because of which it does not exist with the given values.
    pub(crate) disabled_at: Option<Span>,
    /// The instance in which blocks without instances are evaluated.
    pub(crate) shadow: OnceCell<Rc<Instance>>,
}

/// The given values of a module's variables.
#[derive(Clone)]
pub(crate) enum Arguments {
    /// Of a root: known values.
    Values(HashMap<String, Value>),
    /// Of a called module: evaluated one by one on first use, because two modules may use outputs of each other.
    Call {
        /// The instance that contains the call.
        caller: Weak<Instance>,
        /// The name of the call.
        name: String,
        /// `each` and `count` in this instance of the call.
        bound: Rc<[(&'static str, Value)]>,
    },
}

/// The instances of one call.
#[derive(Clone)]
pub(crate) enum Children {
    /// One, without `count` or `for_each`.
    One(Rc<Instance>),
    /// One per key of `for_each`.
    Keyed(Vec<(String, Rc<Instance>)>),
    /// One per number of `count`.
    Counted(Vec<Rc<Instance>>),
    /// An unknown number; this one represents each of them.
    UnknownCount(Rc<Instance>),
    /// None with the given values; this one is what an instance would be.
    Disabled(Rc<Instance>),
    /// A module that is not on disk, or that calls itself.
    Elsewhere,
}

impl Children {
    /// All of them, including the one of [`Children::Disabled`].
    pub(crate) fn all(&self) -> Vec<Rc<Instance>> {
        match self {
            Children::One(one) | Children::UnknownCount(one) | Children::Disabled(one) => vec![one.clone()],
            Children::Keyed(keyed) => keyed.iter().map(|(_, i)| i.clone()).collect(),
            Children::Counted(counted) => counted.clone(),
            Children::Elsewhere => Vec::new(),
        }
    }
}

impl Instance {
    /// An instance with its arguments.
    pub(crate) fn new(
        module: Rc<Module>,
        address: String,
        arguments: Arguments,
        callers: Vec<Rc<Module>>,
        root: &Path,
    ) -> Instance {
        Instance {
            module,
            address,
            arguments,
            known: RefCell::default(),
            children: RefCell::default(),
            callers,
            root: root.to_path_buf(),
            disabled_at: None,
            shadow: OnceCell::new(),
        }
    }

    /// The same instance for blocks that do not exist with the given values. Values that usually disable something (empty,
    /// false) are unknown in it.
    pub(crate) fn shadow(&self, disabled_at: Span) -> Rc<Instance> {
        let make = || {
            let (module, arguments) = (self.module.clone(), self.arguments.clone());
            let plain = Instance::new(module, self.address.clone(), arguments, self.callers.clone(), &self.root);
            Rc::new(Instance { disabled_at: Some(disabled_at), ..plain })
        };
        self.shadow.get_or_init(make).clone()
    }
}
