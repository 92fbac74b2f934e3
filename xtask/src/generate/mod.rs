//! `cargo xtask gen`: the types and tables of each service's `api/`, out of AWS's own service models.
//!
//! In come a model of the pinned botocore, fetched into `.tools/` and never kept in the tree, and the overlay of the same
//! service in `xtask/overlay/`, which says what the model leaves out. Out goes plain Rust without the model's texts,
//! formatted, and the same on every machine: `--check` writes nothing and fails on any difference.

mod botocore;
mod emit;
mod format;
mod model;
mod names;
mod overlay;

use std::path::{Path, PathBuf};

use crate::workspace;
use model::Model;
use overlay::Overlay;

/// Writes the generated code of every overlay, or, with `check`, says whether what is there is up to date.
pub(crate) fn run(check: bool) -> Result<(), String> {
    let mut stale = Vec::new();
    for overlay in overlays()? {
        let overlay = Overlay::load(&overlay)?;
        let model = Model::parse(&botocore::service_model(&overlay.model)?, &overlay)?;
        for (name, text) in emit::files(&model) {
            let path = Path::new(&overlay.output).join(name);
            if !update(&path, &format::rustfmt(&text)?, check)? {
                stale.push(path.display().to_string());
            }
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(format!("out of date, run `cargo xtask gen`: {}", stale.join(", "))) }
}

fn overlays() -> Result<Vec<PathBuf>, String> {
    let folder = workspace::root().join("xtask").join("overlay");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}

/// Makes the file say `text`; under `check` only says whether it does.
fn update(path: &Path, text: &str, check: bool) -> Result<bool, String> {
    let path = workspace::root().join(path);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(true);
    }
    if check {
        return Ok(false);
    }
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)?;
    Ok(true)
}
