//! The service models of one pinned botocore, installed into `.tools/` when they are first asked for.
//!
//! botocore publishes the models that AWS generates its SDKs from. Nothing of it is kept in the tree: the version below
//! is the whole dependency, and raising it is how the project learns of new operations.

use std::path::PathBuf;

use serde_json::Value;

use crate::{process, workspace};

const VERSION: &str = "1.44.5";

/// Prints what a gzip file holds; the interpreter that installed botocore is there in any case.
const UNPACK: &str = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";

/// The model of this name and version, `sqs/2012-11-05`.
pub(super) fn service_model(name: &str) -> Result<Value, String> {
    let packages = installed()?;
    let path = packages.join("botocore").join("data").join(name).join("service-2.json.gz");
    let mut unpack = process::command(&python().to_string_lossy(), &["-c", UNPACK]);
    let text = process::run_quietly(unpack.arg(&path))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn home() -> PathBuf {
    workspace::root().join(".tools").join(format!("botocore-{VERSION}"))
}

fn python() -> PathBuf {
    home().join("bin").join("python")
}

/// The folder that botocore lies in. The last step of an installation makes it, so what is there is whole.
fn installed() -> Result<PathBuf, String> {
    if let Some(packages) = packages() {
        return Ok(packages);
    }
    println!("gen: installing botocore {VERSION}");
    process::run_quietly(process::command("python3", &["-m", "venv", "--clear"]).arg(home()))?;
    let wanted = format!("botocore=={VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", &wanted];
    process::run_quietly(&mut process::command(&python().to_string_lossy(), &pip))?;
    packages().ok_or_else(|| format!("botocore {VERSION} was installed, but is not under {}", home().display()))
}

/// `lib/python3.11/site-packages`, whichever Python it is.
fn packages() -> Option<PathBuf> {
    let versions = std::fs::read_dir(home().join("lib")).ok()?;
    let mut folders = versions.filter_map(Result::ok).map(|entry| entry.path().join("site-packages"));
    folders.find(|folder| folder.join(format!("botocore-{VERSION}.dist-info")).join("RECORD").is_file())
}
