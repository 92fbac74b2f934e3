//! The Rust files of the workspace, parsed once into what the laws and the measurements ask about.
//!
//! A file comes in as text and leaves as facts: its functions with their lines, its glob imports, its unfinished macros,
//! and which of its lines are tests. Generated code (any folder named `api`) is marked, since most laws spare it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proc_macro2::LineColumn;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::workspace;

/// One function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// From the line of the signature to the line of the closing brace; attributes and docs are outside.
    pub(crate) lines: RangeInclusive<usize>,
    pub(crate) is_test: bool,
}

impl Function {
    pub(crate) fn length(&self) -> usize {
        self.lines.end() - self.lines.start() + 1
    }
}

/// A place in a file that a law may object to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) in_test: bool,
}

/// One parsed file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) functions: Vec<Function>,
    pub(crate) globs: Vec<Spot>,
    pub(crate) unfinished: Vec<Spot>,
    pub(crate) modules: Vec<Spot>,
    /// The lines of inline test modules and test functions; all of a file that is only compiled for tests.
    pub(crate) tests: Vec<RangeInclusive<usize>>,
    /// Modules declared `#[cfg(test)] mod name;`, whose text is in another file.
    test_files: Vec<String>,
}

impl Source {
    /// Parses `text` as the file at `path` (from the root).
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let syntax = syn::parse_file(text).map_err(|error| {
            let LineColumn { line, column } = error.span().start();
            format!("{path}:{line}:{column}: {error}")
        })?;
        let mut reader = Reader { in_test: is_test_path(path), ..Reader::default() };
        reader.visit_file(&syntax);
        if is_test_path(path) {
            reader.tests = vec![1..=text.lines().count().max(1)];
        }
        let Reader { functions, globs, unfinished, modules, tests, test_files, .. } = reader;
        Ok(Self { path: path.into(), text: text.into(), functions, globs, unfinished, modules, tests, test_files })
    }

    pub(crate) fn is_generated(&self) -> bool {
        Path::new(&self.path).parent().is_some_and(|folder| folder.components().any(|part| part.as_os_str() == "api"))
    }

    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }

    /// The file's name without `.rs`; for `mod.rs` the name of its folder.
    pub(crate) fn module(&self) -> &str {
        let path = Path::new(&self.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        if stem == "mod" { folder } else { stem }
    }

    /// The folder in which the files of this file's modules lie.
    fn modules_folder(&self) -> PathBuf {
        let path = Path::new(&self.path);
        let stands_for_folder = path.file_stem().is_some_and(|stem| stem == "mod" || stem == "lib" || stem == "main");
        if stands_for_folder { path.parent().unwrap_or(path).into() } else { path.with_extension("") }
    }

    fn mark_as_test(&mut self) {
        self.tests = vec![1..=self.text.lines().count().max(1)];
        self.functions.iter_mut().for_each(|function| function.is_test = true);
        self.globs.iter_mut().for_each(|spot| spot.in_test = true);
    }
}

/// Every Rust file under the given folders (from the root), in the order of their paths.
pub(crate) fn read_all(folders: &[String]) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&workspace::root().join(folder), &mut paths)?;
    }
    paths.sort();
    paths.dedup();
    let mut sources = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    mark_files_of_test_modules(&mut sources);
    Ok(sources)
}

fn read(path: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let from_root = path.strip_prefix(workspace::root()).unwrap_or(path);
    Source::parse(&from_root.to_string_lossy().replace('\\', "/"), &text)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            collect(&path, found)?;
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// A module behind `#[cfg(test)]` is a test wherever its text lies.
fn mark_files_of_test_modules(sources: &mut [Source]) {
    let homes: Vec<PathBuf> = sources
        .iter()
        .flat_map(|source| source.test_files.iter().map(|name| source.modules_folder().join(name)))
        .collect();
    for source in sources {
        let path = Path::new(&source.path);
        if homes.iter().any(|home| path.starts_with(home) || path == home.with_extension("rs")) {
            source.mark_as_test();
        }
    }
}

/// Files that cargo builds only for tests, or that say so by their name.
fn is_test_path(path: &str) -> bool {
    let path = Path::new(path);
    let in_folder = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches");
    // xtask's own `test` command is no test; the plural is what marks one.
    in_folder
        || path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .is_some_and(|stem| stem == "tests" || stem.ends_with("_tests"))
}

#[derive(Default)]
struct Reader {
    in_test: bool,
    functions: Vec<Function>,
    globs: Vec<Spot>,
    unfinished: Vec<Spot>,
    modules: Vec<Spot>,
    tests: Vec<RangeInclusive<usize>>,
    test_files: Vec<String>,
}

impl Reader {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block, is_test: bool) {
        let lines = signature.span().start().line..=body.span().end().line;
        self.functions.push(Function { name: signature.ident.to_string(), lines, is_test });
    }

    /// Walks `inside` with the knowledge that it is a test, when it is one, and remembers its lines.
    fn within(&mut self, is_test: bool, lines: RangeInclusive<usize>, inside: impl FnOnce(&mut Self)) {
        let outside = self.in_test;
        self.in_test = outside || is_test;
        if is_test && !outside {
            self.tests.push(lines);
        }
        inside(self);
        self.in_test = outside;
    }

    fn spot(&self, at: proc_macro2::Span, what: impl Into<String>) -> Spot {
        Spot { line: at.start().line, what: what.into(), in_test: self.in_test }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let is_test = item.attrs.iter().any(|attribute| is_test_attribute(attribute) || is_cfg_test(attribute));
        self.function(&item.sig, &item.block, self.in_test || is_test);
        self.within(is_test, lines_of(item), |reader| visit::visit_item_fn(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, self.in_test);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body, self.in_test);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(is_cfg_test);
        if is_test && item.content.is_none() {
            self.test_files.push(item.ident.to_string());
        }
        self.modules.push(self.spot(item.ident.span(), item.ident.to_string()));
        self.within(is_test, lines_of(item), |reader| visit::visit_item_mod(reader, item));
    }

    fn visit_use_glob(&mut self, item: &'ast syn::UseGlob) {
        self.globs.push(self.spot(item.span(), "*"));
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let name = item.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if name == "todo" || name == "unimplemented" {
            self.unfinished.push(self.spot(item.path.span(), format!("{name}!")));
        }
        visit::visit_macro(self, item);
    }
}

