"""The MD5s that SQS promises, computed again from the documentation and without any SDK.

Attributes are sorted by name; name, data type and value are each preceded by their length (4 bytes, big-endian); one
byte before the value tells its kind: 1 text, 2 binary. Source: "SQS message metadata", section on the MD5 digest.
"""

import hashlib
import struct

TEXT, BINARY = 1, 2


def of_body(body):
    """Hex MD5 of the body's UTF-8 bytes."""
    return hashlib.md5(body.encode()).hexdigest()


def of_attributes(attributes):
    """Hex MD5 of message (or message system) attributes in the form in which boto3 takes them."""
    digest = hashlib.md5()
    for name in sorted(attributes):
        attribute = attributes[name]
        kind, value = _value(attribute)
        digest.update(_framed(name.encode()))
        digest.update(_framed(attribute["DataType"].encode()))
        digest.update(bytes([kind]))
        digest.update(_framed(value))
    return digest.hexdigest()


def _value(attribute):
    if attribute["DataType"].startswith("Binary"):
        return BINARY, attribute["BinaryValue"]
    return TEXT, attribute["StringValue"].encode()


def _framed(value):
    return struct.pack(">I", len(value)) + value
