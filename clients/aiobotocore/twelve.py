"""The twelve with aiobotocore, the asynchronous form of the AWS SDK for Python, over aiohttp.

The checks of `the_twelve.py` are written without waiting; each call here runs on one event loop that lives as long as the
client, so its connections are kept between them as in a real program.
"""

import asyncio
import os
import pathlib
import sys

import aiobotocore
from aiobotocore.session import get_session
from botocore import xform_name
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import the_twelve


class Aiobotocore:
    """A client on its own event loop."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.context = get_session().create_client("sqs", endpoint_url=os.environ["TIDEWIRE_ENDPOINT"])
        self.sqs = self.loop.run_until_complete(self.context.__aenter__())

    def call(self, operation, **parameters):
        try:
            return self.loop.run_until_complete(getattr(self.sqs, xform_name(operation))(**parameters))
        except ClientError as error:
            raise the_twelve.Refused(error.response["Error"]["Code"]) from error

    def needs(self, operation):
        pass

    def binary(self, value):
        return value

    bytes = binary

    def end(self):
        self.loop.run_until_complete(self.context.__aexit__(None, None, None))
        self.loop.close()


client = Aiobotocore()
the_twelve.run(client, "aiobotocore", aiobotocore.__version__, "JSON 1.0")
client.end()
