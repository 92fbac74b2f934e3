"""Mobile push with boto3: applications, endpoints, and what Apple's, Google's and Amazon's services are sent over real HTTP/2 and OAuth."""

import json
import time
import urllib.request

import pytest
from conftest import ENDPOINT, make_client, refusal
from push_services import PushServices
from quiet_client import fresh
from test_http import dead_letters, free_port, house_at, needs_a_server, server, wait_for_messages

pytestmark = pytest.mark.timeout(180)

DEVICE = "ab" * 32


def application(sns, platform="GCM", name=None, **attributes):
    """The ARN of a new application, with credentials that nobody asks about."""
    given = {"PlatformCredential": "s3cret-credential", "PlatformPrincipal": "s3cret-principal", **attributes}
    asked = {"Name": name or fresh("app"), "Platform": platform, "Attributes": given}
    return sns.create_platform_application(**asked)["PlatformApplicationArn"]


def endpoint(sns, arn, token=None, **more):
    asked = {"PlatformApplicationArn": arn, "Token": token or fresh("token"), **more}
    return sns.create_platform_endpoint(**asked)["EndpointArn"]


def text(value):
    return {"DataType": "String", "StringValue": str(value)}


def attributes_of(sns, arn):
    return sns.get_endpoint_attributes(EndpointArn=arn)["Attributes"]


def sent(base, arn, count=1, seconds=20):
    """What the server shows of what was sent to an endpoint."""
    deadline = time.monotonic() + seconds
    while True:
        with urllib.request.urlopen(f"{base}/_aws/sns/platform-endpoint-messages?endpointArn={arn}", timeout=20) as answer:
            shown = json.load(answer)
        found = shown["platform_endpoint_messages"].get(arn, [])
        if len(found) >= count:
            assert shown["region"] == "us-east-1"
            return found
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)


def until(check, seconds=30):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_application_is_made_shown_changed_and_deleted(house):
    sns, name = house.sns, fresh("app")
    arn = application(sns, name=name, SuccessFeedbackSampleRate="5")
    assert arn == f"arn:aws:sns:us-east-1:000000000000:app/GCM/{name}"
    assert application(sns, name=name, SuccessFeedbackSampleRate="5") == arn
    code, words = refusal(application, sns=sns, name=name, SuccessFeedbackSampleRate="6")
    other = "Invalid parameter: Name Reason: An application with the same name but different properties already exists"
    assert (code, words) == ("InvalidParameter", other)
    shown = sns.get_platform_application_attributes(PlatformApplicationArn=arn)["Attributes"]
    assert shown == {"Enabled": "true", "SuccessFeedbackSampleRate": "5"}
    changed = {"Enabled": "false", "PlatformCredential": "another"}
    sns.set_platform_application_attributes(PlatformApplicationArn=arn, Attributes=changed)
    shown = sns.get_platform_application_attributes(PlatformApplicationArn=arn)["Attributes"]
    assert shown["Enabled"] == "false" and "another" not in str(shown)
    wrong = {"SuccessFeedbackSampleRate": "101"}
    code, words = refusal(sns.set_platform_application_attributes, PlatformApplicationArn=arn, Attributes=wrong)
    assert words == (
        "Invalid parameter: Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: 101 value provided is not an "
        "integer between 0-100"
    )
    sns.delete_platform_application(PlatformApplicationArn=arn)
    sns.delete_platform_application(PlatformApplicationArn=arn)
    gone = refusal(sns.get_platform_application_attributes, PlatformApplicationArn=arn)
    assert gone == ("NotFound", "PlatformApplication does not exist")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Name": ""}, "Invalid parameter:  Reason: cannot be empty"),
        ({"Name": "a b"}, "Invalid parameter: a b Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"),
        ({"Platform": "BAIDU"}, "Invalid parameter: Platform Reason: BAIDU is not supported"),
        (
            {"Platform": "APNS", "Attributes": {"PlatformCredential": "c"}},
            "Invalid parameter: Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal",
        ),
        (
            {"Attributes": {"PlatformPrincipal": "p"}},
            "Invalid parameter: Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential",
        ),
        ({"Attributes": {"PlatformCredential": "c", "X": "y"}}, "Invalid parameter: Attributes Reason: Invalid attribute name: X"),
    ],
)
def test_what_is_no_application_is_refused_in_awss_words(house, asked, words):
    given = {"Name": "app", "Platform": "GCM", "Attributes": {"PlatformCredential": "c"}, **asked}
    assert refusal(house.sns.create_platform_application, **given) == ("InvalidParameter", words)


