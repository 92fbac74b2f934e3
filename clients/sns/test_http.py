"""Receivers over HTTP and HTTPS, as real servers: confirmation, headers, retries, logins, redirects, dead letters."""

import hashlib
import hmac
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from conftest import ENDPOINT, House, make_client, refusal
from receiver import Receiver, basic, digest
from tidewire_process import TidewireProcess

pytestmark = pytest.mark.timeout(180)

needs_a_server = pytest.mark.skipif("TIDEWIRE_BIN" not in os.environ, reason="TIDEWIRE_BIN is not set")

QUICK = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 3}}


def server(folder, *arguments, port=0):
    """A server of its own."""
    return TidewireProcess(folder, arguments=arguments, port=port)


def house_at(started):
    return House(make_client("sns", started.endpoint), make_client("sqs", started.endpoint))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def subscribe(house, topic, receiver, url=None, confirmed=True, **attributes):
    """The ARN of a subscription over HTTP."""
    attributes = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
    asked = {"TopicArn": topic, "Protocol": receiver.scheme, "Endpoint": url or receiver.url(), "Attributes": attributes}
    arn = house.sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    if confirmed:
        shown = {}
        deadline = time.monotonic() + 30
        while shown.get("PendingConfirmation") != "false":
            assert time.monotonic() < deadline
            time.sleep(0.05)
            shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return arn


def dead_letters(house, topic):
    url, arn = house.queue()
    return url, {"deadLetterTargetArn": arn}


def wait_for_messages(house, url, count=1, seconds=30):
    found, deadline = [], time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline
        found += house.received(url)
        time.sleep(0.05)
    return found


def test_a_receiver_is_asked_and_gets_nothing_before_it_confirms(house):
    topic = house.topic()
    with Receiver(confirm=False) as receiver:
        asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": receiver.url("/a?b=c")}
        assert house.sns.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
        house.sns.publish(TopicArn=topic, Message="early")
        question = receiver.of("SubscriptionConfirmation")[0]
        assert question.path == "/a?b=c"
        assert question.headers["x-amz-sns-topic-arn"] == topic
        assert question.headers["x-amz-sns-message-id"] == question.json["MessageId"]
        assert "x-amz-sns-subscription-arn" not in question.headers
        assert question.headers["content-type"] == "text/plain; charset=UTF-8"
        assert question.headers["user-agent"] == "Amazon Simple Notification Service Agent"
        envelope = question.json
        assert envelope["Type"] == "SubscriptionConfirmation" and envelope["TopicArn"] == topic
        listed = house.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        assert [one["SubscriptionArn"] for one in listed] == ["PendingConfirmation"]
        counts = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsPending"]) == ("0", "1")
        arn = house.sns.confirm_subscription(TopicArn=topic, Token=envelope["Token"])["SubscriptionArn"]
        again = house.sns.confirm_subscription(TopicArn=topic, Token=envelope["Token"])["SubscriptionArn"]
        assert arn == again and arn.startswith(topic + ":")
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "true")
        house.sns.publish(TopicArn=topic, Message="hello", Subject="s")
        notification = receiver.notifications()[0]
        assert notification.json["Message"] == "hello" and notification.json["Subject"] == "s"
        assert notification.headers["x-amz-sns-subscription-arn"] == arn
        assert notification.headers["x-amz-sns-message-id"] == notification.json["MessageId"]
        assert len(receiver.notifications()) == 1, "what came before the confirmation is for nobody"


def test_a_link_confirms_without_credentials(house):
    topic = house.topic()
    with Receiver() as receiver:
        arn = subscribe(house, topic, receiver)
        receiver.wait(lambda _: receiver.visited)
        status, body = receiver.visited[0]
        assert status == 200 and arn in body and "ConfirmSubscriptionResponse" in body
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert shown["PendingConfirmation"] == "false"


