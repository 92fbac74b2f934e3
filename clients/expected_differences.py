"""A pytest plugin for suites that others wrote: the list of what differs from them is kept, and has to be exact.

In: an `expected.toml` with any number of

    [[differs]]                     # run, and has to fail
    because = "AWS answers ... where the test wants ..."
    tests = ["test_sqs.py::test_name", ...]

    [[not_run]]                     # cannot run outside of the project it belongs to
    because = "..."
    tests = [...]

Out: an unlisted test that fails is a failure, a listed one that passes is a failure, and so is a listed name that does not
exist. A test that skips itself without being listed shows up as skipped. The closing line is for `docs/CLIENTS.md`.
"""

import pathlib
import tomllib

import pytest


class ExpectedDifferences:
    """The list of one suite."""

    def __init__(self, path, roots, title, version, wire):
        listed = tomllib.loads(pathlib.Path(path).read_text())
        self.differs = {test: one["because"] for one in listed.get("differs", []) for test in one["tests"]}
        self.not_run = {test: one["because"] for one in listed.get("not_run", []) for test in one["tests"]}
        self.roots = roots
        self.said = f"{title} | {version} | {wire}"

    def name(self, item):
        """`test_sqs.py::test_name[parameter]`, whatever folder pytest calls its root."""
        root = next(root for root in self.roots if item.path.is_relative_to(root))
        return f"{item.path.relative_to(root)}::{item.nodeid.split('::', 1)[1]}"

    def pytest_collection_modifyitems(self, config, items):
        names = {self.name(item) for item in items}
        gone = (self.differs.keys() | self.not_run.keys()) - names
        # With tests chosen on the command line, the others are not gone.
        chosen = config.option.keyword or any("::" in argument for argument in config.args)
        if gone and not chosen:
            raise pytest.UsageError(f"listed, but no such test: {sorted(gone)}")
        left_out = [item for item in items if self.name(item) in self.not_run]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
        for item in items:
            if because := self.differs.get(self.name(item)):
                item.add_marker(pytest.mark.xfail(reason=because, strict=True))

    def pytest_terminal_summary(self, terminalreporter):
        counts = [len(terminalreporter.stats.get(word, [])) for word in ("passed", "xfailed", "deselected")]
        terminalreporter.write_line(f"independent: {self.said} | {' | '.join(map(str, counts))}")
