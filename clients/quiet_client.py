"""Clients of the SDK for Python that never retry, since a retry would hide an answer, and names that nobody has used.

In: TIDEWIRE_ENDPOINT, where no other endpoint is given. Names are fresh so that a suite can run again and again against one server.
"""

import os
import uuid

import boto3
from botocore.config import Config

ENDPOINT = os.environ.get("TIDEWIRE_ENDPOINT", "http://127.0.0.1:4566")
ONCE = {"total_max_attempts": 1, "mode": "standard"}


def quiet_client(service, endpoint=ENDPOINT, keys=("test", "secret", None), region="us-east-1", **config):
    """A client of a service for (access key, secret, session token); `config` as botocore's."""
    access_key, secret, token = keys
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries=ONCE, **config),
    )


def fresh(prefix):
    """A name that nobody has used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
