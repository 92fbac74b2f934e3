"""SNS over the connection of a QueueClient: forms out, XML back, on the standard library alone.

Like there: `Lost` when the server went away before the whole answer was here, `Refused` when it said no; nothing is retried.
"""

import http.client
import re
from urllib.parse import urlencode
from xml.etree import ElementTree

from queue_client import Lost, Refused

VERSION = "2010-03-31"


def call(client, action, **members):
    """One operation; the answer as an XML tree without namespaces."""
    body = urlencode({"Action": action, "Version": VERSION, **members})
    try:
        client.connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = client.connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        client.connection.close()
        raise Lost(repr(error)) from error
    if answer.status != 200:
        raise Refused(answer.status, text)
    return ElementTree.fromstring(re.sub(r' xmlns="[^"]+"', "", text))


def publish(client, topic, body, kind=None, group=None, dedup=None):
    call(client, "Publish", TopicArn=topic, **entry("", body, kind, group, dedup))


def publish_batch(client, topic, entries):
    """`entries` as (body, kind, group, dedup); which of them were taken, by their places."""
    members = {}
    for place, one in enumerate(entries):
        prefix = f"PublishBatchRequestEntries.member.{place + 1}."
        members |= {f"{prefix}Id": str(place), **entry(prefix, *one)}
    answer = call(client, "PublishBatch", TopicArn=topic, **members)
    return {int(taken.text) for taken in answer.findall(".//Successful/member/Id")}


def entry(prefix, body, kind, group, dedup):
    members = {f"{prefix}Message": body}
    if kind:
        value = f"{prefix}MessageAttributes.entry.1."
        members |= {f"{value}Name": "kind", f"{value}Value.DataType": "String", f"{value}Value.StringValue": kind}
    if group:
        members |= {f"{prefix}MessageGroupId": group, f"{prefix}MessageDeduplicationId": dedup}
    return members


def create_topic(client, name, **attributes):
    return call(client, "CreateTopic", Name=name, **numbered(attributes)).findtext(".//TopicArn")


def subscribe(client, topic, protocol, endpoint, **attributes):
    call(client, "Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint, **numbered(attributes))


def numbered(attributes):
    members = {}
    for number, (name, value) in enumerate(attributes.items(), 1):
        members |= {f"Attributes.entry.{number}.key": name, f"Attributes.entry.{number}.value": value}
    return members