def test_a_wrong_token_confirms_nothing(house):
    topic = house.topic()
    with Receiver(confirm=False) as receiver:
        subscribe(house, topic, receiver, confirmed=False)
        token = receiver.of("SubscriptionConfirmation")[0].json["Token"]
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        for bad in [wrong, "x", "0" * 96, token[:32]]:
            code, words = refusal(house.sns.confirm_subscription, TopicArn=topic, Token=bad)
            assert (code, words) == ("InvalidParameter", "Invalid parameter: Token")
        other = house.topic()
        assert refusal(house.sns.confirm_subscription, TopicArn=other, Token=token)[0] == "InvalidParameter"
        gone = topic + "x"
        assert refusal(house.sns.confirm_subscription, TopicArn=gone, Token=token)[0] == "NotFound"


def test_raw_delivery_is_the_message_alone(house):
    topic = house.topic()
    with Receiver() as receiver:
        policy = {"requestPolicy": {"headerContentType": "application/json"}}
        subscribe(house, topic, receiver, RawMessageDelivery="true", DeliveryPolicy=policy)
        attributes = {"a": {"DataType": "String", "StringValue": "b"}}
        house.sns.publish(TopicArn=topic, Message='{"x":1}', MessageAttributes=attributes)
        got = receiver.notifications()[0]
        assert got.body == b'{"x":1}'
        assert (got.headers["x-amz-sns-rawdelivery"], got.headers["content-type"]) == ("true", "application/json")


def test_each_protocol_gets_its_own_of_a_structure(house):
    topic = house.topic()
    with Receiver() as receiver:
        subscribe(house, topic, receiver)
        url = house.subscribed(topic)
        body = json.dumps({"default": "d", "http": "h", "sqs": "q"})
        house.sns.publish(TopicArn=topic, Message=body, MessageStructure="json")
        assert receiver.notifications()[0].json["Message"] == "h"
        assert house.notifications(url)[0]["Message"] == "q"


def test_what_fails_is_tried_again_and_then_taken(house):
    topic, failures = house.topic(), []

    def fail_twice(handler, received):
        if len(failures) < 2:
            failures.append(1)
            return handler.answer(503)
        return None

    with Receiver(fail_twice) as receiver:
        subscribe(house, topic, receiver, DeliveryPolicy=QUICK)
        house.sns.publish(TopicArn=topic, Message="hello")
        got = receiver.notifications(3)
        gaps = [later.at - earlier.at for earlier, later in zip(got, got[1:])]
        assert all(gap > 0.95 for gap in gaps), gaps
        assert len({one.headers["x-amz-sns-message-id"] for one in got}) == 1


@pytest.mark.parametrize("status", [500, 404])
def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_with_the_reason(house, status):
    topic = house.topic()
    url, policy = dead_letters(house, topic)
    with Receiver(lambda handler, _: handler.answer(status, body=b"no thanks")) as receiver:
        subscribe(house, topic, receiver, DeliveryPolicy=QUICK, RedrivePolicy=policy)
        house.sns.publish(TopicArn=topic, Message="hello")
        [message] = wait_for_messages(house, url)
        assert json.loads(message["Body"])["Message"] == "hello"
        said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert (said["ErrorCode"], said["ErrorMessage"]) == (str(status), "no thanks")
        assert len(said["RequestID"]) == 36
        assert len(receiver.notifications()) == (4 if status == 500 else 1)


def test_nobody_listening_is_a_reason_too(house):
    topic = house.topic()
    url, policy = dead_letters(house, topic)
    receiver = Receiver()
    quick = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 1}}
    subscribe(house, topic, receiver, DeliveryPolicy=quick, RedrivePolicy=policy, RawMessageDelivery="true")
    receiver.close()
    house.sns.publish(TopicArn=topic, Message="hello")
    [message] = wait_for_messages(house, url)
    assert message["Body"] == "hello"
    assert "refused" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]


