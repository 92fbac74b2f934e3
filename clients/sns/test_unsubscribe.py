"""Whoever ends a subscription by its link is told so, and may come back by the link in what they are told."""

import re
import time
import urllib.error
import urllib.request

import pytest
from conftest import ENDPOINT, make_client, refusal
from receiver import Receiver
from test_http import QUICK, free_port, house_at, needs_a_server, server, subscribe
from test_signatures import verify

pytestmark = pytest.mark.timeout(180)

LAST = "UnsubscribeConfirmation"


def visit(url):
    """Follows a link, as somebody who has no credentials."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def end(arn, endpoint=ENDPOINT):
    visit(f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={arn}")


def live(house, topic):
    return [one["SubscriptionArn"] for one in house.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]]


@pytest.mark.parametrize("version", ["1", "2"])
def test_whoever_follows_the_link_is_told_and_comes_back(house, version):
    topic = house.topic(Attributes={"SignatureVersion": version})
    with Receiver() as receiver:
        subscribe(house, topic, receiver, url=receiver.url("/a?b=c"))
        house.sns.publish(TopicArn=topic, Message="one")
        notification = receiver.notifications()[0]
        arn = notification.headers["x-amz-sns-subscription-arn"]
        visit(notification.json["UnsubscribeURL"])
        told = receiver.of(LAST)[0]
        assert live(house, topic) == []
        assert told.path == "/a?b=c" and told.headers["content-type"] == "text/plain; charset=UTF-8"
        assert told.headers["x-amz-sns-subscription-arn"] == arn and told.headers["x-amz-sns-topic-arn"] == topic
        assert told.headers["x-amz-sns-message-id"] == told.json["MessageId"]
        names = ["Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp"]
        assert list(told.json) == [*names, "SignatureVersion", "Signature", "SigningCertURL"]
        assert told.json["Message"].startswith(f"You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore")
        assert told.json["SubscribeURL"].endswith(f"Action=ConfirmSubscription&TopicArn={topic}&Token={told.json['Token']}")
        assert told.json["SignatureVersion"] == version
        verify(told.json)

        house.sns.publish(TopicArn=topic, Message="for nobody")
        answer = visit(told.json["SubscribeURL"])
        [again] = live(house, topic)
        assert again in answer and again != arn
        visit(told.json["SubscribeURL"])
        assert live(house, topic) == [again]
        house.sns.publish(TopicArn=topic, Message="two")
        got = receiver.notifications(2)
        assert [one.json["Message"] for one in got] == ["one", "two"] and got[1].path == "/a?b=c"
        assert len(receiver.of(LAST)) == 1, "it is told once"


def test_an_owner_who_signs_knows_what_they_do(house):
    topic = house.topic()
    with Receiver() as signed, Receiver() as linked:
        one, other = subscribe(house, topic, signed), subscribe(house, topic, linked)
        house.sns.unsubscribe(SubscriptionArn=one)
        end(other)
        linked.of(LAST)
        assert [got.type for got in signed.got] == ["SubscriptionConfirmation"]


def test_who_is_not_the_owner_of_a_subscription_ends_it_with_a_letter(house):
    topic = house.topic()
    house.sns.add_permission(TopicArn=topic, Label="x", AWSAccountId=["111122223333"], ActionName=["Subscribe"])
    guest = make_client("sns", keys=("111122223333", "secret", None))
    with Receiver() as receiver:
        asked = {"TopicArn": topic, "Protocol": "http", "Endpoint": receiver.url(), "ReturnSubscriptionArn": True}
        arn = guest.subscribe(**asked)["SubscriptionArn"]
        receiver.wait(lambda _: receiver.visited)
        house.sns.unsubscribe(SubscriptionArn=arn)
        assert receiver.of(LAST)[0].headers["x-amz-sns-subscription-arn"] == arn


def test_the_token_may_be_said_by_a_call_and_by_nothing_else(house):
    topic, other = house.topic(), house.topic()
    with Receiver() as receiver:
        end(subscribe(house, topic, receiver))
        token = receiver.of(LAST)[0].json["Token"]
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        for asked in [{"TopicArn": topic, "Token": wrong}, {"TopicArn": other, "Token": token}]:
            assert refusal(house.sns.confirm_subscription, **asked) == ("InvalidParameter", "Invalid parameter: Token")
        asked = {"TopicArn": topic, "Token": token, "AuthenticateOnUnsubscribe": "true"}
        arn = house.sns.confirm_subscription(**asked)["SubscriptionArn"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            end(arn)
        assert refused.value.code == 403


def left(endpoint):
    """Letters of receivers over HTTP that wait, are being tried, or wait for another attempt."""
    with urllib.request.urlopen(f"{endpoint}/metrics", timeout=20) as answer:
        found = re.findall(r'tidewire_sns_deliveries_(?:waiting|set_aside)\{[^}]*"http"[^}]*\} (\d+)', answer.read().decode())
    return sum(map(int, found))


@needs_a_server
def test_a_dead_receiver_is_given_up_and_nothing_is_left_of_it(tmp_path):
    with server(tmp_path) as started, Receiver(lambda handler, _: handler.answer(503)) as receiver:
        house = house_at(started)
        topic = house.topic()
        end(subscribe(house, topic, receiver, DeliveryPolicy=QUICK), started.endpoint)
        receiver.of(LAST)
        assert left(started.endpoint) == 1
        told, deadline = receiver.of(LAST, 4), time.monotonic() + 30
        while left(started.endpoint):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert len(receiver.of(LAST)) == 4 and len({one.headers["x-amz-sns-message-id"] for one in told}) == 1
        asked = {"TopicArn": topic, "Token": told[0].json["Token"]}
        assert refusal(house.sns.confirm_subscription, **asked) == ("InvalidParameter", "Invalid parameter: Token")
        assert live(house, topic) == []


def test_who_subscribes_anew_meanwhile_is_subscribed_once(house):
    topic = house.topic()
    with Receiver() as receiver:
        end(subscribe(house, topic, receiver))
        told = receiver.of(LAST)[0]
        arn = subscribe(house, topic, receiver)
        assert arn in visit(told.json["SubscribeURL"]) and live(house, topic) == [arn]
        house.sns.publish(TopicArn=topic, Message="once")
        house.sns.publish(TopicArn=topic, Message="and again")
        assert [one.json["Message"] for one in receiver.notifications(2)] == ["once", "and again"]


@needs_a_server
def test_the_last_letter_survives_a_kill_and_so_does_the_way_back(tmp_path):
    port, dead = free_port(), [True]
    patient = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 2, "numRetries": 100}}
    with Receiver(lambda handler, _: handler.answer(503) if dead[0] else None) as receiver:
        with server(tmp_path, port=port) as started:
            house = house_at(started)
            topic = house.topic()
            end(subscribe(house, topic, receiver, DeliveryPolicy=patient), started.endpoint)
            started.kill()
        dead[0] = False
        before = len(receiver.got)
        with server(tmp_path, port=port) as started:
            # What was being attempted is tried again when its lease has ended: thirty seconds.
            told = receiver.wait(lambda got: [one for one in got[before:] if one.type == LAST], 90)[0]
            assert live(house, topic) == []
            verify(told.json)
            started.kill()
        with server(tmp_path, port=port) as started:
            visit(told.json["SubscribeURL"])
            started.kill()
        with server(tmp_path, port=port):
            assert len(live(house, topic)) == 1
            house.sns.publish(TopicArn=topic, Message="back")
            assert receiver.notifications()[0].json["Message"] == "back"