def test_a_token_is_one_endpoints(house):
    sns, arn = house.sns, application(house.sns)
    one = endpoint(sns, arn, "token")
    assert one.startswith(arn.replace(":app/", ":endpoint/") + "/") and len(one.rsplit("/", 1)[1]) == 36
    assert endpoint(sns, arn, "token") == one == endpoint(sns, arn, "token", Attributes={"Enabled": "true"})
    exists = f"Invalid parameter: Token Reason: Endpoint {one} already exists with the same Token, but different attributes."
    for different in ({"CustomUserData": "u"}, {"Attributes": {"Enabled": "false"}}):
        code, words = refusal(endpoint, sns=sns, arn=arn, token="token", **different)
        assert (code, words) == ("InvalidParameter", exists)
    assert attributes_of(sns, one) == {"Enabled": "true", "Token": "token"}
    changed = {"Token": "other", "CustomUserData": "u", "Enabled": "false"}
    sns.set_endpoint_attributes(EndpointArn=one, Attributes=changed)
    assert attributes_of(sns, one) == changed
    assert endpoint(sns, arn, "token") != one, "the old token is free"
    sns.delete_endpoint(EndpointArn=one)
    sns.delete_endpoint(EndpointArn=one)
    assert refusal(sns.get_endpoint_attributes, EndpointArn=one) == ("NotFound", "Endpoint does not exist")
    gone = refusal(endpoint, sns=sns, arn=arn + "2")
    assert gone == ("NotFound", "PlatformApplication does not exist")


def test_what_is_no_endpoint_is_refused_in_awss_words(house):
    sns, arn = house.sns, application(house.sns)
    words = lambda call, **given: refusal(call, **given)[1]  # noqa: E731
    assert words(endpoint, sns=sns, arn=arn, Token="") == "Invalid parameter: Token Reason: cannot be empty"
    long = words(endpoint, sns=sns, arn=arn, token="x" * 8193)
    assert long == "Invalid parameter: Token Reason: must be at most 8192 bytes long in UTF-8 encoding"
    apple = application(sns, "APNS_SANDBOX")
    hexadecimal = words(endpoint, sns=sns, arn=apple, token="no hexadecimal")
    assert hexadecimal == "Invalid parameter: Token Reason: iOS device tokens must be no more than 400 hexadecimal characters"
    empty = words(endpoint, sns=sns, arn=arn, Attributes={"Token": ""})
    assert empty == "Invalid parameter: Attributes Reason: Invalid value for attribute: Token: cannot be empty"
    one = endpoint(sns, arn)
    uuid = "Invalid parameter: EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 characters."
    assert words(sns.get_endpoint_attributes, EndpointArn=one + "invalid") == uuid
    slashes = "Invalid parameter: PlatformApplicationArn Reason: Wrong number of slashes in relative portion of the ARN."
    assert words(sns.list_endpoints_by_platform_application, PlatformApplicationArn=one) == slashes
    few = "Invalid parameter: EndpointArn Reason: An ARN must have at least 6 elements, not 1"
    assert words(sns.get_endpoint_attributes, EndpointArn="x") == few


