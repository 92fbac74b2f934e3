"""Message data protection: what a topic's policy forbids is refused, and what it hides arrives without it."""

import json
import urllib.request

from conftest import refusal
from fifo import fifo_topic

MANAGED = "arn:aws:dataprotection::aws:data-identifier/"


def policy(operation, *identifiers, **more):
    statement = {
        "Sid": "one",
        "DataDirection": "Inbound",
        "Principal": ["*"],
        "DataIdentifier": list(identifiers),
        "Operation": operation,
    }
    statements = [statement | more.pop("statement", {})]
    return json.dumps({"Name": "protection", "Description": "", "Version": "2021-06-01", "Statement": statements} | more)


def put(house, topic, text):
    house.sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=text)


def get(house, topic):
    return house.sns.get_data_protection_policy(ResourceArn=topic).get("DataProtectionPolicy")


def test_a_topic_has_the_policy_that_was_set_last(house):
    denying = policy({"Deny": {}}, MANAGED + "EmailAddress")
    topic = house.topic(DataProtectionPolicy=denying)
    assert get(house, topic) == denying
    assert "DataProtectionPolicy" not in house.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    put(house, topic, "")
    assert get(house, topic) is None
    other = house.topic()
    assert get(house, other) is None
    put(house, other, denying)
    assert get(house, other) == denying
    wrong = refusal(house.sns.set_topic_attributes, TopicArn=other, AttributeName=".DataProtectionPolicy", AttributeValue="")
    assert wrong == ("InvalidParameter", "Invalid parameter: AttributeName")
    assert get(house, other) == denying


def test_what_is_forbidden_is_refused_and_the_rest_of_a_batch_arrives(house):
    badge = {"Configuration": {"CustomDataIdentifier": [{"Name": "Badge", "Regex": r"EID-\d{9}-US"}]}}
    topic = house.topic(DataProtectionPolicy=policy({"Deny": {}}, MANAGED + "EmailAddress", "Badge", **badge))
    url = house.subscribed(topic, RawMessageDelivery="true")
    sentence = f"The topic's data protection policy prohibits this message from being published to {topic}"
    for message in ["write to jane@example.com", "badge EID-123456789-US"]:
        assert refusal(house.sns.publish, TopicArn=topic, Message=message) == ("AuthorizationError", sentence)
    entries = [{"Id": "1", "Message": "one"}, {"Id": "2", "Message": "jane@example.com"}, {"Id": "3", "Message": "three"}]
    answer = house.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("2", "AuthorizationError", True)
    assert sorted(found["Body"] for found in house.received(url)) == ["one", "three"]


def test_what_is_hidden_arrives_masked_or_without_it(house):
    topic = house.topic()
    url = house.subscribed(topic, RawMessageDelivery="true")
    identifiers = (MANAGED + "EmailAddress", MANAGED + "Ssn-US", MANAGED + "CreditCardNumber")
    message = "ssn: 123-45-6789, mail jane@example.com, card 4539-1488-0343-6467."
    put(house, topic, policy({"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}}, *identifiers))
    house.sns.publish(TopicArn=topic, Message=message)
    (found,) = house.received(url)
    assert found["Body"] == f"ssn: {'#' * 11}, mail {'#' * 16}, card {'#' * 19}."
    put(house, topic, policy({"Deidentify": {"RedactConfig": {}}}, *identifiers))
    house.sns.publish(TopicArn=topic, Message=message)
    (found,) = house.received(url)
    assert found["Body"] == "ssn: , mail , card ."
    # A message of which nothing is left is none.
    assert refusal(house.sns.publish, TopicArn=topic, Message="jane@example.com")[0] == "AuthorizationError"


def test_policies_that_are_none_are_refused_and_change_nothing(house):
    denying = policy({"Deny": {}}, MANAGED + "EmailAddress")
    topic, fifo = house.topic(DataProtectionPolicy=denying), fifo_topic(house)
    for text, expected in [
        ("{", "no JSON object"),
        (policy({"Deny": {}}, MANAGED + "Name"), "does not detect the data identifier Name"),
        (policy({"Deny": {}}, "Badge"), "there is no data identifier Badge"),
        (policy({"Allow": {}}, MANAGED + "EmailAddress"), "Operation"),
        (policy({"Deny": {}}, MANAGED + "EmailAddress", Version="2012-10-17"), "Version"),
        (policy({"Deny": {}}, MANAGED + "EmailAddress", statement={"NoPrincipal": ["*"]}), "NoPrincipal"),
        (denying.replace("protection", "p" * 30_720, 1), "30720"),
    ]:
        code, sentence = refusal(house.sns.put_data_protection_policy, ResourceArn=topic, DataProtectionPolicy=text)
        assert code == "InvalidParameter" and sentence.startswith("Invalid parameter: DataProtectionPolicy Reason: ")
        assert expected in sentence
    code, sentence = refusal(house.sns.put_data_protection_policy, ResourceArn=fifo, DataProtectionPolicy=denying)
    assert code == "InvalidParameter" and "FIFO" in sentence
    assert get(house, topic) == denying


def test_what_is_kept_from_subscribers_is_published_all_the_same(house):
    topic = house.topic()
    url = house.subscribed(topic, RawMessageDelivery="true")
    for principal, arrives in [("*", False), ("arn:aws:iam::000000000000:user/nobody", True)]:
        said = {"DataDirection": "Outbound", "Principal": [principal]}
        put(house, topic, policy({"Deny": {}}, MANAGED + "EmailAddress", statement=said))
        for message in ["jane@example.com", "nothing"]:
            house.sns.publish(TopicArn=topic, Message=message)
        expected = ["jane@example.com", "nothing"] if arrives else ["nothing"]
        assert sorted(found["Body"] for found in house.received(url)) == expected
    hiding = policy({"Deidentify": {"RedactConfig": {}}}, MANAGED + "EmailAddress", statement=said)
    code, sentence = refusal(house.sns.put_data_protection_policy, ResourceArn=topic, DataProtectionPolicy=hiding)
    assert code == "InvalidParameter" and "Inbound alone" in sentence


def counted(house):
    """What audits of all topics have counted: with findings, and with none."""
    with urllib.request.urlopen(f"{house.sns.meta.endpoint_url}/metrics", timeout=20) as page:
        lines = page.read().decode().splitlines()
    names = [f"tidewire_sns_messages_with_{what}_total{{" for what in ["findings", "no_findings"]]
    return [sum(float(line.split()[-1]) for line in lines if line.startswith(name)) for name in names]


def test_an_audit_is_counted_and_destinations_that_are_not_there_are_refused(house):
    topic = house.topic()
    to = {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/audit"}}
    put(house, topic, policy({"Audit": {"SampleRate": "99", "FindingsDestination": to}}, MANAGED + "EmailAddress"))
    before = counted(house)
    for _ in range(10):
        house.sns.publish(TopicArn=topic, Message="jane@example.com")
        house.sns.publish(TopicArn=topic, Message="nothing")
    findings, none = [now - then for now, then in zip(counted(house), before)]
    # One of a hundred is left out.
    assert 5 <= findings <= 10 and 5 <= none <= 10
    for to in [{"S3": {"Bucket": "b"}}, {"Firehose": {"DeliveryStream": "d"}}]:
        text = policy({"Audit": {"SampleRate": "99", "NoFindingsDestination": to}}, MANAGED + "EmailAddress")
        code, sentence = refusal(house.sns.put_data_protection_policy, ResourceArn=topic, DataProtectionPolicy=text)
        assert code == "InvalidParameter" and next(iter(to)) in sentence
