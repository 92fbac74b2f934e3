"""moto's own tests of SQS against a tidewire server; how, `moto_suite.py` in the folder above says."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import moto_suite
import redirection

redirection.install(moto_suite.ENDPOINT)
moto_suite.run(HERE, ["test_sqs"], "JSON 1.0; query where a test says so")
