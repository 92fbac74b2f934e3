"""Who may use keys: their policies, grants, other accounts, keys that are used through SQS alone.

Expected codes and sentences: KMS Developer Guide, "Key policies", "Grants in AWS KMS", "Allowing users in other accounts to use a
KMS key", "kms:ViaService"; IAM User Guide, "Troubleshoot access denied error messages"; SQS Developer Guide, "Key management".
Each refusal has a twin beside it that is let through and differs in one thing.
"""

import pytest
from conftest import REGION, allow, fresh, policy, refused

DENIED = "AccessDeniedException"


def to(who, action, **more):
    return allow(action, "*", Principal={"AWS": who}, **more)


def counts(house, url):
    asked = house.client("sqs", house.root).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return asked["ApproximateNumberOfMessages"], asked["ApproximateNumberOfMessagesNotVisible"]


# Key policies.


def test_the_policy_of_a_new_key_leaves_it_to_the_accounts_identities(house):
    key, other = house.key(), house.key()
    name, keys = house.user(allow("kms:Encrypt", key))
    user = house.client("kms", keys)
    sealed = user.encrypt(KeyId=key, Plaintext=b"m")["CiphertextBlob"]
    who = house.arn(f"user/{name}")
    assert refused(DENIED, user.encrypt, KeyId=other, Plaintext=b"m") == (
        f"User: {who} is not authorized to perform: kms:Encrypt on resource: {other} "
        "because no identity-based policy allows the kms:Encrypt action"
    )
    assert refused(DENIED, user.decrypt, CiphertextBlob=sealed) == (
        f"User: {who} is not authorized to perform: kms:Decrypt on resource: {key} "
        "because no identity-based policy allows the kms:Decrypt action"
    )
    refused(DENIED, user.schedule_key_deletion, KeyId=key)
    refused(DENIED, user.create_key)
    assert house.client("kms", house.root).describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_key_whose_policy_names_nobody_else_is_nobodys_elses_whatever_identities_say(house):
    name, keys = house.user()
    key = house.key(to(house.arn(f"user/{name}"), ["kms:Encrypt", "kms:Decrypt"]))
    named = house.client("kms", keys)
    sealed = named.encrypt(KeyId=key, Plaintext=b"m")["CiphertextBlob"]
    assert named.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"m"
    refused(DENIED, named.generate_data_key, KeyId=key, KeySpec="AES_256")
    _, mighty = house.user(allow("*", "*"))
    for other in (mighty, house.root):
        denied = refused(DENIED, house.client("kms", other).encrypt, KeyId=key, Plaintext=b"m")
        assert denied.endswith("because no resource-based policy allows the kms:Encrypt action")
        denied = refused(DENIED, house.client("kms", other).decrypt, CiphertextBlob=sealed)
        assert denied.endswith("because no resource-based policy allows the kms:Decrypt action")


def test_a_key_policy_looks_at_the_context_and_its_refusal_wins(house):
    name, keys = house.user(allow("kms:*", "*"))
    refusal = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    unless = {"StringNotEquals": {"kms:EncryptionContext:tenant": "a"}}
    key = house.key(to(house.arn("root"), "kms:*"), {**refusal, "Condition": unless})
    user = house.client("kms", keys)
    user.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"})
    for context in ({}, {"tenant": "b"}, {"Tenants": "a"}):
        denied = refused(DENIED, user.encrypt, KeyId=key, Plaintext=b"m", EncryptionContext=context)
        assert denied.endswith("with an explicit deny in a resource-based policy")


def test_a_policy_that_would_lock_everybody_out_is_refused_and_the_old_one_stays(house):
    kms = house.client("kms", house.root)
    key = house.key()
    before = kms.get_key_policy(KeyId=key)["Policy"]
    name, _ = house.user()
    only = policy(to(house.arn(f"user/{name}"), "kms:*"))
    assert refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key, Policy=only) == (
        "The new key policy will not allow you to update the key policy in the future."
    )
    assert kms.get_key_policy(KeyId=key)["Policy"] == before
    kms.put_key_policy(KeyId=key, Policy=only, BypassPolicyLockoutSafetyCheck=True)
    refused(DENIED, kms.put_key_policy, KeyId=key, Policy=before)


# Grants.


