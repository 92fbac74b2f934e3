"""Short messages: settings, opt-outs and the sandbox by boto3; gateways over HTTP and a real message center over SMPP, as processes of
their own; what goes out is shown in LocalStack's shape."""

import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from conftest import ENDPOINT, refusal
from receiver import Receiver
from test_http import dead_letters, free_port, house_at, needs_a_server, server, wait_for_messages

pytestmark = pytest.mark.timeout(180)

PHONE = "+491701234567"
TRANSACTIONAL = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}


def shown(endpoint=ENDPOINT, method="GET", **query):
    """What the page of messages says."""
    url = f"{endpoint}/_aws/sns/sms-messages?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def wait_for(look, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def messages_to(number, count=1, endpoint=ENDPOINT, seconds=30):
    def look():
        found = shown(endpoint, phoneNumber=number)["sms_messages"][number]
        return found if len(found) >= count else None

    return wait_for(look, seconds)


def number():
    """A number that nobody else has."""
    return f"+1555{uuid.uuid4().int % 10**7:07}"


def test_what_is_published_to_a_number_is_shown_as_localstack_shows_it(house):
    phone = number()
    sent = house.sns.publish(PhoneNumber=phone, Message="hello ✓", MessageAttributes=TRANSACTIONAL)["MessageId"]
    [message] = messages_to(phone)
    assert message == {
        "PhoneNumber": phone,
        "TopicArn": None,
        "SubscriptionArn": None,
        "MessageId": sent,
        "Message": "hello ✓",
        "MessageAttributes": {"AWS.SNS.SMS.SMSType": {"Type": "String", "Value": "Transactional"}},
        "MessageStructure": None,
        "Subject": None,
    }
    page = shown(region="us-east-1")
    assert page["region"] == "us-east-1" and message in page["sms_messages"][phone]
    assert shown(region="eu-west-1", phoneNumber=phone)["sms_messages"] == {phone: []}
    shown(method="DELETE", phoneNumber=phone)
    assert shown(phoneNumber=phone)["sms_messages"] == {phone: []}


def test_a_subscription_by_sms_is_confirmed_at_once_and_filtered(house):
    phone, topic = number(), house.topic()
    asked = {"TopicArn": topic, "Protocol": "sms", "Endpoint": phone}
    arn = house.sns.subscribe(**asked, Attributes={"FilterPolicy": json.dumps({"a": ["1"]})})["SubscriptionArn"]
    assert arn.startswith(topic)
    assert house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    attribute = lambda value: {"a": {"DataType": "String", "StringValue": value}}
    house.sns.publish(TopicArn=topic, Message="no", MessageAttributes=attribute("0"))
    body = json.dumps({"default": "long", "sms": "short"})
    house.sns.publish(TopicArn=topic, Message=body, MessageStructure="json", MessageAttributes=attribute("1"))
    [message] = messages_to(phone)
    assert (message["Message"], message["TopicArn"], message["SubscriptionArn"]) == ("short", topic, arn)


@pytest.mark.parametrize("wrong", ["", "+", "me", "+1a234", "15550100", "+1234567890123456"])
def test_what_is_no_number_is_refused(house, wrong):
    if wrong:
        asked = {"PhoneNumber": wrong, "Message": "hello"}
        words = f"Invalid parameter: PhoneNumber Reason: {wrong} is not valid to publish to"
        assert refusal(house.sns.publish, **asked) == ("InvalidParameter", words)
        words = f"Invalid parameter: PhoneNumber Reason: {wrong} does not meet the E164 format"
        assert refusal(house.sns.check_if_phone_number_is_opted_out, phoneNumber=wrong) == ("InvalidParameter", words)
    asked = {"TopicArn": house.topic(), "Protocol": "sms", "Endpoint": wrong}
    assert refusal(house.sns.subscribe, **asked) == ("InvalidParameter", f"Invalid SMS endpoint: {wrong}")


