"""Receivers by mail, through a real SMTP server, and functions, through Lambda's Invoke API; what became of deliveries."""

import email
import email.policy
import http.server
import json
import re
import threading
import time
import urllib.parse
import urllib.request

import pytest
from aiosmtpd.controller import Controller
from conftest import refusal
from receiver import Receiver
from test_http import dead_letters, free_port, house_at, needs_a_server, server, subscribe, wait_for_messages

pytestmark = [pytest.mark.timeout(180), needs_a_server]

ROLE = "arn:aws:iam::000000000000:role/feedback"


class Postbox:
    """Keeps the mail that an SMTP server is given; refuses addresses that begin with `no`, and puts off the first for `later`."""

    def __init__(self):
        self.mail, self.lock, self.put_off = [], threading.Condition(), set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no"):
            return "550 no such mailbox"
        if address.startswith("later") and address not in self.put_off:
            self.put_off.add(address)
            return "450 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self.lock:
            self.mail.append((envelope.mail_from, envelope.rcpt_tos[0], parsed))
            self.lock.notify_all()
        return "250 kept"

    def wait(self, address, count=1, seconds=30):
        deadline = time.monotonic() + seconds
        with self.lock:
            while True:
                found = [mail for _, to, mail in self.mail if to == address]
                if len(found) >= count:
                    return found
                assert time.monotonic() < deadline, [(to, str(mail)) for _, to, mail in self.mail]
                self.lock.wait(0.2)


@pytest.fixture
def postbox():
    postbox = Postbox()
    # It takes no port 0.
    postbox.port = free_port()
    controller = Controller(postbox, hostname="127.0.0.1", port=postbox.port)
    controller.start()
    yield postbox
    controller.stop()


@pytest.fixture
def mailing(postbox, tmp_path):
    arguments = ["--sns-smtp", f"smtp://127.0.0.1:{postbox.port}", "--sns-mail-from", "sns@example.org"]
    with server(tmp_path, *arguments) as started:
        yield house_at(started)


def confirmed(house, postbox, topic, address, protocol="email"):
    """A subscription whose owner has followed the link."""
    asked = {"TopicArn": topic, "Protocol": protocol, "Endpoint": address}
    arn = house.sns.subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
    text = postbox.wait(address)[0].get_content()
    link = json.loads(text)["SubscribeURL"] if protocol == "email-json" else re.search(r"http://\S+ConfirmSubscription\S+", text)[0]
    with urllib.request.urlopen(link, timeout=20) as answer:
        assert arn in answer.read().decode()
    return arn


def test_mail_is_asked_for_and_comes_and_ends_by_links(mailing, postbox):
    house, topic = mailing, mailing.topic(Attributes={"DisplayName": "Die Größten"})
    arn = confirmed(house, postbox, topic, "you@example.org")
    house.sns.publish(TopicArn=topic, Message="Zeile eins\n.\nZeile drei ✓", Subject="News about you")
    question, mail = postbox.wait("you@example.org", 2)
    assert question["subject"] == "AWS Notification - Subscription Confirmation"
    assert mail["subject"] == "News about you" and "sns@example.org" in mail["from"] and "Die Größten" in mail["from"]
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("Zeile eins\n.\nZeile drei ✓\n")
    link = re.search(r"http://\S+Action=Unsubscribe\S+", text)[0]
    assert mail["list-unsubscribe"] == f"<{link}>"
    urllib.request.urlopen(link, timeout=20).close()
    assert refusal(house.sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"
    last = postbox.wait("you@example.org", 3)[2]
    assert last["subject"] == "AWS Notification - Unsubscribe Confirmation" and topic in last.get_content()
    back = re.search(r"http://\S+ConfirmSubscription\S+", last.get_content())[0]
    urllib.request.urlopen(back, timeout=20).close()
    house.sns.publish(TopicArn=topic, Message="welcome back")
    assert postbox.wait("you@example.org", 4)[3].get_content().startswith("welcome back")


def test_mail_as_json_is_the_envelope(mailing, postbox):
    house, topic = mailing, mailing.topic()
    confirmed(house, postbox, topic, "robot@example.org", "email-json")
    house.sns.publish(TopicArn=topic, Message="hello", Subject="s")
    envelope = json.loads(postbox.wait("robot@example.org", 2)[1].get_content())
    assert (envelope["Type"], envelope["Message"], envelope["Subject"]) == ("Notification", "hello", "s")


def test_a_mail_server_that_says_later_is_asked_later(mailing, postbox):
    topic = mailing.topic()
    mailing.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="later@example.org")
    postbox.wait("later@example.org", 1, 60)
    assert "later@example.org" in postbox.put_off


@pytest.mark.parametrize("address", ["", "you", "you@", "a b@example.org", "you@example.org\r\nRCPT TO:<all@example.org>"])
def test_what_is_no_address_is_refused(mailing, address):
    code, words = refusal(mailing.sns.subscribe, TopicArn=mailing.topic(), Protocol="email", Endpoint=address)
    assert (code, words) == ("InvalidParameter", "Invalid parameter: Email address")


def test_without_a_mail_server_and_functions_their_protocols_are_refused(tmp_path):
    with server(tmp_path) as started:
        house = house_at(started)
        topic = house.topic()
        asked = {"TopicArn": topic, "Protocol": "email", "Endpoint": "you@example.org"}
        assert "sns.smtp" in refusal(house.sns.subscribe, **asked)[1]
        asked = {"TopicArn": topic, "Protocol": "lambda", "Endpoint": "arn:aws:lambda:us-east-1:000000000000:function:f"}
        assert "sns.functions_endpoint" in refusal(house.sns.subscribe, **asked)[1]


