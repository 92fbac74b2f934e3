"""The twelve with the AWS SDK for Python."""

import pathlib
import sys

import boto3
import botocore
from botocore.exceptions import ClientError
from botocore import xform_name

from conftest import make_client

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import the_twelve


class Boto3:
    """A client of the SDK, spoken to by the names of the operations."""

    def __init__(self):
        self.sqs = make_client()

    def call(self, operation, **parameters):
        try:
            return getattr(self.sqs, xform_name(operation))(**parameters)
        except ClientError as error:
            raise the_twelve.Refused(error.response["Error"]["Code"]) from error

    def needs(self, operation):
        pass

    def binary(self, value):
        return value

    bytes = binary


the_twelve.run(Boto3(), "AWS SDK for Python", f"boto3 {boto3.__version__}, botocore {botocore.__version__}", "JSON 1.0")