fn lines_of(item: &impl Spanned) -> RangeInclusive<usize> {
    item.span().start().line..=item.span().end().line
}

/// `#[test]`, `#[tokio::test]` and their like.
fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
}

/// `#[cfg(test)]`, also inside `any` and `all`; a negated `test` is no test.
fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let condition = list.tokens.to_string();
    let words: Vec<&str> = condition.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    attribute.path().is_ident("cfg") && words.contains(&"test") && !words.contains(&"not")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//! Header.\nuse std::fmt::*;\n\n/// Docs.\nfn plain() {\n    todo!()\n}\n\nstruct S;\n\
        impl S {\n    fn method(&self) -> u8 { 1 }\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    \
        fn it_holds() {\n        assert!(true);\n    }\n}\n";

    fn parsed(path: &str, text: &str) -> Source {
        Source::parse(path, text).unwrap()
    }

    #[test]
    fn functions_carry_their_lines_and_whether_they_are_tests() {
        let source = parsed("crates/a/src/lib.rs", FILE);
        let seen: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.length(), f.is_test)).collect();
        assert_eq!(seen, [("plain", 3, false), ("method", 1, false), ("it_holds", 3, true)]);
    }

    #[test]
    fn globs_and_unfinished_macros_are_spotted_with_their_surroundings() {
        let source = parsed("crates/a/src/lib.rs", FILE);
        let globs: Vec<_> = source.globs.iter().map(|spot| (spot.line, spot.in_test)).collect();
        assert_eq!(globs, [(2, false), (16, true)]);
        assert_eq!((source.unfinished[0].line, source.unfinished[0].what.as_str()), (6, "todo!"));
        assert!(source.is_test_line(20) && !source.is_test_line(6));
    }

    #[test]
    fn the_file_of_a_test_module_is_a_test_wherever_it_lies() {
        let mut sources = vec![
            parsed("crates/a/src/queue.rs", "#[cfg(test)]\nmod naive;\nmod real;\nfn outer() {}\n"),
            parsed("crates/a/src/queue/naive.rs", "fn model() {}\n"),
            parsed("crates/a/src/queue/real.rs", "fn real() {}\n"),
        ];
        mark_files_of_test_modules(&mut sources);
        let tests: Vec<bool> = sources.iter().map(|source| source.functions[0].is_test).collect();
        assert_eq!(tests, [false, true, false]);
    }

    #[test]
    fn a_condition_that_negates_test_marks_no_test() {
        let source = parsed("crates/a/src/lib.rs", "#[cfg(not(test))]\nmod real {\n    fn f() {}\n}\n");
        assert!(source.tests.is_empty());
    }

    #[test]
    fn generated_code_and_test_folders_are_known_by_their_path() {
        assert!(parsed("crates/services/sqs/src/api/types.rs", "").is_generated());
        assert!(!parsed("crates/services/sqs/src/api.rs", "").is_generated());
        assert!(parsed("crates/server/tests/kill.rs", "fn a() {}").functions[0].is_test);
        assert_eq!(parsed("crates/a/src/util/mod.rs", "").module(), "util");
    }

    #[test]
    fn a_file_that_does_not_parse_is_reported_with_its_place() {
        assert!(Source::parse("crates/a/src/lib.rs", "fn (").unwrap_err().starts_with("crates/a/src/lib.rs:1:"));
    }
}
