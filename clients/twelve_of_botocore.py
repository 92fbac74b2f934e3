"""The twelve and the fourteen for clients made of botocore, whether their calls are waited for or not.

In: a botocore client, and how to wait for what a call gives. Out: what `the_twelve.py` and `the_fourteen.py` speak to.
"""

from botocore import xform_name
from botocore.exceptions import ClientError

import the_twelve


class Botocore:
    """A client of the SDK, spoken to by the names of the operations."""

    def __init__(self, client, wait=lambda answer: answer):
        self.client = client
        self.wait = wait

    def call(self, operation, **parameters):
        try:
            return self.wait(getattr(self.client, xform_name(operation))(**parameters))
        except ClientError as error:
            raise the_twelve.Refused(error.response["Error"]["Code"]) from error

    def first_page(self, operation):
        """What one call lists."""
        return self.call(operation)

    def pages(self, operation, key):
        """What all pages list, as the client's own paginator finds it."""
        return self.client.get_paginator(xform_name(operation)).paginate().build_full_result()[key]

    def needs(self, operation):
        pass

    def binary(self, value):
        return value

    bytes = binary
