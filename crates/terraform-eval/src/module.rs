//! A module, which is a folder of Terraform files, and its instances, each with the arguments of one call.
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

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
                // What a check reads is read like everything else.
                "check" => self.add(Body { blocks: block.body.blocks, ..Body::default() }),
                "locals" => self.locals.extend(block.body.attributes.into_iter().map(|a| (a.name.clone(), a))),
                _ => {}
            }
        }
    }

    /// Changes what other files declare by what an override file says; what has no base is added.
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

    /// The `resource` or `data` block of a type and name.
    pub(crate) fn find<'a>(blocks: &'a [Block], kind: &str, name: &str) -> Option<&'a Block> {
        blocks
            .iter()
            .find(|b| b.labels.first().is_some_and(|l| l == kind) && b.labels.get(1).is_some_and(|l| l == name))
    }
}

/// A module as one call (or the user, for a root) sees it.
pub(crate) struct Instance {
    /// What it is an instance of.
    pub(crate) module: Rc<Module>,
    /// The address with its dot, as in `module.store[0].`; empty for a root.
    pub(crate) address: String,
    /// Values of variables that were given.
    pub(crate) arguments: HashMap<String, Value>,
    /// Values that were evaluated, with their cost; `None` while one is.
    pub(crate) known: RefCell<HashMap<String, Option<(Value, u64)>>>,
    /// Instances of the modules it calls, by the call's name.
    pub(crate) children: RefCell<HashMap<String, Children>>,
    /// The modules from the root to the one that calls it.
    pub(crate) callers: Vec<Rc<Module>>,
    /// The root's folder.
    pub(crate) root: PathBuf,
    /// What says that there are no instances of it, or of what is read through it, with the values that were given.
    pub(crate) disabled_at: Option<Span>,
    /// The same instance for what is off in it.
    pub(crate) shadow: OnceCell<Rc<Instance>>,
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
    /// Nobody knows how many; this stands for each.
    UnknownCount(Rc<Instance>),
    /// None with the values that were given; this is what one would be.
    Disabled(Rc<Instance>),
    /// A module that is not in the tree, or one that calls itself.
    Elsewhere,
}

impl Children {
    /// All of them, and the one that would be.
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
        arguments: HashMap<String, Value>,
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

    /// The same instance for what does not exist with the values that were given: those that are empty or false
    /// are taken for unknown, for they are what is said when something is not wanted.
    pub(crate) fn shadow(&self, disabled_at: Span) -> Rc<Instance> {
        let make = || {
            let (module, arguments) = (self.module.clone(), self.arguments.clone());
            let plain = Instance::new(module, self.address.clone(), arguments, self.callers.clone(), &self.root);
            Rc::new(Instance { disabled_at: Some(disabled_at), ..plain })
        };
        self.shadow.get_or_init(make).clone()
    }
}
