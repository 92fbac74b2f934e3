"""Keys as a program meets them: made, used, named, granted, rotated, imported, replicated.

Expected answers and sentences are those recorded of AWS (LocalStack's snapshots of KMS).
"""

import hashlib
import os

import pytest
from conftest import make_client, refusal
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from quiet_client import fresh

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def test_what_is_encrypted_comes_back_with_its_context_alone(kms, key):
    context = {"tenant": "a", "purpose": "test"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=context)
    assert sealed["KeyId"] == key["Arn"] and b"secret" not in sealed["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", key["Arn"])
    code, _ = refusal(kms.decrypt, CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"tenant": "a"})
    assert code == "InvalidCiphertextException"
    broken = bytearray(sealed["CiphertextBlob"])
    broken[-1] ^= 1
    code, _ = refusal(kms.decrypt, CiphertextBlob=bytes(broken), EncryptionContext=context)
    assert code == "InvalidCiphertextException"


def test_data_keys_and_reencryption(kms, key):
    other = kms.create_key()["KeyMetadata"]
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    moved = kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], DestinationKeyId=other["KeyId"])
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], other["Arn"])
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    code, _ = refusal(kms.decrypt, CiphertextBlob=moved["CiphertextBlob"], KeyId=key["KeyId"])
    assert code == "IncorrectKeyException"
    alone = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=20)
    assert "Plaintext" not in alone
    assert len(kms.decrypt(CiphertextBlob=alone["CiphertextBlob"])["Plaintext"]) == 20


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"])
def test_signatures_are_what_others_verify(kms, spec):
    made = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"])
    for algorithm in made["SigningAlgorithms"]:
        digest = HASHES[algorithm[-3:]]
        message = hashlib.new(digest.name, b"words").digest()
        asked = {"KeyId": made["KeyId"], "SigningAlgorithm": algorithm}
        for kind, text in [("RAW", b"words"), ("DIGEST", message)]:
            signature = kms.sign(Message=text, MessageType=kind, **asked)["Signature"]
            if algorithm.startswith("ECDSA"):
                public.verify(signature, message, ec.ECDSA(utils.Prehashed(digest)))
            elif "PSS" in algorithm:
                public.verify(signature, b"words", padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
            else:
                public.verify(signature, b"words", padding.PKCS1v15(), digest)
            assert kms.verify(Message=text, MessageType=kind, Signature=signature, **asked)["SignatureValid"]
        code, _ = refusal(kms.verify, Message=b"other words", Signature=signature, **asked)
        assert code == "KMSInvalidSignatureException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"])
def test_a_pair_for_data_is_a_pair_and_its_sealed_half_is_its_plain_half(kms, key, spec):
    context = {"purpose": "pair"}
    asked = {"KeyId": key["KeyId"], "KeyPairSpec": spec, "EncryptionContext": context}
    made, without = kms.generate_data_key_pair(**asked), kms.generate_data_key_pair_without_plaintext(**asked)
    assert "PrivateKeyPlaintext" not in without and without["PublicKey"] != made["PublicKey"]
    for pair in (made, without):
        opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=context)["Plaintext"]
        assert opened == pair.get("PrivateKeyPlaintext", opened)
        public = serialization.load_der_private_key(opened, None).public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert (der, pair["KeyPairSpec"], pair["KeyId"]) == (pair["PublicKey"], spec, key["Arn"])
        code, _ = refusal(kms.decrypt, CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
        assert code == "InvalidCiphertextException"


@pytest.mark.parametrize("algorithm, digest", [("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())])
def test_what_others_encrypt_for_an_rsa_key_is_decrypted(kms, algorithm, digest):
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"])
    sealed = public.encrypt(b"secret", padding.OAEP(padding.MGF1(digest), digest, None))
    opened = kms.decrypt(KeyId=made["KeyId"], CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)
    assert opened["Plaintext"] == b"secret"


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"])
def test_material_is_imported_lost_and_imported_again(kms, algorithm):
    made = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert (made["KeyState"], made["Enabled"]) == ("PendingImport", False)
    code, message = refusal(kms.encrypt, KeyId=made["KeyId"], Plaintext=b"x")
    assert (code, message) == ("KMSInvalidStateException", f"{made['Arn']} is pending import.")
    material = os.urandom(32)

    def bring():
        asked = {"KeyId": made["KeyId"], "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048"}
        parameters = kms.get_parameters_for_import(**asked)
        public = serialization.load_der_public_key(parameters["PublicKey"])
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        if algorithm.startswith("RSAES"):
            wrapped = public.encrypt(material, oaep)
        else:
            wrapping = os.urandom(32)
            wrapped = public.encrypt(wrapping, oaep) + keywrap.aes_key_wrap_with_padding(wrapping, material)
        brought = {"ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": wrapped}
        kms.import_key_material(KeyId=made["KeyId"], ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE", **brought)

    bring()
    sealed = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=made["KeyId"])
    assert refusal(kms.decrypt, CiphertextBlob=sealed)[0] == "KMSInvalidStateException"
    bring()
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"kept"


def test_grants_are_listed_and_retired(kms, key):
    grantee = "arn:aws:iam::000000000000:role/worker"
    constraints = {"EncryptionContextSubset": {"tenant": "a"}}
    made = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=grantee, Operations=["Decrypt"], Constraints=constraints)
    listed = kms.list_grants(KeyId=key["KeyId"])["Grants"]
    assert [grant["GrantId"] for grant in listed] == [made["GrantId"]]
    assert (listed[0]["Constraints"], listed[0]["Operations"]) == (constraints, ["Decrypt"])
    kms.retire_grant(GrantToken=made["GrantToken"])
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []
    code, message = refusal(kms.revoke_grant, KeyId=key["KeyId"], GrantId=made["GrantId"])
    assert (code, message) == ("NotFoundException", f"Grant ID {made['GrantId']} not found")


def test_a_replica_opens_what_the_primary_sealed(kms):
    primary = kms.create_key(MultiRegion=True)["KeyMetadata"]
    there = make_client("kms", region="ap-southeast-1")
    assert refusal(there.describe_key, KeyId=primary["KeyId"])[0] == "NotFoundException"
    kms.replicate_key(KeyId=primary["KeyId"], ReplicaRegion="ap-southeast-1")
    sealed = kms.encrypt(KeyId=primary["KeyId"], Plaintext=b"everywhere")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"everywhere"
    config = there.describe_key(KeyId=primary["KeyId"])["KeyMetadata"]["MultiRegionConfiguration"]
    assert (config["MultiRegionKeyType"], config["PrimaryKey"]["Region"]) == ("REPLICA", "us-east-1")


def test_policies_are_kept_and_checked(kms, key):
    policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
    assert '"Enable IAM User Permissions"' in policy
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy.replace("key-default-1", "mine"))
    assert '"mine"' in kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    assert refusal(kms.create_key, Policy="my policy")[0] == "MalformedPolicyDocumentException"


def test_aliases_name_keys_and_are_listed_in_pieces(kms, key):
    names = sorted(f"alias/{fresh('a')}" for _ in range(3))
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    assert kms.describe_key(KeyId=names[0])["KeyMetadata"]["KeyId"] == key["KeyId"]
    pages = kms.get_paginator("list_aliases").paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 2})
    assert [alias["AliasName"] for page in pages for alias in page["Aliases"]] == names
    kms.delete_alias(AliasName=names[0])
    arn = f"arn:aws:kms:us-east-1:000000000000:{names[0]}"
    assert refusal(kms.describe_key, KeyId=names[0]) == ("NotFoundException", f"Alias {arn} is not found.")