def test_listings_come_in_pages(house):
    sns = make_client("sns", region="eu-west-3")
    arns = [application(sns, name=f"a{nth:03}") for nth in range(103)]
    pages = list(sns.get_paginator("list_platform_applications").paginate())
    listed = [one["PlatformApplicationArn"] for page in pages for one in page["PlatformApplications"]]
    assert listed == arns and [len(page["PlatformApplications"]) for page in pages] == [100, 3]
    arn = arns[0]
    made = [endpoint(sns, arn, f"t{nth}") for nth in range(205)]
    sns.delete_endpoint(EndpointArn=made[7])
    pages = list(sns.get_paginator("list_endpoints_by_platform_application").paginate(PlatformApplicationArn=arn))
    listed = [one["EndpointArn"] for page in pages for one in page["Endpoints"]]
    assert listed == made[:7] + made[8:] and [len(page["Endpoints"]) for page in pages] == [100, 100, 4]
    for arn in arns:
        sns.delete_platform_application(PlatformApplicationArn=arn)
    assert refusal(sns.get_endpoint_attributes, EndpointArn=made[0]) == ("NotFound", "Endpoint does not exist")


def test_a_publish_to_an_endpoint_is_shown_where_nobody_is_sent_to(house):
    sns, arn = house.sns, application(house.sns, "APNS")
    one = endpoint(sns, arn, DEVICE)
    bodies = {"default": "d", "APNS": json.dumps({"aps": {"alert": "own"}}), "GCM": "{}"}
    attributes = {"AWS.SNS.MOBILE.APNS.TTL": text(60), "a": text("b")}
    published = sns.publish(
        TargetArn=one, Message=json.dumps(bodies), MessageStructure="json", MessageAttributes=attributes, Subject="s"
    )
    [message] = sent(ENDPOINT, one)
    assert message == {
        "TargetArn": one,
        "TopicArn": "",
        "Message": bodies["APNS"],
        "MessageAttributes": {name: {"DataType": "String", "StringValue": value["StringValue"]} for name, value in attributes.items()},
        "MessageStructure": "json",
        "Subject": "s",
        "MessageId": published["MessageId"],
    }
    forget = urllib.request.Request(f"{ENDPOINT}/_aws/sns/platform-endpoint-messages?endpointArn={one}", method="DELETE")
    with urllib.request.urlopen(forget, timeout=20) as answer:
        assert answer.status == 204
    assert sent(ENDPOINT, one, 0) == []


def test_what_cannot_be_published_is_refused_in_awss_words(house):
    sns, arn = house.sns, application(house.sns, "APNS")
    one = endpoint(sns, arn, DEVICE)
    publish = lambda message, **more: refusal(sns.publish, TargetArn=one, Message=message, **more)  # noqa: E731
    begin = "Invalid parameter: Message Reason: Invalid notification for protocol APNS: Notification is"
    assert publish("x" * 5000) == ("InvalidParameter", f"{begin} too long")
    json_ = {"MessageStructure": "json"}
    assert publish(json.dumps({"APNS": "no json"}), **json_) == ("InvalidParameter", f"{begin} malformed")
    none = publish(json.dumps({"GCM": "{}"}), **json_)[1]
    assert none == "Invalid parameter: JSON must contain an entry for 'default' or 'APNS'."
    assert publish("m", MessageAttributes={"AWS.SNS.MOBILE.APNS.TTL": text("soon")})[0] == "InvalidParameter"
    assert publish("m", MessageAttributes={"AWS.SNS.OTHER": text("x")})[0] == "ParameterValueInvalid"
    sns.set_endpoint_attributes(EndpointArn=one, Attributes={"Enabled": "false"})
    assert publish("msg", **json_) == ("EndpointDisabled", "Endpoint is disabled")
    sns.set_platform_application_attributes(PlatformApplicationArn=arn, Attributes={"Enabled": "false"})
    assert publish("m") == ("PlatformApplicationDisabled", "Platform application is disabled")
    sns.delete_endpoint(EndpointArn=one)
    gone = "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"
    assert publish("m") == ("InvalidParameter", gone)


