"""Envelopes are signed: by a key whose certificate is served, in both versions; and the links in them work."""

import base64
import urllib.parse
import urllib.request

from conftest import ENDPOINT, refusal
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

HASHES = {"1": SHA1(), "2": SHA256()}
SIGNED = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
SIGNED_OF_CONFIRMATIONS = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.status, answer.read()


def verify(notification):
    """Raises where the signature is not one of what the notification says."""
    status, pem = fetched(notification["SigningCertURL"])
    assert status == 200
    key = x509.load_pem_x509_certificate(pem).public_key()
    names = SIGNED if notification["Type"] == "Notification" else SIGNED_OF_CONFIRMATIONS
    text = "".join(f"{name}\n{notification[name]}\n" for name in names if name in notification)
    signature = base64.b64decode(notification["Signature"])
    key.verify(signature, text.encode(), PKCS1v15(), HASHES[notification["SignatureVersion"]])


def test_links_do_not_lead_where_the_publisher_says(house):
    topic = house.topic()
    url = house.subscribed(topic)
    form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": "forged"}
    forged = {"Host": "evil.example", "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/sns/aws4_request"}
    request = urllib.request.Request(ENDPOINT, data=urllib.parse.urlencode(form).encode(), headers=forged)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    [found] = house.notifications(url)
    assert found["SigningCertURL"].startswith(f"{ENDPOINT}/SimpleNotificationService-")
    assert found["UnsubscribeURL"].startswith(f"{ENDPOINT}/?Action=Unsubscribe&")
    verify(found)


def test_both_versions_verify_with_the_certificate_that_is_served(house):
    for attributes, version in [({}, "1"), ({"SignatureVersion": "1"}, "1"), ({"SignatureVersion": "2"}, "2")]:
        topic = house.topic(Attributes=attributes)
        url = house.subscribed(topic)
        house.sns.publish(TopicArn=topic, Message='say "hello"\né', Subject="News")
        house.sns.publish(TopicArn=topic, Message="without")
        found = house.notifications(url)
        assert [one["SignatureVersion"] for one in found] == [version] * 2
        for one in found:
            assert one["SigningCertURL"].startswith(f"{ENDPOINT}/SimpleNotificationService-")
            verify(one)
        shown = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert shown.get("SignatureVersion") == attributes.get("SignatureVersion"), "shown as far as it was set"


def test_a_version_that_is_none_is_refused(house):
    topic = house.topic()
    asked = {"TopicArn": topic, "AttributeName": "SignatureVersion", "AttributeValue": "3"}
    assert refusal(house.sns.set_topic_attributes, **asked)[0] == "InvalidParameter"


def test_whoever_gets_the_messages_may_end_the_subscription(house):
    topic = house.topic()
    one, other = house.subscribed(topic), house.subscribed(topic)
    house.sns.publish(TopicArn=topic, Message="first")
    (notification,) = house.notifications(one)
    link = urllib.parse.urlsplit(notification["UnsubscribeURL"])
    assert f"{link.scheme}://{link.netloc}" == ENDPOINT
    status, body = fetched(notification["UnsubscribeURL"])
    assert status == 200 and b"<UnsubscribeResponse" in body
    house.sns.publish(TopicArn=topic, Message="second")
    assert house.notifications(one) == []
    assert [found["Message"] for found in house.notifications(other)] == ["first", "second"]
