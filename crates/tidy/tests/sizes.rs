//! A function or a file that outgrows a screen is split by meaning.
use syn::visit::{self, Visit};
use tidy::sources;

const MAX_FUNCTION_LINES: usize = 50;
const MAX_FILE_LINES: usize = 400;

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.has_extension(&["rs", "py", "tf", "hcl"]))
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split by meaning:\n{}", long.join("\n"));
}

#[test]
fn no_function_is_longer_than_50_lines() {
    let mut long = Vec::new();
    for source in sources() {
        let functions = if source.has_extension(&["rs"]) {
            rust_functions(&source.text)
        } else if source.has_extension(&["py"]) {
            python_functions(&source.text)
        } else {
            continue;
        };
        for (name, line, lines) in functions {
            if lines > MAX_FUNCTION_LINES {
                long.push(format!("{}:{line}: `{name}` has {lines} lines", source.path));
            }
        }
    }
    assert!(long.is_empty(), "split by meaning:\n{}", long.join("\n"));
}

/// Name, first line and number of lines of each function.
type Function = (String, usize, usize);

fn rust_functions(text: &str) -> Vec<Function> {
    let Ok(file) = syn::parse_file(text) else { return Vec::new() };
    let mut functions = Functions(Vec::new());
    functions.visit_file(&file);
    functions.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        self.0.push((signature.ident.to_string(), first, last + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// By indentation: a function ends before the next line that is not indented more than its `def`.
fn python_functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("async ").unwrap_or(line.trim_start()).strip_prefix("def ")
        else {
            continue;
        };
        let name = rest.split('(').next().unwrap_or_default().to_owned();
        let mut last = start;
        for (offset, next) in lines.iter().enumerate().skip(start + 1) {
            let text = next.trim();
            if text.is_empty() {
                continue;
            }
            if indent(next) <= indent(line) && !text.starts_with(')') {
                break;
            }
            last = offset;
        }
        functions.push((name, start + 1, last + 1 - start));
    }
    functions
}
