"""What the protocol suite needs: botocore's source archive, and the codecs as a process.

Out: the folder of the cases, and a function that hands one case to the codecs. Invariant: nothing of the archive is kept
in the tree; it is unpacked beside the packages that were installed for the suite.
"""

import base64
import json
import pathlib
import subprocess
import sys

import botocore
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "clients"))

from source_archive import Unavailable, unpacked

SHA256 = "a988f39e3a4484def0b8010f41128f71157da0515a4804fccce4739aa8f216da"


def source_folder():
    """botocore's source archive of the installed version, unpacked; the cases are not in the package itself."""
    try:
        return unpacked("botocore", botocore.__version__, SHA256, "tests")
    except Unavailable as reason:
        pytest.skip(str(reason), allow_module_level=True)


class Codecs:
    """The codecs of crates/wire, asked one case at a time."""

    def __init__(self):
        command = ["cargo", "run", "--quiet", "--package", "wire", "--example", "protocol_case"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def read(self, body, **case):
        """What a request's body says."""
        return self.ask(way="read", body=base64.b64encode(body).decode(), **case)["value"]

    def write(self, value, **case):
        """The body of a reply that says `value`."""
        return base64.b64decode(self.ask(way="write", value=value, **case)["body"])

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=120)


@pytest.fixture(scope="session")
def codecs():
    codecs = Codecs()
    yield codecs
    codecs.end()