def test_a_grant_is_good_for_its_operations_and_its_contexts(house):
    key = house.key()
    name, keys = house.user()
    kms, user = house.client("kms", house.root), house.client("kms", keys)
    grantee = house.arn(f"user/{name}")

    def grant(*operations, **constraints):
        made = kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=operations, Constraints=constraints)
        return made["GrantId"], made["GrantToken"]

    def encrypt(**context):
        return user.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext=context)["CiphertextBlob"]

    refused(DENIED, encrypt, tenant="a")
    some, _ = grant("Encrypt", "Decrypt", EncryptionContextSubset={"tenant": "a"})
    sealed = encrypt(tenant="a", purpose="p")
    assert user.decrypt(CiphertextBlob=sealed, EncryptionContext={"tenant": "a", "purpose": "p"})["Plaintext"] == b"m"
    for context in ({}, {"tenant": "b"}, {"Tenant": "a"}, {"purpose": "p"}):
        refused(DENIED, encrypt, **context)
    refused(DENIED, user.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": "a"})
    kms.revoke_grant(KeyId=key, GrantId=some)
    refused(DENIED, encrypt, tenant="a")
    _, token = grant("Encrypt", EncryptionContextEquals={"tenant": "a"})
    encrypt(tenant="a")
    refused(DENIED, encrypt, tenant="a", purpose="p")
    user.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"}, GrantTokens=[token])
    refused("InvalidGrantTokenException", user.encrypt, KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"}, GrantTokens=["no"])


def test_who_makes_grants_by_a_grant_alone_makes_none_that_lets_more_happen(house):
    key = house.key()
    (name, keys), (other, others) = house.user(), house.user()
    kms, user, friend = house.client("kms", house.root), house.client("kms", keys), house.client("kms", others)
    who, whom = house.arn(f"user/{name}"), house.arn(f"user/{other}")
    constraint = {"EncryptionContextSubset": {"tenant": "a"}}
    operations = ["Encrypt", "CreateGrant"]
    kms.create_grant(KeyId=key, GranteePrincipal=who, Operations=operations, Constraints=constraint)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"})["CiphertextBlob"]
    good = {"KeyId": key, "GranteePrincipal": whom, "Operations": ["Encrypt"], "Constraints": constraint}
    worse = [
        {"Operations": ["Decrypt"]},
        {"Operations": ["Encrypt", "Decrypt"]},
        {"GranteePrincipal": who, "Operations": ["Decrypt", "CreateGrant"]},
        {"Constraints": {}},
        {"Constraints": {"EncryptionContextSubset": {"tenant": "b"}}},
        {"Constraints": {"EncryptionContextEquals": {"purpose": "p"}}},
    ]
    for change in worse:
        refused(DENIED, user.create_grant, **{**good, **change})
    for nobody in (user, friend):
        refused(DENIED, nobody.decrypt, CiphertextBlob=sealed, EncryptionContext={"tenant": "a"})
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 1
    made = user.create_grant(**good)
    friend.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"})
    refused(DENIED, friend.encrypt, KeyId=key, Plaintext=b"m")
    refused(DENIED, friend.create_grant, **good)
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    user.create_grant(**{**good, "Constraints": {"EncryptionContextEquals": {"tenant": "a", "purpose": "p"}}})
    friend.encrypt(KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a", "purpose": "p"})
    refused(DENIED, friend.encrypt, KeyId=key, Plaintext=b"m", EncryptionContext={"tenant": "a"})
    # Whom a policy lets make grants is not held to a grant's terms.
    house.client("iam", house.root).put_user_policy(
        UserName=name, PolicyName="more", PolicyDocument=policy(allow("kms:CreateGrant", key))
    )
    user.create_grant(**{**good, "Operations": ["Decrypt"]})
    assert friend.decrypt(CiphertextBlob=sealed, EncryptionContext={"tenant": "a"})["Plaintext"] == b"m"


def test_a_refusal_wins_over_a_grant(house):
    key = house.key()
    name, keys = house.user({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": key})
    user = house.client("kms", keys)
    house.client("kms", house.root).create_grant(
        KeyId=key, GranteePrincipal=house.arn(f"user/{name}"), Operations=["Encrypt", "Decrypt"]
    )
    sealed = user.encrypt(KeyId=key, Plaintext=b"m")["CiphertextBlob"]
    denied = refused(DENIED, user.decrypt, CiphertextBlob=sealed)
    assert denied.endswith("with an explicit deny in an identity-based policy")


def test_a_grant_is_ended_by_whom_it_names_and_by_who_may_revoke(house):
    key = house.key()
    (grantee, its), (retiring, others), (stranger, strange) = (house.user() for _ in range(3))
    kms, user = house.client("kms", house.root), house.client("kms", its)

    def grant():
        who = {"GranteePrincipal": house.arn(f"user/{grantee}"), "RetiringPrincipal": house.arn(f"user/{retiring}")}
        made = kms.create_grant(KeyId=key, Operations=["Encrypt"], **who)
        user.encrypt(KeyId=key, Plaintext=b"m")
        return made["GrantId"], made["GrantToken"]

    one, token = grant()
    for nobody in (its, strange):
        refused(DENIED, house.client("kms", nobody).retire_grant, GrantToken=token)
        refused(DENIED, house.client("kms", nobody).retire_grant, KeyId=key, GrantId=one)
        refused(DENIED, house.client("kms", nobody).revoke_grant, KeyId=key, GrantId=one)
    refused(DENIED, house.client("kms", others).revoke_grant, KeyId=key, GrantId=one)
    user.encrypt(KeyId=key, Plaintext=b"m")
    house.client("kms", others).retire_grant(GrantToken=token)
    refused(DENIED, user.encrypt, KeyId=key, Plaintext=b"m")
    two, _ = grant()
    kms.revoke_grant(KeyId=key, GrantId=two)
    refused(DENIED, user.encrypt, KeyId=key, Plaintext=b"m")
    assert kms.list_grants(KeyId=key)["Grants"] == []
    assert refused("NotFoundException", kms.revoke_grant, KeyId=key, GrantId=two) == f"Grant ID {two} not found"


def test_who_makes_grants_is_held_to_the_conditions_on_grants(house):
    key = house.key()
    worker = house.arn(f"role/{fresh('worker')}")
    conditions = {
        "StringEquals": {"kms:GranteePrincipal": worker, "kms:GrantConstraintType": "EncryptionContextSubset"},
        "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]},
    }
    _, keys = house.user(allow("kms:CreateGrant", key, Condition=conditions))
    user = house.client("kms", keys)
    good = {
        "KeyId": key,
        "GranteePrincipal": worker,
        "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"tenant": "a"}},
    }
    user.create_grant(**good)
    other = {
        "GranteePrincipal": house.arn("root"),
        "Operations": ["Decrypt", "GenerateDataKey"],
        "Constraints": {"EncryptionContextEquals": {"tenant": "a"}},
    }
    for name, value in other.items():
        refused(DENIED, user.create_grant, **{**good, name: value})
    assert len(house.client("kms", house.root).list_grants(KeyId=key)["Grants"]) == 1


# Other accounts.


def test_a_key_of_another_account_takes_its_policy_and_the_callers_own(neighbours):
    here, there = neighbours
    (_, its), (poor, nothing) = there.user(allow("kms:*", "*")), there.user()
    key = here.key(to(there.arn("root"), ["kms:Encrypt", "kms:Decrypt"]))
    closed = here.key()
    user, other = there.client("kms", its), there.client("kms", nothing)
    sealed = user.encrypt(KeyId=key, Plaintext=b"m")
    assert sealed["KeyId"] == key
    assert user.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"m"
    assert refused(DENIED, other.encrypt, KeyId=key, Plaintext=b"m") == (
        f"User: {there.arn(f'user/{poor}')} is not authorized to perform: kms:Encrypt on resource: {key} "
        "because no identity-based policy allows the kms:Encrypt action"
    )
    denied = refused(DENIED, user.encrypt, KeyId=closed, Plaintext=b"m")
    assert denied.endswith("because no resource-based policy allows the kms:Encrypt action")
    denied = refused(DENIED, user.generate_data_key, KeyId=key, KeySpec="AES_256")
    assert denied.endswith("because no resource-based policy allows the kms:GenerateDataKey action")
    missing = key.rsplit("/", 1)[0] + "/11111111-2222-3333-4444-555555555555"
    assert "because the resource does not exist in this Region, no resource-based policies allow access, or" in refused(
        DENIED, user.encrypt, KeyId=missing, Plaintext=b"m"
    )
    # A bare id is one of the caller's own account.
    refused("NotFoundException", user.encrypt, KeyId=key.rsplit("/", 1)[1], Plaintext=b"m")


def test_another_account_that_may_do_everything_with_a_key_still_manages_nothing(neighbours):
    here, there = neighbours
    key = here.key(to(there.arn("root"), "kms:*"))
    _, its = there.user(allow("kms:*", "*"))
    before = here.client("kms", here.root).get_key_policy(KeyId=key)["Policy"]
    for user in (there.client("kms", its), there.client("kms", there.root)):
        user.encrypt(KeyId=key, Plaintext=b"m")
        user.describe_key(KeyId=key)
        taken = {"Principal": {"AWS": there.arn("root")}, "Effect": "Allow", "Action": "kms:*", "Resource": "*"}
        for call, arguments in (
            (user.put_key_policy, {"Policy": policy(taken), "BypassPolicyLockoutSafetyCheck": True}),
            (user.get_key_policy, {}),
            (user.schedule_key_deletion, {"PendingWindowInDays": 7}),
            (user.disable_key, {}),
            (user.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
            (user.update_key_description, {"Description": "mine"}),
            (user.enable_key_rotation, {}),
            (user.replicate_key, {"ReplicaRegion": "us-east-1"}),
        ):
            refused(DENIED, call, KeyId=key, **arguments)
        refused(DENIED, user.create_alias, AliasName=f"alias/{fresh('a')}", TargetKeyId=key)
    kms = here.client("kms", here.root)
    assert kms.get_key_policy(KeyId=key)["Policy"] == before
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_an_alias_of_another_account_is_named_by_its_arn(neighbours):
    here, there = neighbours
    key = here.key(to(there.arn("root"), "kms:Encrypt"), to(here.arn("root"), "kms:*"))
    alias = f"alias/{fresh('a')}"
    here.client("kms", here.root).create_alias(AliasName=alias, TargetKeyId=key)
    _, its = there.user(allow("kms:Encrypt", key))
    arn = f"arn:aws:kms:{REGION}:{here.account}:{alias}"
    user = there.client("kms", its)
    assert user.encrypt(KeyId=arn, Plaintext=b"m")["KeyId"] == key
    refused("NotFoundException", user.encrypt, KeyId=alias, Plaintext=b"m")


def test_a_grant_reaches_into_another_account_and_is_retired_from_there(neighbours):
    here, there = neighbours
    name, its = there.user()
    key, kms, user = here.key(), here.client("kms", here.root), there.client("kms", its)
    who = there.arn(f"user/{name}")
    refused(DENIED, user.encrypt, KeyId=key, Plaintext=b"m")
    made = kms.create_grant(KeyId=key, GranteePrincipal=who, RetiringPrincipal=who, Operations=["Encrypt"])
    assert user.encrypt(KeyId=key, Plaintext=b"m")["KeyId"] == key
    user.retire_grant(GrantToken=made["GrantToken"])
    refused(DENIED, user.encrypt, KeyId=key, Plaintext=b"m")


# Queues.


def test_a_key_that_is_used_through_sqs_alone(house):
    key = house.key()
    url, arn = house.queue(KmsMasterKeyId=key)

    def worker(service):
        via = {"StringEquals": {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}}
        uses = allow(["kms:GenerateDataKey", "kms:Decrypt"], key, Condition=via)
        _, keys = house.user(allow(["sqs:SendMessage", "sqs:ReceiveMessage"], arn), uses)
        return house.client("sqs", keys), house.client("kms", keys)

    sqs, kms = worker("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]] == ["m"]
    refused(DENIED, kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    sqs, _ = worker("sns")
    refused("KMS.AccessDeniedException", sqs.send_message, QueueUrl=url, MessageBody="m")
    refused("KMS.AccessDeniedException", sqs.receive_message, QueueUrl=url)
    assert counts(house, url) == ("0", "1"), "what was denied did nothing"


def test_the_managed_key_of_sqs_is_of_who_uses_sqs_and_of_nobody_who_comes_by_himself(neighbours):
    here, there = neighbours
    url, arn = here.queue(KmsMasterKeyId="alias/aws/sqs")
    _, keys = here.user(allow("sqs:*", arn))
    _, mighty = here.user(allow("*", "*"))
    sqs = here.client("sqs", keys)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]] == ["m"]
    managed = here.client("kms", here.root).describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert managed["KeyManager"] == "AWS"
    for nobody in (keys, mighty, here.root):
        kms = here.client("kms", nobody)
        refused(DENIED, kms.generate_data_key, KeyId=managed["Arn"], KeySpec="AES_256")
        refused(DENIED, kms.encrypt, KeyId="alias/aws/sqs", Plaintext=b"m")
        refused(DENIED, kms.disable_key, KeyId=managed["KeyId"])
    _, its = there.user(allow("*", "*"))
    for stranger in (its, there.root):
        refused(DENIED, there.client("kms", stranger).generate_data_key, KeyId=managed["Arn"], KeySpec="AES_256")
    # A queue of theirs under it lets nothing through either: the key is for its own account's users.
    theirs, _ = there.queue(KmsMasterKeyId=managed["Arn"])
    refused("KMS.AccessDeniedException", there.client("sqs", there.root).send_message, QueueUrl=theirs, MessageBody="m")


def test_the_context_of_a_queues_messages_is_its_arn(house):
    key = house.key()
    (url, arn), (other, other_arn) = house.queue(KmsMasterKeyId=key), house.queue(KmsMasterKeyId=key)
    this_one = {"StringEquals": {"kms:EncryptionContext:aws:sqs:arn": arn}}
    _, keys = house.user(
        allow("sqs:SendMessage", [arn, other_arn]),
        allow(["kms:GenerateDataKey", "kms:Decrypt"], key, Condition=this_one),
    )
    sender = house.client("sqs", keys)
    sender.send_message(QueueUrl=url, MessageBody="m")
    refused("KMS.AccessDeniedException", sender.send_message, QueueUrl=other, MessageBody="m")


@pytest.mark.parametrize("lacks", ["kms:GenerateDataKey", "kms:Decrypt"])
def test_a_sender_needs_to_make_data_keys_and_to_open_them(house, lacks):
    key = house.key()
    url, arn = house.queue(KmsMasterKeyId=key)
    has = [action for action in ("kms:GenerateDataKey", "kms:Decrypt") if action != lacks]
    name, keys = house.user(allow("sqs:SendMessage", arn), allow(has, key))
    sender = house.client("sqs", keys)
    who = house.arn(f"user/{name}")
    assert refused("KMS.AccessDeniedException", sender.send_message, QueueUrl=url, MessageBody="m").startswith(
        f"User: {who} is not authorized to perform: {lacks} on resource: {key} "
        f"because no identity-based policy allows the {lacks} action"
    )
    failed = [{"Id": "a", "MessageBody": "m"}]
    refused("KMS.AccessDeniedException", sender.send_message_batch, QueueUrl=url, Entries=failed)
    assert counts(house, url) == ("0", "0")
    house.client("iam", house.root).put_user_policy(
        UserName=name, PolicyName="more", PolicyDocument=policy(allow(lacks, key))
    )
    sender.send_message(QueueUrl=url, MessageBody="m")
    assert counts(house, url) == ("1", "0")


def test_a_receiver_needs_to_decrypt_and_counts_nothing_without(house):
    key = house.key()
    url, arn = house.queue(KmsMasterKeyId=key)
    root = house.client("sqs", house.root)
    root.send_message(QueueUrl=url, MessageBody="m")
    name, keys = house.user(allow("sqs:ReceiveMessage", arn), allow("kms:GenerateDataKey", key))
    receiver = house.client("sqs", keys)
    for _ in range(3):
        denied = refused("KMS.AccessDeniedException", receiver.receive_message, QueueUrl=url, WaitTimeSeconds=1)
        assert "is not authorized to perform: kms:Decrypt on resource: " + key in denied
    assert counts(house, url) == ("1", "0")
    house.client("iam", house.root).put_user_policy(
        UserName=name, PolicyName="more", PolicyDocument=policy(allow("kms:Decrypt", key))
    )
    received = receiver.receive_message(QueueUrl=url, WaitTimeSeconds=2, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in received] == ["m"]
    assert received[0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_queue_of_one_account_under_the_key_of_another(neighbours):
    here, there = neighbours
    key = here.key(to(there.arn("root"), ["kms:GenerateDataKey", "kms:Decrypt"]))
    closed = here.key()
    (url, arn), (shut, shut_arn) = there.queue(KmsMasterKeyId=key), there.queue(KmsMasterKeyId=closed)
    _, its = there.user(allow("sqs:*", [arn, shut_arn]), allow("kms:*", "*"))
    user = there.client("sqs", its)
    user.send_message(QueueUrl=url, MessageBody="m")
    assert [message["Body"] for message in user.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]] == ["m"]
    denied = refused("KMS.AccessDeniedException", user.send_message, QueueUrl=shut, MessageBody="m")
    assert denied.startswith("User: ") and "no resource-based policy allows the kms:GenerateDataKey action" in denied
