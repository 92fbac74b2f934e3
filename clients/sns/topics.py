"""The fourteen with the AWS SDK for Python."""

import pathlib
import sys

import boto3
import botocore

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import the_fourteen
from quiet_client import quiet_client
from twelve_of_botocore import Botocore

version = f"boto3 {boto3.__version__}, botocore {botocore.__version__}"
sns, sqs = (Botocore(quiet_client(service)) for service in ("sns", "sqs"))
the_fourteen.run(sns, sqs, "AWS SDK for Python", version, "query")
