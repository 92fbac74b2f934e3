"""The twelve for clients made of botocore, whether their calls are waited for or not.

In: a botocore client, and how to wait for what a call gives. Out: what `the_twelve.py` speaks to.
"""

from botocore import xform_name
from botocore.exceptions import ClientError

import the_twelve


class Botocore:
    """A client of the SDK, spoken to by the names of the operations."""

    def __init__(self, sqs, wait=lambda answer: answer):
        self.sqs = sqs
        self.wait = wait

    def call(self, operation, **parameters):
        try:
            return self.wait(getattr(self.sqs, xform_name(operation))(**parameters))
        except ClientError as error:
            raise the_twelve.Refused(error.response["Error"]["Code"]) from error

    def needs(self, operation):
        pass

    def binary(self, value):
        return value

    bytes = binary
