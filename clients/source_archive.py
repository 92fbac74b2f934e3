"""Source archives of other projects: fetched by pip when a test run needs them, checked, and unpacked beside the environment.

In: a project, its version, the SHA-256 of its archive, and which folder of it is wanted. Out: where it was unpacked.
Invariant: nothing of an archive is kept in the tree, and nothing of one with another hash is ever unpacked.
"""

import hashlib
import pathlib
import subprocess
import sys
import tarfile

ARCHIVES = pathlib.Path(sys.prefix) / "sources"


class Unavailable(Exception):
    """The archive cannot be had here."""


def unpacked(project, version, sha256, folder):
    """The archive's root, with `folder` of it inside."""
    root = ARCHIVES / f"{project}-{version}"
    if not (root / folder).is_dir():
        archive = fetched(project, version)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != sha256:
            archive.unlink()
            raise Unavailable(f"{archive.name} has the SHA-256 {found}, not {sha256}")
        with tarfile.open(archive) as tar:
            inside = [one for one in tar.getmembers() if one.name.startswith(f"{root.name}/{folder}/")]
            tar.extractall(ARCHIVES, members=inside, filter="data")
    return root


def fetched(project, version):
    """The archive itself, as the package index has it."""
    archive = ARCHIVES / f"{project}-{version}.tar.gz"
    if not archive.exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        wanted = ["--no-binary", project, "-d", str(ARCHIVES), f"{project}=={version}"]
        if subprocess.run([*pip, *wanted], stdout=subprocess.DEVNULL).returncode != 0:
            raise Unavailable(f"the source archive of {project} {version} cannot be had")
    return archive