def test_a_queue_that_is_gone_leaves_its_messages_to_the_dead_letter_queue(house):
    topic = house.topic()
    url, policy = dead_letters(house, topic)
    gone, arn = house.queue()
    house.subscribe(topic, arn, RedrivePolicy=json.dumps(policy))
    house.sqs.delete_queue(QueueUrl=gone)
    house.sns.publish(TopicArn=topic, Message="hello")
    [message] = wait_for_messages(house, url)
    assert json.loads(message["Body"])["Message"] == "hello"
    assert "QueueDoesNotExist" in message["MessageAttributes"]["ErrorCode"]["StringValue"] or "NonExistentQueue" in (
        message["MessageAttributes"]["ErrorCode"]["StringValue"]
    )


def test_redirects_are_followed_and_counted(house):
    topic = house.topic()
    with Receiver() as target:
        target.confirm = True

        def elsewhere(handler, received):
            return handler.answer(307, [("location", target.url("/there"))])

        with Receiver(elsewhere) as receiver:
            subscribe(house, topic, receiver)
            house.sns.publish(TopicArn=topic, Message="hello")
            assert target.notifications()[0].path == "/there"

    def loop(handler, received):
        return handler.answer(302, [("location", received.path)])

    url, policy = dead_letters(house, topic)
    with Receiver(loop) as receiver:
        subscribe(house, topic, receiver, RedrivePolicy=policy)
        house.sns.publish(TopicArn=topic, Message="round")
        [message] = wait_for_messages(house, url)
        assert "redirects" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]


@pytest.mark.parametrize("manner", [basic, digest])
def test_a_login_in_the_url_is_used_and_not_shown(house, manner):
    topic = house.topic()
    with Receiver(manner("me", "s3cret!")) as receiver:
        arn = subscribe(house, topic, receiver, url=receiver.url("/x", login="me:s3cret%21@"))
        house.sns.publish(TopicArn=topic, Message="hello")
        got = receiver.notifications(2)
        assert "authorization" not in got[0].headers and "authorization" in got[1].headers
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Endpoint"]
        assert shown == receiver.url("/x", login="me:****@")
        listed = house.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        assert [one["Endpoint"] for one in listed] == [shown]


def test_slow_and_hanging_receivers_hold_nobody_up(house):
    topic = house.topic()
    with Receiver(lambda handler, _: time.sleep(40) or True) as hanging, Receiver() as quick:
        subscribe(house, topic, hanging)
        subscribe(house, topic, quick)
        before = time.monotonic()
        for nth in range(20):
            house.sns.publish(TopicArn=topic, Message=str(nth))
        quick.notifications(20, seconds=12)
        assert time.monotonic() - before < 12
        # It is given fifteen seconds, and is asked anew.
        hanging.notifications(2, seconds=60)


def test_what_is_no_http_is_tried_again(house):
    topic, times = house.topic(), []

    def nonsense(handler, received):
        times.append(1)
        if len(times) == 1:
            handler.wfile.write(b"what do you mean?\r\n\r\n")
            handler.close_connection = True
            return True
        if len(times) == 2:
            handler.connection.close()
            return True
        return None

    with Receiver(nonsense) as receiver:
        subscribe(house, topic, receiver, DeliveryPolicy=QUICK)
        house.sns.publish(TopicArn=topic, Message="hello")
        receiver.notifications(3)


def test_an_endless_answer_is_cut_off(house):
    topic = house.topic()

    def endless(handler, received):
        handler.send_response(200)
        handler.send_header("content-length", str(1 << 40))
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True
        return True

    with Receiver(endless) as receiver:
        subscribe(house, topic, receiver)
        house.sns.publish(TopicArn=topic, Message="one")
        house.sns.publish(TopicArn=topic, Message="two")
        assert {one.json["Message"] for one in receiver.notifications(2)} == {"one", "two"}


