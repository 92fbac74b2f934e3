"""The twelve with the AWS SDK for Python."""

import pathlib
import sys

import boto3
import botocore

from conftest import make_client

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import the_twelve
from twelve_of_botocore import Botocore

version = f"boto3 {boto3.__version__}, botocore {botocore.__version__}"
the_twelve.run(Botocore(make_client()), "AWS SDK for Python", version, "JSON 1.0")