def test_a_topics_endpoints_get_what_their_filters_let_pass_in_their_platforms_words(house):
    sns, topic = house.sns, house.topic()
    apple, google = endpoint(sns, application(sns, "APNS"), DEVICE), endpoint(sns, application(sns))
    only = {"FilterPolicy": json.dumps({"sort": ["loud"]})}
    asked = {"TopicArn": topic, "Protocol": "application"}
    arn = sns.subscribe(**asked, Endpoint=apple)["SubscriptionArn"]
    sns.subscribe(**asked, Endpoint=google, Attributes=only)
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "false"
    url = house.subscribed(topic, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="quiet", MessageAttributes={"AWS.SNS.MOBILE.APNS.PRIORITY": text(5)})
    bodies = {"default": "loud", "GCM": json.dumps({"data": {"a": "b"}})}
    sns.publish(TopicArn=topic, Message=json.dumps(bodies), MessageStructure="json", MessageAttributes={"sort": text("loud")})
    assert [one["Message"] for one in sent(ENDPOINT, apple, 2)] == ["quiet", "loud"]
    [message] = sent(ENDPOINT, google)
    assert (message["Message"], message["TopicArn"], message["MessageStructure"]) == (bodies["GCM"], topic, "json")
    assert sorted(one["Body"] for one in house.received(url)) == ["loud", "quiet"], "queues take no attributes of AWS's"
    sns.delete_endpoint(EndpointArn=google)
    code, words = refusal(sns.subscribe, **asked, Endpoint=google)
    assert (code, words) == ("InvalidParameter", f"Invalid parameter: Endpoint Reason: Endpoint does not exist for endpoint arn{google}")


@pytest.fixture
def services(tmp_path):
    """Push services, and a server that is told where they are."""
    services = PushServices(free_port())
    places = ["apns", "apns-sandbox", "fcm", "adm"]
    arguments = [argument for place in places for argument in (f"--sns-{place}-url", services.url)]
    tokens = ["--sns-fcm-token-url", f"{services.url}/google/token", "--sns-adm-token-url", f"{services.url}/amazon/token"]
    with server(tmp_path, *arguments, *tokens, "--sns-private-receivers", "none") as started:
        services.house, services.started = house_at(started), started
        yield services
    services.close()


def made(services, platform, attributes, **more):
    asked = {"Name": fresh("app"), "Platform": platform, "Attributes": {**attributes, **more}}
    return services.house.sns.create_platform_application(**asked)["PlatformApplicationArn"]


@needs_a_server
def test_apple_gets_signed_requests_over_http_2(services):
    sns = services.house.sns
    one = endpoint(sns, made(services, "APNS_SANDBOX", services.apns_attributes()), DEVICE)
    attributes = {
        "AWS.SNS.MOBILE.APNS_SANDBOX.TTL": text(600),
        "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": text("c"),
        "AWS.SNS.MOBILE.APNS.PRIORITY": text(1),
    }
    sns.publish(TargetArn=one, Message="hello", MessageAttributes=attributes)
    [first] = services.wait()
    assert (first.path, first.json) == (f"/3/device/{DEVICE}", {"aps": {"alert": "hello"}})
    told = {name: first.headers[f"apns-{name}"] for name in ("topic", "push-type", "priority", "collapse-id")}
    assert told == {"topic": "org.example.app", "push-type": "alert", "priority": "1", "collapse-id": "c"}
    assert 590 < int(first.headers["apns-expiration"]) - time.time() <= 600
    silent = json.dumps({"APNS_SANDBOX": json.dumps({"aps": {"content-available": 1}})})
    own = {"AWS.SNS.MOBILE.APNS.TOPIC": text("org.other")}
    sns.publish(TargetArn=one, Message=silent, MessageStructure="json", MessageAttributes=own)
    second = services.wait(2)[1]
    assert (second.headers["apns-push-type"], second.headers["apns-topic"]) == ("background", "org.other")
    assert second.headers["authorization"] == first.headers["authorization"], "a token is used for most of an hour"
    assert len(sent(services.started.endpoint, one, 2)) == 2