def test_a_throttle_holds(house):
    topic = house.topic()
    with Receiver() as receiver:
        subscribe(house, topic, receiver, DeliveryPolicy={"throttlePolicy": {"maxReceivesPerSecond": 5}})
        for nth in range(15):
            house.sns.publish(TopicArn=topic, Message=str(nth))
        got = receiver.notifications(15)
        assert got[14].at - got[0].at > 1.9


def test_an_hmac_stands_beside_the_body_for_whoever_has_a_key(house):
    topic, key = house.topic(), "k" * 32
    with Receiver() as receiver:
        arn = subscribe(house, topic, receiver, TidewireHmacKey=key)
        house.sns.publish(TopicArn=topic, Message="hello")
        got = receiver.notifications()[0]
        assert got.headers["x-tidewire-hmac-sha256"] == hmac.new(key.encode(), got.body, hashlib.sha256).hexdigest()
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert key not in json.dumps(shown)


def test_policies_are_shown_as_they_come_to_hold(house):
    policy = {"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 2, "maxDelayTarget": 5, "numRetries": 7}}}
    topic = house.topic(Attributes={"DeliveryPolicy": json.dumps(policy)})
    with Receiver() as receiver:
        arn = subscribe(house, topic, receiver)
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        effective = json.loads(shown["EffectiveDeliveryPolicy"])
        assert effective["healthyRetryPolicy"]["numRetries"] == 7 and "DeliveryPolicy" not in shown
        own = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2}}
        asked = {"SubscriptionArn": arn, "AttributeName": "DeliveryPolicy"}
        house.sns.set_subscription_attributes(**asked, AttributeValue=json.dumps(own))
        shown = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert json.loads(shown["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["numRetries"] == 2
        bad = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 101}}
        code, words = refusal(house.sns.set_subscription_attributes, **asked, AttributeValue=json.dumps(bad))
        assert code == "InvalidParameter" and "healthyRetryPolicy.numRetries must be less than or equal to 100" in words


@pytest.mark.parametrize(
    "policy, words",
    [
        ("{", "RedrivePolicy: failed to parse JSON."),
        ('{"deadLetterTargetArn":"x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ('{"maxReceiveCount":3}', "RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown."),
    ],
)
def test_a_redrive_policy_that_means_nothing_is_refused(house, policy, words):
    topic = house.topic()
    _, arn = house.queue()
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn, "Attributes": {"RedrivePolicy": policy}}
    code, said = refusal(house.sns.subscribe, **asked)
    assert code == "InvalidParameter" and said.endswith(words)


@pytest.mark.parametrize(
    "protocol, endpoint, words",
    [
        ("http", "https://example.org/", "Endpoint must match the specified protocol"),
        ("https", "http://example.org/", "Endpoint must match the specified protocol"),
        ("http", "example.org", "Endpoint must match the specified protocol"),
        ("http", "http://", "HTTP(S) endpoint"),
        ("firehose", "arn:aws:firehose:us-east-1:000000000000:deliverystream/x", "does not deliver to firehose"),
        ("sms", "me", "Invalid SMS endpoint: me"),
        ("carrier-pigeon", "x", "Amazon SNS does not support this protocol string: carrier-pigeon"),
    ],
)
def test_endpoints_are_what_their_protocol_takes(house, protocol, endpoint, words):
    code, said = refusal(house.sns.subscribe, TopicArn=house.topic(), Protocol=protocol, Endpoint=endpoint)
    assert code == "InvalidParameter" and words in said


def test_who_is_unsubscribed_gets_nothing_more(house):
    topic = house.topic()
    with Receiver() as receiver:
        arn = subscribe(house, topic, receiver)
        house.sns.publish(TopicArn=topic, Message="one")
        receiver.notifications(1)
        house.sns.unsubscribe(SubscriptionArn=arn)
        house.sns.publish(TopicArn=topic, Message="two")
        again = subscribe(house, topic, receiver)
        house.sns.publish(TopicArn=topic, Message="three")
        assert [one.json["Message"] for one in receiver.notifications(2)] == ["one", "three"]
        assert again != arn


