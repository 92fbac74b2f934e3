"""The fourteen, for every client written in Python: what a program that uses SNS cannot do without, once each.

In: a client of SNS and one of SQS, as `the_twelve.py` has them; that of SNS has `pages(operation, key)` too, which is what all pages
of a listing hold, found as the client finds it. Out: the lines that `xtask/src/test/twelve.rs` reads. Other languages have the same
fourteen in their own words, in the folder of their client.
"""

import http.server
import json
import queue
import threading
import uuid

from the_twelve import BODY, equal, make_queue, receive, refusal, run_checks
from the_twelve import attribute as queue_attribute

NUMBER_OF_TOPICS = 101  # One more than a page of ListTopics has.
MISSING = "-missing"


class Both:
    """A client of SNS, and one of SQS for the queues that it subscribes."""

    def __init__(self, sns, sqs):
        self.sns, self.sqs = sns, sqs
        self.call, self.pages = sns.call, sns.pages


def run(sns, sqs, name, version, wire):
    """Does the fourteen with one client and prints how each went."""
    run_checks(CHECKS, "client of topics", "topics", Both(sns, sqs), f"{name} | {version} | {wire}")


def fresh(suffix=""):
    return f"fourteen-{uuid.uuid4().hex[:12]}{suffix}"


def make_topic(client, suffix="", **attributes):
    return client.call("CreateTopic", Name=fresh(suffix), Attributes=attributes)["TopicArn"]


def subscribe(client, topic, url, **attributes):
    endpoint = queue_attribute(client.sqs, url, "QueueArn")
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes}
    return client.call("Subscribe", **asked)["SubscriptionArn"]


def subscribed(client, topic, **attributes):
    """The URL of a new queue that is subscribed."""
    url = make_queue(client.sqs)
    subscribe(client, topic, url, **attributes)
    return url


def publish(client, topic, message, **parameters):
    return client.call("Publish", TopicArn=topic, Message=message, **parameters)


def bodies(client, url, count):
    """The bodies of so many messages, as soon as they are there."""
    found = []
    while len(found) < count:
        more = receive(client.sqs, url, MessageAttributeNames=["All"])
        if not more:
            break
        found += more
    return [one["Body"] for one in found]


def string(value):
    return {"DataType": "String", "StringValue": value}


def create(client):
    name = fresh()
    topic = client.call("CreateTopic", Name=name, Attributes={"DisplayName": "Tide"})["TopicArn"]
    equal(topic.split(":")[5], name)
    equal(client.call("CreateTopic", Name=name)["TopicArn"], topic)
    client.call("SetTopicAttributes", TopicArn=topic, AttributeName="DisplayName", AttributeValue="Über & under")
    found = client.call("GetTopicAttributes", TopicArn=topic)["Attributes"]
    equal((found["TopicArn"], found["DisplayName"]), (topic, "Über & under"))


def envelope(client):
    topic = make_topic(client)
    url = subscribed(client, topic)
    sent = publish(client, topic, BODY, Subject="News", MessageAttributes={"kind": string("a<b>&c")})
    (found,) = [json.loads(body) for body in bodies(client, url, 1)]
    equal([found[key] for key in ("Type", "MessageId", "TopicArn", "Subject", "Message")],
          ["Notification", sent["MessageId"], topic, "News", BODY])
    equal(found["MessageAttributes"], {"kind": {"Type": "String", "Value": "a<b>&c"}})
    equal({"Signature", "SignatureVersion", "SigningCertURL", "Timestamp", "UnsubscribeURL"} - found.keys(), set())


def raw(client):
    topic = make_topic(client)
    url = subscribed(client, topic, RawMessageDelivery="true")
    publish(client, topic, BODY)
    equal(bodies(client, url, 1), [BODY])


def attributes(client):
    topic = make_topic(client)
    url = subscribed(client, topic, RawMessageDelivery="true")
    binary = {"DataType": "Binary", "BinaryValue": client.sns.binary(b"tide")}
    number = {"DataType": "Number", "StringValue": "12.5"}
    publish(client, topic, "x", MessageAttributes={"kind": string("a<b>&c"), "number": number, "raw": binary})
    (message,) = receive(client.sqs, url, MessageAttributeNames=["All"])
    found = message["MessageAttributes"]
    equal((found["kind"]["StringValue"], found["number"]["StringValue"]), ("a<b>&c", "12.5"))
    equal((found["number"]["DataType"], client.sqs.bytes(found["raw"]["BinaryValue"])), ("Number", b"tide"))