@needs_a_server
def test_a_device_that_is_gone_is_disabled_and_its_owner_told(services):
    sns, topic = services.house.sns, services.house.topic()
    url = services.house.subscribed(topic, RawMessageDelivery="true")
    events = ["EventEndpointCreated", "EventEndpointUpdated", "EventEndpointDeleted", "EventDeliveryFailure"]
    arn = made(services, "APNS", services.apns_attributes(), **{event: topic for event in events})
    one = endpoint(sns, arn, DEVICE)
    services.manner = lambda _: (410, {"reason": "Unregistered", "timestamp": 1})
    published = sns.publish(TargetArn=one, Message="hello")["MessageId"]
    until(lambda: attributes_of(sns, one)["Enabled"] == "false")
    assert refusal(sns.publish, TargetArn=one, Message="m")[0] == "EndpointDisabled"
    told = {}
    for message in wait_for_messages(services.house, url, 3):
        event = json.loads(message["Body"])
        told[event.pop("EventType")] = event
    assert set(told) == {"EndpointCreated", "EndpointUpdated", "DeliveryFailure"}
    failure = told["DeliveryFailure"]
    assert failure.pop("Time").endswith("Z") and failure == {
        "DeliveryAttempts": 1,
        "EndpointArn": one,
        "FailureMessage": "Platform token associated with the endpoint is not valid",
        "FailureType": "InvalidPlatformToken",
        "MessageId": published,
        "Resource": arn,
        "Service": "SNS",
    }
    sns.delete_endpoint(EndpointArn=one)
    [deleted] = wait_for_messages(services.house, url)
    assert json.loads(deleted["Body"])["EventType"] == "EndpointDeleted"


@needs_a_server
def test_google_gets_messages_by_access_of_a_service_account(services):
    sns = services.house.sns
    one = endpoint(sns, made(services, "GCM", services.fcm_attributes()), "registration/1")
    old = {"notification": {"title": "t"}, "data": {"n": 1}}
    ttl = {"AWS.SNS.MOBILE.FCM.TTL": text(60)}
    sns.publish(TargetArn=one, Message=json.dumps({"GCM": json.dumps(old)}), MessageStructure="json", MessageAttributes=ttl)
    [first] = services.wait()
    assert first.path == "/v1/projects/project/messages:send"
    message = first.json["message"]
    assert (message["token"], message["data"], message["notification"]) == ("registration/1", {"n": "1"}, {"title": "t"})
    assert 50 <= int(message["android"]["ttl"].rstrip("s")) <= 60
    new = {"fcmV1Message": {"message": {"data": {"a": "b"}}}}
    sns.publish(TargetArn=one, Message=json.dumps({"GCM": json.dumps(new)}), MessageStructure="json")
    assert services.wait(2)[1].json == {"message": {"data": {"a": "b"}, "token": "registration/1"}}
    assert services.granted == 1, "access is asked for once"
    services.refuse_tokens.add("1")
    sns.publish(TargetArn=one, Message="again")
    assert services.wait(4)[3].json["message"]["data"] == {"default": "again"} and services.granted == 2
    error = {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}
    services.manner = lambda _: (404, {"error": error})
    sns.publish(TargetArn=one, Message="gone")
    until(lambda: attributes_of(sns, one)["Enabled"] == "false")


@needs_a_server
def test_amazon_gets_messages_by_access_of_a_client(services):
    sns = services.house.sns
    credentials = {"PlatformCredential": "s&cret=1", "PlatformPrincipal": "amzn1.client"}
    one = endpoint(sns, made(services, "ADM", credentials), "amzn1.adm-registration.1")
    sns.publish(TargetArn=one, Message="hello", MessageAttributes={"AWS.SNS.MOBILE.ADM.TTL": text(60)})
    [asked] = services.wait()
    assert asked.path == "/messaging/registrations/amzn1.adm-registration.1/messages"
    assert asked.headers["x-amzn-type-version"] == "com.amazon.device.messaging.ADMMessage@1.0"
    assert asked.json["data"] == {"default": "hello"} and 50 <= asked.json["expiresAfter"] <= 60
    wrong = endpoint(sns, made(services, "ADM", {**credentials, "PlatformCredential": "wrong"}), "other")
    sns.publish(TargetArn=wrong, Message="hello")
    time.sleep(1)
    assert attributes_of(sns, wrong)["Enabled"] == "true" and len(services.asked) == 1