def test_whoever_wants_signatures_for_unsubscribing_gets_them(house):
    topic = house.topic()
    with Receiver(confirm=False) as receiver:
        subscribe(house, topic, receiver, confirmed=False)
        token = receiver.of("SubscriptionConfirmation")[0].json["Token"]
        asked = {"TopicArn": topic, "Token": token, "AuthenticateOnUnsubscribe": "true"}
        arn = house.sns.confirm_subscription(**asked)["SubscriptionArn"]
        query = urllib.parse.urlencode({"Action": "Unsubscribe", "SubscriptionArn": arn})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{ENDPOINT}/?{query}", timeout=20)
        assert refused.value.code == 403
        house.sns.unsubscribe(SubscriptionArn=arn)


def certificate(folder):
    """A certificate for 127.0.0.1 that nobody but its owner vouches for."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=receiver"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    names = [*leaf, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return key, cert


@needs_a_server
@needs_a_server
def test_https_takes_a_certificate_that_is_believed(tmp_path):
    key, cert = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with server(tmp_path / "data", "--sns-receivers-ca", str(cert)) as started, Receiver(tls=context) as receiver:
        house = house_at(started)
        topic = house.topic()
        subscribe(house, topic, receiver)
        house.sns.publish(TopicArn=topic, Message="sealed")
        assert receiver.notifications()[0].json["Message"] == "sealed"
    with server(tmp_path / "other") as started, Receiver(tls=context) as receiver:
        house = house_at(started)
        topic = house.topic()
        subscribe(house, topic, receiver, confirmed=False)
        time.sleep(1)
        assert not receiver.got, "nobody vouches for it"


@needs_a_server
def test_private_addresses_are_not_reached_where_they_may_not(tmp_path):
    with server(tmp_path, "--sns-private-receivers", "none") as started, Receiver() as receiver:
        house = house_at(started)
        topic = house.topic()
        for host in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254"]:
            asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": f"http://{host}:{receiver.port}/"}
            assert refusal(house.sns.subscribe, **asked) == ("InvalidParameter", "Invalid parameter: Unreachable Endpoint")
        # A name is known by its addresses when something is sent.
        subscribe(house, topic, receiver, url=receiver.url(host="localhost"), confirmed=False)
        time.sleep(1)
        assert not receiver.got


@needs_a_server
def test_what_waited_survives_a_kill(tmp_path):
    port = free_port()
    dead = [True]
    with Receiver(lambda handler, _: handler.answer(503) if dead[0] else None) as receiver:
        with server(tmp_path, port=port) as started:
            house = house_at(started)
            topic = house.topic()
            retry = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 2, "numRetries": 100}}
            subscribe(house, topic, receiver, DeliveryPolicy=retry)
            sent = [house.sns.publish(TopicArn=topic, Message=str(nth))["MessageId"] for nth in range(50)]
            receiver.notifications(3)
            started.kill()
        dead[0] = False
        before = len(receiver.got)
        with server(tmp_path, port=port):
            # What was being attempted is tried again when its lease has ended: thirty seconds.
            receiver.wait(lambda got: {one.headers["x-amz-sns-message-id"] for one in got[before:]} >= set(sent), 90)


@needs_a_server
def test_a_kill_under_load_loses_no_acknowledged_publish(tmp_path):
    port = free_port()
    with Receiver() as receiver:
        acknowledged = set()
        for _ in range(3):
            with server(tmp_path, port=port) as started:
                house = house_at(started)
                topic = house.sns.create_topic(Name="t")["TopicArn"]
                subscribe(house, topic, receiver)
                deadline = time.monotonic() + 1
                while time.monotonic() < deadline:
                    acknowledged.add(house.sns.publish(TopicArn=topic, Message="m")["MessageId"])
                started.kill()
        with server(tmp_path, port=port):
            receiver.wait(lambda got: {one.headers["x-amz-sns-message-id"] for one in got} >= acknowledged, 90)
