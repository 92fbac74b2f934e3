"""The twelve, or with the argument `sns` the fourteen, with the AWS CLI 1 or 2: whichever the interpreter that runs this has.

In: TIDEWIRE_ENDPOINT. Each call is a command line as a script would write it (`--cli-input-json`), run in this process,
because starting the interpreter anew for each would take longer than all the rest; the suites of each version start the
command itself. The code of a refusal is read from what the command writes to the error stream.
"""

import base64
import contextlib
import io
import json
import os
import re
import sys

import awscli
from awscli.clidriver import create_clidriver

import the_fourteen
import the_twelve

os.environ.update(AWS_MAX_ATTEMPTS="1", AWS_PAGER="")
CODE = re.compile(r"An error occurred \(([^)]+)\) when calling")


class Cli:
    """Command lines of one process, for one service."""

    def __init__(self, service):
        self.service = service
        self.driver = create_clidriver()
        self.old = awscli.__version__.startswith("1.")
        self.operations = self.driver.session.get_service_model(service).operation_names

    def call(self, operation, *options, **parameters):
        options = ["--endpoint-url", os.environ["TIDEWIRE_ENDPOINT"], "--output", "json", *options]
        line = [*options, self.service, kebab(operation)]
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            status = self.driver.main([*line, "--cli-input-json", json.dumps(parameters)])
        if status == 0:
            return json.loads(output.getvalue() or "{}")
        code = CODE.search(errors.getvalue())
        raise the_twelve.Refused(code.group(1)) if code else RuntimeError(f"{status}: {errors.getvalue()}")

    def first_page(self, operation):
        return self.call(operation, "--no-paginate")

    def pages(self, operation, key):
        """The command asks for page after page by itself."""
        return self.call(operation)[key]

    def needs(self, operation):
        if operation not in self.operations:
            raise the_twelve.Absent

    def binary(self, value):
        """Version 1 takes the bytes of a blob as they are, version 2 in base64."""
        return value.decode() if self.old else base64.b64encode(value).decode()

    def bytes(self, value):
        return base64.b64decode(value)


def kebab(operation):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", operation).lower()


name = f"AWS CLI {awscli.__version__.split('.')[0]}"
if sys.argv[1:] == ["sns"]:
    the_fourteen.run(Cli("sns"), Cli("sqs"), name, awscli.__version__, "query")
else:
    queues = Cli("sqs")
    the_twelve.run(queues, name, awscli.__version__, "JSON 1.0" if queues.old else "query")
sys.stdout.flush()
