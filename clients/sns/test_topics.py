"""Topics: made, found, changed, tagged, listed, deleted."""

import uuid

from conftest import fresh, refusal


def test_a_topic_is_made_once(house):
    name = fresh("t")
    arn = house.sns.create_topic(Name=name, Attributes={"DisplayName": "News"})["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:000000000000:{name}"
    assert house.sns.create_topic(Name=name)["TopicArn"] == arn
    assert house.sns.create_topic(Name=name, Attributes={"DisplayName": "News"})["TopicArn"] == arn
    expected = ("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    assert refusal(house.sns.create_topic, Name=name, Attributes={"DisplayName": "Olds"}) == expected
    expected = ("InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags")
    assert refusal(house.sns.create_topic, Name=name, Tags=[{"Key": "a", "Value": "b"}]) == expected


def test_a_topic_is_made_again_with_what_it_was_changed_to(house):
    name, fifo = fresh("t") + ".fifo", {"FifoTopic": "true"}
    arn = house.sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
    house.sns.set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    assert house.sns.create_topic(Name=name, Attributes=fifo)["TopicArn"] == arn
    again = {**fifo, "ContentBasedDeduplication": "true"}
    assert house.sns.create_topic(Name=name, Attributes=again)["TopicArn"] == arn
    expected = ("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    before = {**fifo, "ContentBasedDeduplication": "false"}
    assert refusal(house.sns.create_topic, Name=name, Attributes=before) == expected


def test_names_that_are_none(house):
    for name in ["", "a.b", "a b", "x" * 257]:
        assert refusal(house.sns.create_topic, Name=name) == ("InvalidParameter", "Invalid parameter: Topic Name")


def test_attributes_are_shown_and_changed(house):
    arn = house.topic()
    house.sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="News")
    shown = house.sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (shown["TopicArn"], shown["Owner"], shown["DisplayName"]) == (arn, "000000000000", "News")
    assert (shown["SubscriptionsConfirmed"], shown["SubscriptionsPending"], shown["SubscriptionsDeleted"]) == ("0",) * 3
    assert "__default_statement_ID" in shown["Policy"]
    code, sentence = refusal(house.sns.set_topic_attributes, TopicArn=arn, AttributeName="Nothing", AttributeValue="x")
    assert (code, sentence) == ("InvalidParameter", "Invalid parameter: AttributeName")
    code, _ = refusal(house.sns.set_topic_attributes, TopicArn=arn, AttributeName="Policy", AttributeValue="{")
    assert code == "InvalidParameter"
    # What has no effect is refused by its name, and never kept without effect.
    code, sentence = refusal(house.sns.set_topic_attributes, TopicArn=arn, AttributeName="TracingConfig", AttributeValue="Active")
    assert code == "InvalidParameter" and "TracingConfig" in sentence


def test_a_topic_that_is_not_there(house):
    arn = house.topic()
    house.sns.delete_topic(TopicArn=arn)
    house.sns.delete_topic(TopicArn=arn)
    gone = ("NotFound", "Topic does not exist")
    assert refusal(house.sns.get_topic_attributes, TopicArn=arn) == gone
    assert refusal(house.sns.publish, TopicArn=arn, Message="x") == gone
    assert refusal(house.sns.list_tags_for_resource, ResourceArn=arn) == ("ResourceNotFound", "Resource does not exist")
    few = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    assert refusal(house.sns.get_topic_attributes, TopicArn="news") == ("InvalidParameter", few)


def test_tags(house):
    arn = house.topic(Tags=[{"Key": "a", "Value": "1"}])
    house.sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    house.sns.untag_resource(ResourceArn=arn, TagKeys=["b", "missing"])
    assert house.sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    expected = ("InvalidParameter", "Invalid parameter: Duplicated keys are not allowed.")
    assert refusal(house.sns.tag_resource, ResourceArn=arn, Tags=twice) == expected


def test_topics_are_listed_in_pieces(house):
    names = sorted(f"listed-{uuid.uuid4().hex[:8]}-{nth:03}" for nth in range(120))
    arns = [house.sns.create_topic(Name=name)["TopicArn"] for name in names]
    pages = list(house.sns.get_paginator("list_topics").paginate())
    found = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    assert found == sorted(found) and set(arns) <= set(found)
    assert all(len(page["Topics"]) <= 100 for page in pages) and len(pages) >= 2
    for arn in arns:
        house.sns.delete_topic(TopicArn=arn)