def test_a_message_of_more_than_1600_characters_is_refused(house):
    words = ("InvalidParameter", "Invalid parameter: Message too long")
    assert refusal(house.sns.publish, PhoneNumber=number(), Message="a" * 1601) == words
    house.sns.publish(PhoneNumber=number(), Message="✓" * 1600)


def test_settings_are_kept_and_what_is_none_is_refused(house):
    given = {"DefaultSMSType": "Transactional", "DefaultSenderID": "Tide", "MonthlySpendLimit": "5"}
    house.sns.set_sms_attributes(attributes=given)
    assert house.sns.get_sms_attributes()["attributes"] == given
    named = house.sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"]
    assert named == {"DefaultSenderID": "Tide"}
    for wrong in [{"DefaultSMSType": "Spam"}, {"DefaultSenderID": "1"}, {"x": "y"}, {"UsageReportS3Bucket": "b"}]:
        assert refusal(house.sns.set_sms_attributes, attributes={"MonthlySpendLimit": "9", **wrong})[0] == "InvalidParameter"
    assert house.sns.get_sms_attributes()["attributes"] == given, "what is refused changes nothing"
    house.sns.set_sms_attributes(attributes={name: "" for name in given})
    assert house.sns.get_sms_attributes()["attributes"] == {}


def answer_by_http(endpoint, token, phone, text):
    body = json.dumps({"from": phone, "message": text}).encode()
    headers = {"authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{endpoint}/_tidewire/sms/replies", body, headers)
    return urllib.request.urlopen(request, timeout=20).status


@needs_a_server
def test_whoever_answers_stop_opts_out_and_stays_out_after_a_kill(tmp_path):
    arguments = ["--sns-sms-replies-token", "secret"]
    with server(tmp_path, *arguments) as started:
        house = house_at(started)
        house.sns.publish(PhoneNumber=PHONE, Message="before")
        messages_to(PHONE, 1, started.endpoint)
        with pytest.raises(urllib.error.HTTPError) as refused:
            answer_by_http(started.endpoint, "wrong", PHONE, "STOP")
        assert refused.value.code == 403
        assert not house.sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"]
        answer_by_http(started.endpoint, "secret", PHONE, "stop")
        started.kill()
    with server(tmp_path, *arguments) as started:
        house = house_at(started)
        assert house.sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"]
        assert house.sns.list_phone_numbers_opted_out()["phoneNumbers"] == [PHONE]
        house.sns.publish(PhoneNumber=PHONE, Message="lost")
        house.sns.opt_in_phone_number(phoneNumber=PHONE)
        house.sns.publish(PhoneNumber=PHONE, Message="after")
        assert messages_to(PHONE, 1, started.endpoint)[-1]["Message"] in ("after", "lost")
        answer_by_http(started.endpoint, "secret", PHONE, "STOP")
        assert refusal(house.sns.opt_in_phone_number, phoneNumber=PHONE)[0] == "InvalidParameter"


@needs_a_server
def test_in_a_sandbox_a_number_is_verified_by_what_it_is_sent(tmp_path):
    with server(tmp_path, "--sns-sms-sandbox") as started:
        sns = house_at(started).sns
        assert sns.get_sms_sandbox_account_status()["IsInSandbox"]
        sns.publish(PhoneNumber=PHONE, Message="nobody sees it")
        sns.create_sms_sandbox_phone_number(PhoneNumber=PHONE, LanguageCode="de-DE")
        assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": PHONE, "Status": "Pending"}]
        [message] = messages_to(PHONE, 1, started.endpoint)
        assert message["Message"].startswith("Ihr Bestätigungscode lautet ")
        password = message["Message"].split()[-1]
        wrong = "000000" if password != "000000" else "111111"
        code, _ = refusal(sns.verify_sms_sandbox_phone_number, PhoneNumber=PHONE, OneTimePassword=wrong)
        assert code == "VerificationException"
        started.kill()
    with server(tmp_path, "--sns-sms-sandbox") as started:
        sns = house_at(started).sns
        sns.verify_sms_sandbox_phone_number(PhoneNumber=PHONE, OneTimePassword=password)
        assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": PHONE, "Status": "Verified"}]
        sns.publish(PhoneNumber=PHONE, Message="hello")
        assert messages_to(PHONE, 1, started.endpoint)[0]["Message"] == "hello"
        assert refusal(sns.delete_sms_sandbox_phone_number, PhoneNumber=PHONE)[0] == "UserError"
        assert refusal(sns.delete_sms_sandbox_phone_number, PhoneNumber="+15550100")[0] == "ResourceNotFound"