@needs_a_server
def test_what_fails_for_now_is_tried_again_and_what_fails_for_good_is_a_dead_letter(services):
    house, sns = services.house, services.house.sns
    one = endpoint(sns, made(services, "APNS", services.apns_attributes()), DEVICE)
    statuses = [(503, {"reason": "Shutdown"}), (429, {"reason": "TooManyRequests"})]
    services.manner = lambda _: statuses.pop(0) if statuses else None
    sns.publish(TargetArn=one, Message="hello")
    attempts = services.wait(3, 90)
    assert len({asked.headers["apns-id"] for asked in attempts}) == 1 and attributes_of(sns, one)["Enabled"] == "true"
    topic = house.topic()
    url, policy = dead_letters(house, topic)
    asked = {"TopicArn": topic, "Protocol": "application", "Endpoint": one, "Attributes": {"RedrivePolicy": json.dumps(policy)}}
    sns.subscribe(**asked)
    services.manner = lambda _: (413, {"reason": "PayloadTooLarge"})
    sns.publish(TopicArn=topic, Message="large")
    [dead] = wait_for_messages(house, url)
    assert dead["MessageAttributes"]["ErrorCode"]["StringValue"] == "413"
    assert attributes_of(sns, one)["Enabled"] == "true", "it is the message that is wrong"


@needs_a_server
def test_apple_takes_a_certificate_too(tmp_path):
    (folder := tmp_path / "tls").mkdir()
    services = PushServices(free_port(), folder)
    arguments = ["--sns-apns-url", services.url, "--sns-receivers-ca", str(services.authority)]
    with server(tmp_path / "data", *arguments) as started:
        services.house = house_at(started)
        certificate, key = services.client
        attributes = {"PlatformCredential": key, "PlatformPrincipal": certificate}
        one = endpoint(services.house.sns, made(services, "APNS", attributes), DEVICE)
        services.house.sns.publish(TargetArn=one, Message="hello")
        [asked] = services.wait()
        assert asked.json == {"aps": {"alert": "hello"}} and "apns-topic" not in asked.headers
        invalid = {"PlatformCredential": "no key", "PlatformPrincipal": certificate}
        code, words = refusal(made, services=services, platform="APNS", attributes=invalid)
        assert (code, words) == ("InvalidParameter", "Invalid parameter: Attributes Reason: Platform credentials are invalid")
    services.close()


@needs_a_server
def test_applications_endpoints_and_what_waits_are_there_after_a_kill(tmp_path):
    services = PushServices(free_port())
    services.manner = lambda _: (503, {"reason": "Shutdown"})
    arguments = ["--sns-apns-url", services.url]
    started = server(tmp_path, *arguments).start()
    services.house = house_at(started)
    arn = made(services, "APNS", services.apns_attributes())
    tokens = [f"{nth:064x}" for nth in range(600)]
    ends = {token: endpoint(services.house.sns, arn, token) for token in tokens}
    gone = ends.pop(tokens[3])
    services.house.sns.delete_endpoint(EndpointArn=gone)
    services.house.sns.publish(TargetArn=ends[tokens[5]], Message="waits")
    services.wait(1)
    started.kill()
    services.manner = None
    with server(tmp_path, *arguments) as started:
        sns = house_at(started).sns
        pages = sns.get_paginator("list_endpoints_by_platform_application").paginate(PlatformApplicationArn=arn)
        found = {one["Attributes"]["Token"]: one["EndpointArn"] for page in pages for one in page["Endpoints"]}
        assert found == ends and endpoint(sns, arn, tokens[599]) == ends[tokens[599]]
        assert services.wait(2, 60)[1].json == {"aps": {"alert": "waits"}}
        secret = services.apns_attributes()["PlatformCredential"].splitlines()[1].encode()
        for file in tmp_path.rglob("*"):
            assert not file.is_file() or secret not in file.read_bytes(), f"{file} shows a credential"
    services.close()
