//! Which module of a crate imports which, as a graph of files.
use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::Source;

/// A module's path in its crate: `["verify", "bucket"]` for `src/verify/bucket.rs`, empty for the root.
type Module = Vec<String>;

/// The files of one crate and the files that each of them imports from.
#[derive(Debug, Default)]
pub struct Graph {
    /// A file's path and the paths of the files whose items it names.
    pub edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads the graph of the crate whose sources are below `folder` (`crates/sluice/src/`).
    ///
    /// # Panics
    /// If a file is not valid Rust.
    pub fn read(folder: &str, sources: &[Source]) -> Graph {
        let mut files: BTreeMap<Module, &Source> = BTreeMap::new();
        for source in sources.iter().filter(|source| source.path.starts_with(folder) && source.has_extension(&["rs"])) {
            // The root of the library and the program's are two crates; what they share, they share by name.
            files.entry(module_of(&source.path[folder.len()..])).or_insert(source);
        }
        let mut graph = Graph::default();
        for (module, source) in &files {
            let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
            let mut collector = Collector { module: module.clone(), depth: 0, files: &files, found: BTreeSet::new() };
            collector.visit_file(&file);
            collector.found.remove(&source.path);
            graph.edges.insert(source.path.clone(), collector.found);
        }
        graph
    }

    /// Groups of two or more files that import each other, directly or through others.
    pub fn cycles(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&String, BTreeSet<&String>> =
            self.edges.keys().map(|file| (file, self.reachable(file))).collect();
        let mut cycles = BTreeSet::new();
        for (file, targets) in &reached {
            let group: BTreeSet<String> =
                targets.iter().filter(|target| reached[*target].contains(file)).map(|path| (*path).clone()).collect();
            if group.len() > 1 {
                cycles.insert(group);
            }
        }
        cycles.into_iter().collect()
    }

    fn reachable(&self, file: &String) -> BTreeSet<&String> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = self.edges[file].iter().collect();
        while let Some(target) = next.pop() {
            if seen.insert(target) {
                next.extend(&self.edges[target]);
            }
        }
        seen
    }
}

fn module_of(path: &str) -> Module {
    let stem = path.trim_end_matches(".rs");
    let mut module: Module = stem.split('/').map(str::to_owned).collect();
    match module.last().map(String::as_str) {
        Some("mod") => drop(module.pop()),
        Some("lib" | "main") if module.len() == 1 => module.clear(),
        _ => {}
    }
    module
}

struct Collector<'a> {
    module: Module,
    /// How many inline modules (`mod tests { .. }`) enclose the current item.
    depth: usize,
    files: &'a BTreeMap<Module, &'a Source>,
    found: BTreeSet<String>,
}

impl Collector<'_> {
    /// Records the file that a path leads to, if it leads to one of this crate.
    fn path(&mut self, segments: &[String]) {
        let mut module = self.module.clone();
        let mut depth = self.depth;
        let mut rest = segments;
        match rest.first().map(String::as_str) {
            Some("crate") => {
                module.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    if depth > 0 {
                        depth -= 1;
                    } else {
                        module.pop();
                    }
                    rest = &rest[1..];
                }
            }
            // A path may begin with a child module; any other name comes from an import or another crate.
            Some(name) => {
                let mut child = module.clone();
                child.push(name.to_owned());
                if segments.len() < 2 || !self.files.contains_key(&child) {
                    return;
                }
            }
            None => return,
        }
        for segment in rest {
            let mut child = module.clone();
            child.push(segment.clone());
            if !self.files.contains_key(&child) {
                break;
            }
            module = child;
        }
        if let Some(source) = self.files.get(&module) {
            self.found.insert(source.path.clone());
        }
    }

    fn tree(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.tree(prefix, &path.tree);
                prefix.pop();
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(prefix, item)),
            syn::UseTree::Name(name) => self.leaf(prefix, &name.ident.to_string()),
            syn::UseTree::Rename(rename) => self.leaf(prefix, &rename.ident.to_string()),
            syn::UseTree::Glob(_) => self.path(prefix),
        }
    }

    fn leaf(&mut self, prefix: &mut Vec<String>, name: &str) {
        if name != "self" {
            prefix.push(name.to_owned());
            self.path(prefix);
            prefix.pop();
        } else {
            self.path(prefix);
        }
    }

    /// Paths in a macro's arguments, which are tokens only.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut segments));
                    }
                    segments.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.path(&std::mem::take(&mut segments));
                    self.tokens(group.stream());
                }
                _ => self.path(&std::mem::take(&mut segments)),
            }
        }
        self.path(&segments);
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, item);
        self.depth -= 1;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