@needs_a_server
def test_a_gateway_over_http_gets_each_message_until_it_takes_it(tmp_path):
    statuses = [503, 429]
    manner = lambda handler, _: handler.answer(statuses.pop(0) if statuses else 201, body=b"{}")
    with Receiver(manner, confirm=False) as gateway:
        arguments = ["--sns-sms-gateway", gateway.url("/sms"), "--sns-sms-gateway-token", "t"]
        arguments += ["--sns-sms-origination-numbers", "+15550100,77001", "--sns-private-receivers", "none"]
        with server(tmp_path, *arguments) as started:
            sns = house_at(started).sns
            numbers = sns.list_origination_numbers()["PhoneNumbers"]
            assert [one["PhoneNumber"] for one in numbers] == ["+15550100", "77001"]
            sent = sns.publish(PhoneNumber=PHONE, Message="hello", MessageAttributes=TRANSACTIONAL)["MessageId"]
            messages_to(PHONE, 1, started.endpoint)
            got = gateway.got
            assert len(got) == 3 and all(one.json == got[0].json for one in got), "the same each time"
            assert got[0].path == "/sms" and got[0].headers["authorization"] == "Bearer t"
            assert (got[0].json["id"], got[0].json["to"], got[0].json["from"]) == (sent, PHONE, "+15550100")
            assert (got[0].json["type"], got[0].json["parts"]) == ("Transactional", 1)


@needs_a_server
def test_what_a_gateway_refuses_is_a_dead_letter(tmp_path):
    with Receiver(lambda handler, _: handler.answer(422, body=b"no such phone"), confirm=False) as gateway:
        with server(tmp_path, "--sns-sms-gateway", gateway.url("/sms")) as started:
            house = house_at(started)
            topic = house.topic()
            url, policy = dead_letters(house, topic)
            attributes = {"RedrivePolicy": json.dumps(policy)}
            house.sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=PHONE, Attributes=attributes)
            house.sns.publish(TopicArn=topic, Message="hello", MessageAttributes=TRANSACTIONAL)
            [message] = wait_for_messages(house, url)
            assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "422"
            assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no such phone"
            assert len(gateway.got) == 1


class Center:
    """A message center as a process of its own."""

    def __init__(self):
        self.port, self.events, self.lock = free_port(), [], threading.Condition()
        script = pathlib.Path(__file__).with_name("smsc.py")
        command = [sys.executable, str(script), str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self.read, daemon=True).start()
        self.wait("ready", 1)

    def read(self):
        for line in self.process.stdout:
            with self.lock:
                self.events.append(json.loads(line))
                self.lock.notify_all()

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    def wait(self, kind, count, seconds=60):
        deadline = time.monotonic() + seconds
        with self.lock:
            while len(self.of(kind)) < count:
                assert time.monotonic() < deadline, self.events
                self.lock.wait(0.2)
            return self.of(kind)

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def center():
    center = Center()
    yield center
    center.end()


def over_smpp(center):
    return ["--sns-sms-gateway", f"smpp://tide:secret@127.0.0.1:{center.port}", "--sns-private-receivers", "none"]


