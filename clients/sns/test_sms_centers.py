"""Short messages where something goes wrong: the server is killed, a message center hangs, or speaks over TLS; and what the log says."""

import json
import socket
import ssl
import threading

import pytest
from receiver import Receiver
from test_http import certificate, free_port, house_at, needs_a_server, server, subscribe
from test_sms import PHONE, TRANSACTIONAL, answer_by_http, center, messages_to, over_smpp, wait_for  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.timeout(240), needs_a_server]

ROLE = "arn:aws:iam::000000000000:role/r"


def test_direct_messages_that_were_acknowledged_survive_a_kill(tmp_path):
    port, is_down = free_port(), [True]
    with Receiver(lambda handler, _: handler.answer(503 if is_down[0] else 200), confirm=False) as gateway:
        arguments = ["--sns-sms-gateway", gateway.url("/sms")]
        acknowledged = set()
        for _ in range(2):
            with server(tmp_path, *arguments, port=port) as started:
                sns = house_at(started).sns
                acknowledged |= {sns.publish(PhoneNumber=PHONE, Message=str(nth))["MessageId"] for nth in range(25)}
                started.kill()
        is_down[0] = False
        before = len(gateway.got)
        with server(tmp_path, *arguments, port=port):
            # What was being attempted is tried again when its lease has ended: thirty seconds.
            gateway.wait(lambda got: {one.json["id"] for one in got[before:]} >= acknowledged, 120)


def test_stop_reaches_who_has_only_topics_and_is_kept_over_kills(tmp_path):
    arguments = ["--sns-sms-replies-token", "secret"]
    port = free_port()
    with server(tmp_path, *arguments, port=port) as started:
        house = house_at(started)
        topic = house.topic()
        house.sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=PHONE)
        started.kill()
    with server(tmp_path, *arguments, port=port) as started:
        assert not house.sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"]
        assert answer_by_http(started.endpoint, "secret", PHONE, "STOP") == 200
        started.kill()
    with server(tmp_path, *arguments, port=port):
        assert house.sns.check_if_phone_number_is_opted_out(phoneNumber=PHONE)["isOptedOut"]


def test_the_log_says_what_is_known_of_a_message(tmp_path):
    with server(tmp_path, "--sns-sms-part-price", "0.00645") as started:
        sns = house_at(started).sns
        sns.set_sms_attributes(attributes={"DeliveryStatusIAMRole": ROLE, "DeliveryStatusSuccessSamplingRate": "100"})
        sent = sns.publish(PhoneNumber=PHONE, Message="a" * 161, MessageAttributes=TRANSACTIONAL)["MessageId"]
        log = tmp_path / "sns" / "deliveries.jsonl"
        line = json.loads(wait_for(lambda: log.exists() and log.read_text()).splitlines()[0])
        delivery = line["delivery"]
        assert (line["status"], line["notification"]["messageId"]) == ("SUCCESS", sent)
        assert "topicArn" not in line["notification"]
        assert (delivery["destination"], delivery["smsType"], delivery["priceInUSD"]) == (PHONE, "Transactional", 0.0129)
        assert isinstance(delivery["dwellTimeMs"], int) and delivery["providerResponse"] == "Message has been accepted"
        unknown = {"phoneCarrier", "mnc", "mcc", "dwellTimeMsUntilDeviceAck"}
        assert not unknown & set(delivery), "nobody here knows that"


def test_a_center_that_takes_messages_and_says_nothing_holds_nobody_up(tmp_path, center):  # noqa: F811
    with server(tmp_path, *over_smpp(center)[:2]) as started, Receiver() as other:
        house = house_at(started)
        center.tell(hang=True)
        house.sns.publish(PhoneNumber=PHONE, Message="hello")
        center.wait("bind", 1)
        topic = house.topic()
        subscribe(house, topic, other)
        house.sns.publish(TopicArn=topic, Message="meanwhile")
        other.notifications()
        # Twenty seconds without an answer end the session, and the message is tried again in another.
        center.wait("bind", 2, seconds=120)
        assert center.of("message") == []
        center.tell(hang=False)
        [message] = messages_to(PHONE, 1, started.endpoint, seconds=120)
        assert message["Message"] == "hello"


def test_a_center_that_answers_no_bind_holds_nobody_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, Receiver() as other:
        port = silent.getsockname()[1]
        with server(tmp_path, "--sns-sms-gateway", f"smpp://tide:secret@127.0.0.1:{port}") as started:
            house = house_at(started)
            house.sns.publish(PhoneNumber=PHONE, Message="hello")
            connection, _ = silent.accept()
            topic = house.topic()
            subscribe(house, topic, other)
            house.sns.publish(TopicArn=topic, Message="meanwhile")
            other.notifications()
            # It gives up, and comes back.
            silent.settimeout(120)
            again, _ = silent.accept()
            connection.close()
            again.close()


class Curtain:
    """TLS before a center in the clear."""

    def __init__(self, context, port):
        self.context, self.behind, self.attempts = context, port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.attempts += 1
            threading.Thread(target=self.join, args=(plain,), daemon=True).start()

    def join(self, plain):
        try:
            sealed = self.context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            return plain.close()
        behind = socket.create_connection(("127.0.0.1", self.behind))
        threading.Thread(target=self.copy, args=(behind, sealed), daemon=True).start()
        self.copy(sealed, behind)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(4096):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def test_a_center_over_tls_is_believed_by_its_certificate_alone(tmp_path, center):  # noqa: F811
    key, cert = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    curtain = Curtain(context, center.port)
    gateway = ["--sns-sms-gateway", f"smpps://tide:secret@127.0.0.1:{curtain.port}"]
    with server(tmp_path / "stranger", *gateway) as started:
        house_at(started).sns.publish(PhoneNumber=PHONE, Message="to nobody")
        wait_for(lambda: curtain.attempts >= 2, 120)
        assert center.of("bind") == [], "nobody vouches for it"
    with server(tmp_path / "known", *gateway, "--sns-receivers-ca", str(cert)) as started:
        house_at(started).sns.publish(PhoneNumber=PHONE, Message="sealed")
        [message] = center.wait("message", 1)
        assert bytes.fromhex(message["text"]) == b"sealed"
        messages_to(PHONE, 1, started.endpoint)
    curtain.close()