class Lambda:
    """Lambda's Invoke API, as far as it takes events."""

    def __init__(self):
        self.invoked, self.statuses, self.lock = [], [], threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with outer.lock:
                    outer.invoked.append((urllib.parse.unquote(self.path), self.headers, json.loads(body)))
                    status = outer.statuses.pop(0) if outer.statuses else 202
                    outer.lock.notify_all()
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, count, seconds=30):
        deadline = time.monotonic() + seconds
        with self.lock:
            while len(self.invoked) < count:
                assert time.monotonic() < deadline
                self.lock.wait(0.2)
            return list(self.invoked)


@pytest.fixture
def functions(tmp_path):
    functions = Lambda()
    # The operator names it, so it may stand where subscribers' endpoints may not.
    arguments = ["--sns-functions-endpoint", functions.url, "--sns-functions-access-key", "AKIDEXAMPLE"]
    with server(tmp_path, *arguments, "--sns-private-receivers", "none") as started:
        functions.house = house_at(started)
        yield functions
    functions.server.shutdown()


def test_a_function_is_invoked_with_awss_event(functions):
    house, topic = functions.house, functions.house.topic()
    function = "arn:aws:lambda:us-east-1:000000000000:function:mine:live"
    arn = house.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    functions.statuses = [500, 429]
    house.sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)
    path, headers, event = functions.wait(3)[2]
    assert path == f"/2015-03-31/functions/{function}/invocations"
    assert headers["x-amz-invocation-type"] == "Event"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    [record] = event["Records"]
    assert (record["EventSource"], record["EventVersion"], record["EventSubscriptionArn"]) == ("aws:sns", "1.0", arn)
    sns = record["Sns"]
    assert (sns["Message"], sns["Subject"], sns["TopicArn"], sns["Type"]) == ("hello", None, topic, "Notification")
    assert sns["MessageAttributes"] == {"a": {"Type": "String", "Value": "b"}}
    assert sns["SigningCertUrl"].endswith(".pem") and arn in sns["UnsubscribeUrl"] and sns["Signature"]


def test_a_function_that_is_not_there_is_given_up_at_once(functions):
    house, topic = functions.house, functions.house.topic()
    url, policy = dead_letters(house, topic)
    function = "arn:aws:lambda:us-east-1:000000000000:function:gone"
    attributes = {"RedrivePolicy": json.dumps(policy)}
    house.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=attributes)
    functions.statuses = [404]
    house.sns.publish(TopicArn=topic, Message="hello")
    [message] = wait_for_messages(house, url)
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "404"


@pytest.mark.parametrize("arn", ["f", "arn:aws:sqs:us-east-1:000000000000:f", "arn:aws:lambda:us-east-1:1:function:f"])
def test_what_is_no_function_is_refused(functions, arn):
    code, words = refusal(functions.house.sns.subscribe, TopicArn=functions.house.topic(), Protocol="lambda", Endpoint=arn)
    assert (code, words) == ("InvalidParameter", "Invalid parameter: Lambda endpoint ARN")


def test_delivery_status_is_written_for_topics_that_ask_for_it(tmp_path):
    with server(tmp_path) as started, Receiver() as good, Receiver(lambda handler, _: handler.answer(410, body=b"gone")) as bad:
        house = house_at(started)
        asked = {
            "HTTPSuccessFeedbackRoleArn": ROLE,
            "HTTPFailureFeedbackRoleArn": ROLE,
            "HTTPSuccessFeedbackSampleRate": "100",
        }
        topic = house.topic(Attributes=asked)
        shown = house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert {name: shown[name] for name in asked} == asked
        url, policy = dead_letters(house, topic)
        subscribe(house, topic, good)
        subscribe(house, topic, bad, RedrivePolicy=policy)
        silent = house.topic()
        subscribe(house, silent, good)
        house.sns.publish(TopicArn=silent, Message="nobody asks")
        sent = house.sns.publish(TopicArn=topic, Message="hello")["MessageId"]
        wait_for_messages(house, url)
        good.notifications(2)
        log = tmp_path / "sns" / "deliveries.jsonl"
        deadline, lines = time.monotonic() + 20, []
        while len(lines) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        assert {line["status"] for line in lines} == {"SUCCESS", "FAILURE"}
        for line in lines:
            assert line["notification"]["messageId"] == sent and line["notification"]["topicArn"] == topic
            assert line["delivery"]["attempts"] == 1
        failed = next(line["delivery"] for line in lines if line["status"] == "FAILURE")
        assert (failed["statusCode"], failed["providerResponse"], failed["destination"]) == (410, "gone", bad.url())
        with urllib.request.urlopen(f"{started.endpoint}/metrics", timeout=20) as answer:
            metrics = answer.read().decode()
        assert f'tidewire_sns_notifications_delivered_total{{topic="{topic}"}} 1' in metrics
        assert f'tidewire_sns_notifications_redriven_to_dlq_total{{topic="{topic}"}} 1' in metrics
        code, words = refusal(
            house.sns.set_topic_attributes,
            TopicArn=topic,
            AttributeName="HTTPSuccessFeedbackSampleRate",
            AttributeValue="101",
        )
        assert code == "InvalidParameter"