@needs_a_server
def test_a_message_center_gets_messages_over_one_session(tmp_path, center):
    with server(tmp_path, *over_smpp(center)) as started:
        sns = house_at(started).sns
        sender = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "Tide"}}
        sns.publish(PhoneNumber=PHONE, Message="Hi @ €", MessageAttributes=sender)
        [plain] = center.wait("message", 1)
        assert plain["source"] == [5, 0, "Tide"] and plain["destination"] == [1, 1, PHONE[1:]]
        assert (plain["esm_class"], plain["data_coding"]) == (0, 0)
        assert bytes.fromhex(plain["text"]) == b"Hi \x00 \x1be"
        sns.publish(PhoneNumber=PHONE, Message="Привет")
        wide = center.wait("message", 2)[1]
        assert wide["data_coding"] == 8 and bytes.fromhex(wide["text"]).decode("utf-16-be") == "Привет"
        text = "".join(chr(ord("a") + nth % 26) for nth in range(400))
        sns.publish(PhoneNumber=PHONE, Message=text)
        parts = [bytes.fromhex(event["text"]) for event in center.wait("message", 5)[2:]]
        assert [part[:3] + part[4:6] for part in parts] == [bytes([5, 0, 3, 3, nth]) for nth in (1, 2, 3)]
        assert len({part[3] for part in parts}) == 1 and b"".join(part[6:] for part in parts).decode() == text
        assert all(event["esm_class"] == 0x40 for event in center.of("message")[2:])
        [bind] = center.of("bind")
        assert bind["system_id"] == "tide" and not bind["receives"]
        assert len({event["session"] for event in center.of("message")}) == 1


@needs_a_server
def test_a_center_that_is_busy_is_asked_again_and_one_that_refuses_is_not(tmp_path, center):
    with server(tmp_path, *over_smpp(center)) as started:
        house = house_at(started)
        center.tell(reject=[0x58, 0x14])
        house.sns.publish(PhoneNumber=PHONE, Message="patience")
        said = center.wait("message", 3)
        assert [event["status"] for event in said] == [0x58, 0x14, 0] and len({event["text"] for event in said}) == 1
        topic = house.topic()
        url, policy = dead_letters(house, topic)
        attributes = {"RedrivePolicy": json.dumps(policy)}
        house.sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=PHONE, Attributes=attributes)
        center.tell(reject=[0x0B])
        house.sns.publish(TopicArn=topic, Message="nobody there")
        [message] = wait_for_messages(house, url)
        assert "invalid destination address" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]
        assert len(center.of("message")) == 4


@needs_a_server
def test_messages_wait_for_a_center_that_is_down_and_for_one_that_talks_nonsense(tmp_path):
    gone = Center()
    port = gone.port
    gone.end()
    with server(tmp_path, *over_smpp(gone)) as started:
        sns = house_at(started).sns
        sns.publish(PhoneNumber=PHONE, Message="down")
        with Receiver(lambda handler, _: handler.answer(200), port=port, confirm=False):
            sns.publish(PhoneNumber=PHONE, Message="nonsense")
            time.sleep(1)
        assert shown(started.endpoint, phoneNumber=PHONE)["sms_messages"][PHONE] == []
        script = pathlib.Path(__file__).with_name("smsc.py")
        back = subprocess.Popen([sys.executable, str(script), str(port)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            assert {message["Message"] for message in messages_to(PHONE, 2, started.endpoint)} == {"down", "nonsense"}
        finally:
            back.kill()
            back.wait()


@needs_a_server
def test_a_phone_opts_out_through_the_center(tmp_path, center):
    with server(tmp_path, *over_smpp(center), "--sns-sms-replies") as started:
        sns = house_at(started).sns
        sns.publish(PhoneNumber=PHONE, Message="before")
        center.wait("message", 1)
        wait_for(lambda: any(event["receives"] for event in center.of("bind")))
        center.tell(answer=[PHONE[1:], "77001", "STOP"])
        [answered] = center.wait("answered", 1)
        assert answered["ok"] and sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"]
