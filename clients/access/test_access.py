"""Who is let in and who may do what, as programs see it: codes, sentences, and what was not carried out.

Sources: IAM User Guide, "Troubleshoot access denied error messages"; SQS Developer Guide, "Identity and access management";
the codes of boto3 are those of AWS's query protocol, which SQS names in `x-amzn-query-error`.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from conftest import REGION, Keys, allow, policy, refused


def get(url):
    """Status and body of a plain GET."""
    try:
        with urllib.request.urlopen(url, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_root_key_is_its_owners_alone_and_may_everything(house):
    assert house.root_key_file.stat().st_mode & 0o777 == 0o600
    url, _ = house.queue()
    assert url in house.client("sqs", house.root).list_queues()["QueueUrls"]
    assert house.root.arguments["aws_secret_access_key"] not in house.server.log_since_start().split("Ready.")[1]


def test_the_first_start_prints_the_root_key_once_and_the_next_one_makes_and_prints_none(serve):
    first = serve()
    secret = first.root.arguments["aws_secret_access_key"]
    assert first.server.log_since_start().count(secret) == 1
    assert first.server.stop() == 0
    second = serve()
    assert second.root.arguments == first.root.arguments
    assert secret not in second.server.log_since_start()


def test_who_did_not_sign_right_is_told_so(house):
    access_key = house.root.arguments["aws_access_key_id"]
    guessed = house.client("sqs", Keys(access_key, "guessed"))
    assert "signature we calculated does not match" in refused("SignatureDoesNotMatch", guessed.list_queues)
    nobody = house.client("sqs", Keys("AKIAIOSFODNN7EXAMPLE", "guessed"))
    assert "security token included in the request is invalid" in refused("InvalidClientTokenId", nobody.list_queues)
    foreign = house.client("sqs", Keys(access_key, house.root.arguments["aws_secret_access_key"], "a-token"))
    refused("InvalidClientTokenId", foreign.list_queues)
    status, text = get(f"{house.server.endpoint}/?Action=ListQueues&Version=2012-11-05")
    assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in text


def test_a_user_of_least_privilege_sends_and_does_nothing_else(house):
    url, arn = house.queue()
    name, keys = house.user(allow("sqs:SendMessage", arn))
    sender = house.client("sqs", keys)
    sender.send_message(QueueUrl=url, MessageBody="m")
    sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "m"}])
    denied = refused("AccessDenied", sender.receive_message, QueueUrl=url)
    who = f"arn:aws:iam::{house.account}:user/{name}"
    assert denied == (
        f"User: {who} is not authorized to perform: sqs:receivemessage on resource: {arn} "
        "because no identity-based policy allows the sqs:receivemessage action"
    )
    refused("AccessDenied", sender.list_queues)
    refused("AccessDenied", sender.purge_queue, QueueUrl=url)
    refused("AccessDenied", sender.delete_queue, QueueUrl=url)
    refused("AccessDenied", sender.send_message, QueueUrl=house.queue()[0], MessageBody="m")
    refused("AccessDenied", sender.send_message, QueueUrl=url + "-none", MessageBody="m")
    counts = house.client("sqs", house.root).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "2", "what was denied did nothing"


def test_a_policy_that_changes_holds_for_the_next_request(house):
    url, arn = house.queue()
    name, keys = house.user()
    iam, sender = house.client("iam", house.root), house.client("sqs", keys)
    refused("AccessDenied", sender.send_message, QueueUrl=url, MessageBody="m")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("sqs:*", arn)))
    sender.send_message(QueueUrl=url, MessageBody="m")
    deny = policy({"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"})
    iam.put_user_policy(UserName=name, PolicyName="d", PolicyDocument=deny)
    denied = refused("AccessDenied", sender.send_message, QueueUrl=url, MessageBody="m")
    assert "with an explicit deny in an identity-based policy" in denied


def test_a_key_that_is_made_inactive_is_nobodys_at_once(house):
    url, arn = house.queue()
    name, keys = house.user(allow("sqs:*", arn))
    iam, sender = house.client("iam", house.root), house.client("sqs", keys)
    sender.send_message(QueueUrl=url, MessageBody="m")
    key = {"UserName": name, "AccessKeyId": keys.arguments["aws_access_key_id"]}
    iam.update_access_key(Status="Inactive", **key)
    refused("InvalidClientTokenId", sender.send_message, QueueUrl=url, MessageBody="m")
    iam.update_access_key(Status="Active", **key)
    sender.send_message(QueueUrl=url, MessageBody="m")
    iam.delete_access_key(**key)
    refused("InvalidClientTokenId", sender.send_message, QueueUrl=url, MessageBody="m")


def test_a_queues_policy_gives_and_refuses(house):
    url, arn = house.queue()
    name, keys = house.user()
    user, root = house.client("sqs", keys), house.client("sqs", house.root)
    who = {"AWS": f"arn:aws:iam::{house.account}:user/{name}"}

    def put(*statements):
        root.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(*statements)})

    put(allow("sqs:SendMessage", arn, Principal=who))
    user.send_message(QueueUrl=url, MessageBody="m")
    refused("AccessDenied", user.receive_message, QueueUrl=url)
    refuse = {"Effect": "Deny", "Action": "sqs:*", "Resource": arn, "Principal": who}
    put(allow("sqs:*", arn, Principal="*"), refuse)
    denied = refused("AccessDenied", user.send_message, QueueUrl=url, MessageBody="m")
    assert "with an explicit deny in a resource-based policy" in denied


def test_an_unsigned_request_has_what_everybody_has(house):
    url, arn = house.queue()
    status, text = get(f"{url}?Action=SendMessage&Version=2012-11-05&MessageBody=m")
    assert status == 403 and "<Code>AccessDenied</Code>" in text and "is denied." in text
    everybody = policy(allow("sqs:SendMessage", arn, Principal="*"))
    house.client("sqs", house.root).set_queue_attributes(QueueUrl=url, Attributes={"Policy": everybody})
    assert get(f"{url}?Action=SendMessage&Version=2012-11-05&MessageBody=m")[0] == 200
    assert get(f"{url}?Action=ReceiveMessage&Version=2012-11-05")[0] == 403


def presigned(house, keys, query, expires):
    """A URL that carries its signature."""
    credentials = botocore.credentials.Credentials(
        keys.arguments["aws_access_key_id"], keys.arguments["aws_secret_access_key"], keys.arguments["aws_session_token"]
    )
    request = botocore.awsrequest.AWSRequest(method="GET", url=f"{house.server.endpoint}/?{query}")
    botocore.auth.SigV4QueryAuth(credentials, "sqs", REGION, expires=expires).add_auth(request)
    return request.url


def test_a_presigned_url_is_good_for_what_it_says_and_until_then(house):
    url, _ = house.queue()
    query = "Action=ListQueues&Version=2012-11-05"
    good = presigned(house, house.root, query, 600)
    status, text = get(good)
    assert status == 200 and f"<QueueUrl>{url}</QueueUrl>" in text
    for other in [good.replace("ListQueues", "PurgeQueue"), good + "&MaxResults=1", good.replace("Expires=600", "Expires=900"), good[:-1]]:
        status, text = get(other)
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text, other
    short = presigned(house, house.root, query, 1)
    time.sleep(2.1)
    status, text = get(short)
    assert status == 403 and "Signature expired" in text
    status, text = get(presigned(house, house.root, query, 604801))
    assert status == 400 and "<Code>IncompleteSignature</Code>" in text


def test_a_session_of_a_role_has_its_token_with_it(house):
    url, arn = house.queue()
    iam = house.client("iam", house.root)
    name, keys = house.user(allow("sts:AssumeRole", "*"))
    role = f"role-of-{name}"
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": house.account}})
    role_arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(allow("sqs:SendMessage", arn)))
    assumed = house.client("sts", keys).assume_role(RoleArn=role_arn, RoleSessionName="session")["Credentials"]
    session = Keys(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    house.client("sqs", session).send_message(QueueUrl=url, MessageBody="m")
    denied = refused("AccessDenied", house.client("sqs", session).receive_message, QueueUrl=url)
    assert f"User: arn:aws:sts::{house.account}:assumed-role/{role}/session is not authorized" in denied
    for token in [None, "x" + assumed["SessionToken"][1:], assumed["SessionToken"][:-4]]:
        stolen = house.client("sqs", Keys(assumed["AccessKeyId"], assumed["SecretAccessKey"], token))
        refused("InvalidClientTokenId", stolen.send_message, QueueUrl=url, MessageBody="m")


def test_the_command_line_of_aws_is_told_the_same(house):
    url, arn = house.queue()
    _, keys = house.user(allow("sqs:SendMessage", arn))

    def aws(*words):
        environment = {**os.environ, **keys.environment(), "AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1"}
        command = [sys.executable, "-m", "awscli", "--endpoint-url", house.server.endpoint, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    assert aws("sqs", "send-message", "--queue-url", url, "--message-body", "m")[0] == 0
    code, said = aws("sqs", "receive-message", "--queue-url", url)
    assert code != 0 and "(AccessDenied) when calling the ReceiveMessage operation: User: arn:aws:iam::" in said


def test_tidewires_own_command_line_takes_the_root_key_of_its_folder(house):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["TIDEWIRE_DATA_DIR"] = str(house.root_key_file.parent)
    words = ["queue", "ls", "--endpoint", house.server.endpoint, "--region", REGION, "--output", "json"]
    url, _ = house.queue()
    done = subprocess.run([house.server.binary, *words], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and url.rsplit("/", 1)[1] in done.stdout, done.stderr
    refused_words = subprocess.run(
        [house.server.binary, *words, "--account", "123456789012"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert refused_words.returncode != 0 and "security token included in the request is invalid" in refused_words.stderr


def test_identities_are_of_the_partition_of_the_servers_region(serve):
    house = serve(TIDEWIRE_REGION="cn-north-1")
    mine = f"arn:aws-cn:iam::{house.account}"
    assert house.client("sts", house.root).get_caller_identity()["Arn"] == f"{mine}:root"
    name, keys = house.user(allow("sqs:SendMessage", "*"))
    assert house.client("sts", keys).get_caller_identity()["Arn"] == f"{mine}:user/{name}"
    url, _ = house.queue()
    user = house.client("sqs", keys)
    assert refused("AccessDenied", user.purge_queue, QueueUrl=url).startswith(f"User: {mine}:user/{name} is not")
    iam = house.client("iam", house.root)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws-cn:iam::aws:policy/AmazonSQSFullAccess")
    user.purge_queue(QueueUrl=url)
    named = {"Effect": "Deny", "Principal": {"AWS": f"{mine}:user/{name}"}, "Action": "sqs:*", "Resource": "*"}
    attributes = {"Policy": policy(named)}
    house.client("sqs", house.root).set_queue_attributes(QueueUrl=url, Attributes=attributes)
    assert "explicit deny in a resource-based policy" in refused("AccessDenied", user.list_queue_tags, QueueUrl=url)
