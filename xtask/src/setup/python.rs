//! One virtual environment per folder with a `requirements.txt`, under `.tools/python/`.
//!
//! An environment is never repaired: when its requirements or the interpreter change it is removed and made anew, so that
//! what is installed is exactly what the file says.

use std::path::{Path, PathBuf};

use super::stamp::Stamp;
use crate::{process, workspace};

/// The interpreter of the environment that belongs to `folder`, e.g. `clients/boto3`.
pub(crate) fn python(folder: &str) -> PathBuf {
    environment(folder).join("bin").join("python")
}

pub(super) fn install(folder: &str) -> Result<(), String> {
    let requirements = workspace::root().join(folder).join("requirements.txt");
    let text =
        std::fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let version = process::run_quietly(&mut process::command("python3", &["--version"]))?;
    let home = environment(folder);
    Stamp::new(home.join("made-from.txt"), format!("{version}{text}")).ensure(|| make(folder, &home, &requirements))
}

fn make(folder: &str, home: &Path, requirements: &Path) -> Result<(), String> {
    println!("setup: installing {folder}/requirements.txt");
    process::run_quietly(process::command("python3", &["-m", "venv", "--clear"]).arg(home))?;
    let mut pip = process::command(&python(folder).to_string_lossy(), &["-m", "pip", "install", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--requirement"]).arg(requirements);
    process::run_quietly(&mut pip).map(drop)
}

/// `clients/boto3` lies in `.tools/python/clients-boto3`, so that a folder of the same name elsewhere has its own.
fn environment(folder: &str) -> PathBuf {
    super::tools().join("python").join(folder.replace('/', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_same_name_have_environments_of_their_own() {
        assert!(python("clients/moto").ends_with(".tools/python/clients-moto/bin/python"));
        assert_ne!(python("clients/moto"), python("bench/moto"));
    }
}
