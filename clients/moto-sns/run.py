"""moto's own tests of SNS against a tidewire server; how, `moto_suite.py` in the folder above says."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

import moto_suite

moto_suite.run(HERE, ["test_sns"], "query")
