//! The workspace as cargo sees it: its root, where it builds to, and which crate depends on which.
//!
//! Read from `cargo metadata` as plain JSON values; only the handful of fields that the laws need become types.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process;

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Development,
    Build,
}

/// One crate of the workspace, with the workspace crates it names as dependencies.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder of its manifest, from the root: `crates/services/sqs`.
    pub(crate) folder: String,
    pub(crate) depends_on: Vec<(String, Kind)>,
}

/// What `cargo metadata` says about this workspace.
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_folder: PathBuf,
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the root")
}

/// Asks cargo about the workspace, without reaching for the network.
pub(crate) fn metadata() -> Result<Metadata, String> {
    let mut command = process::cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    parse(&process::run_quietly(&mut command)?, root())
}

/// Where `tidewire` lies after a release build.
pub(crate) fn release_binary() -> Result<PathBuf, String> {
    Ok(metadata()?.target_folder.join("release").join("tidewire"))
}

fn parse(json: &str, root: &Path) -> Result<Metadata, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("cargo metadata: {error}"))?;
    let listed = value["packages"].as_array().ok_or("cargo metadata: no packages")?;
    let names: Vec<&str> = listed.iter().filter_map(|package| package["name"].as_str()).collect();
    let packages = listed.iter().map(|package| parse_package(package, &names, root)).collect::<Result<_, _>>()?;
    let target_folder = value["target_directory"].as_str().ok_or("cargo metadata: no target_directory")?.into();
    Ok(Metadata { packages, target_folder })
}

fn parse_package(value: &Value, workspace: &[&str], root: &Path) -> Result<Package, String> {
    let name = value["name"].as_str().ok_or("cargo metadata: a package without a name")?;
    let manifest = value["manifest_path"].as_str().ok_or("cargo metadata: a package without a manifest")?;
    let folder = Path::new(manifest).parent().unwrap_or(Path::new("/"));
    let folder = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
    let dependencies = value["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let depends_on = dependencies
        .iter()
        .filter_map(|dependency| Some((dependency["name"].as_str()?, kind(&dependency["kind"]))))
        .filter(|(name, _)| workspace.contains(name))
        .map(|(name, kind)| (name.to_owned(), kind))
        .collect();
    Ok(Package { name: name.to_owned(), folder, depends_on })
}

fn kind(value: &Value) -> Kind {
    match value.as_str() {
        Some("dev") => Kind::Development,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dependencies_inside_the_workspace_are_kept_with_their_kind() {
        let json = r#"{"target_directory": "/house/target", "packages": [
            {"name": "names", "manifest_path": "/house/crates/names/Cargo.toml", "dependencies": []},
            {"name": "sqs", "manifest_path": "/house/crates/services/sqs/Cargo.toml", "dependencies": [
                {"name": "names", "kind": null}, {"name": "names", "kind": "dev"}, {"name": "bytes", "kind": null}]}]}"#;
        let read = parse(json, Path::new("/house")).unwrap();
        assert_eq!(read.packages[1].folder, "crates/services/sqs");
        let expected = [("names".to_owned(), Kind::Normal), ("names".to_owned(), Kind::Development)];
        assert_eq!(read.packages[1].depends_on, expected);
        assert_eq!(read.target_folder, Path::new("/house/target"));
    }

    #[test]
    fn this_workspace_contains_xtask() {
        assert!(metadata().unwrap().packages.iter().any(|package| package.folder == "xtask"));
    }
}