def batch(client):
    topic = make_topic(client)
    url = subscribed(client, topic, RawMessageDelivery="true")
    entries = [{"Id": f"m{i}", "Message": f"body {i}"} for i in range(3)]
    sent = client.call("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    equal(sorted(one["Id"] for one in sent["Successful"]), ["m0", "m1", "m2"])
    equal((sent["Failed"], sorted(bodies(client, url, 3))), ([], ["body 0", "body 1", "body 2"]))
    twice = [{"Id": "same", "Message": "x"}] * 2
    equal(refusal(client, "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=twice), "BatchEntryIdsNotDistinct")


def structure(client):
    topic = make_topic(client)
    url = subscribed(client, topic, RawMessageDelivery="true")
    texts = {"default": "for all", "sqs": "for queues", "email": "for people"}
    publish(client, topic, json.dumps(texts), MessageStructure="json")
    equal(bodies(client, url, 1), ["for queues"])


def filter_policy(client):
    topic = make_topic(client)
    url = make_queue(client.sqs)
    wanted = json.dumps({"kind": [{"prefix": "a"}]})
    subscription = subscribe(client, topic, url, RawMessageDelivery="true", FilterPolicy=wanted)
    for kind in ("bee", "ant"):
        publish(client, topic, kind, MessageAttributes={"kind": string(kind)})
    equal(bodies(client, url, 1), ["ant"])
    for name, value in [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", json.dumps({"legs": [{"numeric": [">", 6]}]}))]:
        asked = {"SubscriptionArn": subscription, "AttributeName": name, "AttributeValue": value}
        client.call("SetSubscriptionAttributes", **asked)
    for legs in (6, 8):
        publish(client, topic, json.dumps({"legs": legs}))
    equal(bodies(client, url, 1), ['{"legs": 8}'])
    equal(receive(client.sqs, url, wait=0), [])


def fifo(client):
    topic = make_topic(client, ".fifo", FifoTopic="true", ContentBasedDeduplication="true")
    url = make_queue(client.sqs, ".fifo", FifoQueue="true")
    subscribe(client, topic, url, RawMessageDelivery="true")
    sent = [publish(client, topic, text, MessageGroupId=text[0]) for text in ("a1", "a2", "b1", "a3", "a1")]
    equal(sent[4]["MessageId"], sent[0]["MessageId"])
    if sorted(numbers := [int(one["SequenceNumber"]) for one in sent[:4]]) != numbers:
        raise AssertionError(f"sequence numbers do not rise: {numbers}")
    found = [one["Body"] for one in receive(client.sqs, url)]
    equal(([body for body in found if body[0] == "a"], sorted(found)), (["a1", "a2", "a3"], ["a1", "a2", "a3", "b1"]))


class Endpoint(http.server.BaseHTTPRequestHandler):
    """An HTTP endpoint that notes what it gets."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.put((self.headers["x-amz-sns-message-type"], json.loads(body)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def confirm(client):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.got = queue.Queue()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        topic = make_topic(client)
        endpoint = f"http://127.0.0.1:{server.server_port}/notes"
        asked = client.call("Subscribe", TopicArn=topic, Protocol="http", Endpoint=endpoint)
        equal(asked["SubscriptionArn"], "pending confirmation")
        kind, letter = server.got.get(timeout=30)
        equal((kind, letter["TopicArn"]), ("SubscriptionConfirmation", topic))
        confirmed = client.call("ConfirmSubscription", TopicArn=topic, Token=letter["Token"])["SubscriptionArn"]
        equal(confirmed.rpartition(":")[0], topic)
        publish(client, topic, BODY)
        kind, letter = server.got.get(timeout=30)
        equal((kind, letter["Message"]), ("Notification", BODY))
        client.call("DeleteTopic", TopicArn=topic)
        server.shutdown()


def tags(client):
    topic = client.call("CreateTopic", Name=fresh(), Tags=[{"Key": "team", "Value": "tide"}])["TopicArn"]
    client.call("TagResource", ResourceArn=topic, Tags=[{"Key": "stage", "Value": "test + more"}])
    listed = lambda: {tag["Key"]: tag["Value"] for tag in client.call("ListTagsForResource", ResourceArn=topic)["Tags"]}  # noqa: E731
    equal(listed(), {"team": "tide", "stage": "test + more"})
    client.call("UntagResource", ResourceArn=topic, TagKeys=["team"])
    equal(listed(), {"stage": "test + more"})


def pages(client):
    made = {make_topic(client) for _ in range(NUMBER_OF_TOPICS)}
    first = client.sns.first_page("ListTopics")
    equal((len(first["Topics"]), bool(first.get("NextToken"))), (100, True))
    found = [one["TopicArn"] for one in client.pages("ListTopics", "Topics")]
    equal((len(found), made - set(found)), (len(set(found)), set()))


def errors(client):
    topic = make_topic(client)
    equal(refusal(client, "Publish", TopicArn=topic + MISSING, Message="x"), "NotFound")
    equal(refusal(client, "Subscribe", TopicArn=topic, Protocol="pigeon", Endpoint="x"), "InvalidParameter")
    equal(refusal(client, "ListTagsForResource", ResourceArn=topic + MISSING), "ResourceNotFound")
    equal(refusal(client, "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=[]), "EmptyBatchRequest")


def unsubscribe(client):
    topic = make_topic(client)
    url = make_queue(client.sqs)
    subscription = subscribe(client, topic, url)
    listed = lambda: client.call("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"]  # noqa: E731
    equal([one["SubscriptionArn"] for one in listed()], [subscription])
    client.call("Unsubscribe", SubscriptionArn=subscription)
    publish(client, topic, "to nobody")
    equal((receive(client.sqs, url, wait=1), listed()), ([], []))
    equal(refusal(client, "GetSubscriptionAttributes", SubscriptionArn=subscription), "NotFound")


def delete(client):
    topic = make_topic(client)
    url = subscribed(client, topic)
    client.call("DeleteTopic", TopicArn=topic)
    equal(refusal(client, "Publish", TopicArn=topic, Message="x"), "NotFound")
    equal(refusal(client, "GetTopicAttributes", TopicArn=topic), "NotFound")
    client.call("DeleteTopic", TopicArn=topic)
    equal(receive(client.sqs, url, wait=1), [])


CHECKS = {
    "create": create,
    "envelope": envelope,
    "raw": raw,
    "attributes": attributes,
    "batch": batch,
    "structure": structure,
    "filter": filter_policy,
    "fifo": fifo,
    "confirm": confirm,
    "tags": tags,
    "pages": pages,
    "errors": errors,
    "unsubscribe": unsubscribe,
    "delete": delete,
}
