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

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import the_twelve
from twelve_of_botocore import Botocore

with asyncio.Runner() as runner:
    context = get_session().create_client("sqs", endpoint_url=os.environ["TIDEWIRE_ENDPOINT"])
    sqs = runner.run(context.__aenter__())
    wait = runner.get_loop().run_until_complete
    the_twelve.run(Botocore(sqs, wait), "aiobotocore", aiobotocore.__version__, "JSON 1.0")
    runner.run(context.__aexit__(None, None, None))
