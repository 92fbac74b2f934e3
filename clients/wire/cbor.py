"""A small CBOR codec, enough for rpcv2Cbor: integers, bytes, text, lists, maps, tags, floats, true, false, null.

In: Python values or bytes. Out: the other. Definite and indefinite lengths are read, definite ones are written. Source:
RFC 8949, sections 3 and 3.1. Layout of an item: one byte (major type in the upper 3 bits), then its argument.
"""

import struct

UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, SIMPLE = range(8)
FALSE, TRUE, NULL, UNDEFINED = 20, 21, 22, 23
WIDTHS = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
FLOATS = {25: ">e", 26: ">f", 27: ">d"}
INDEFINITE, BREAK = 31, 0xFF


def encode(value):
    """The bytes of one value."""
    if value is None or isinstance(value, bool):
        return bytes([SIMPLE << 5 | {None: NULL, True: TRUE, False: FALSE}[value]])
    if isinstance(value, int):
        return _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)
    if isinstance(value, float):
        return bytes([SIMPLE << 5 | 27]) + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(BYTES, len(value)) + value
    if isinstance(value, str):
        return _head(TEXT, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _head(MAP, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
    return _head(LIST, len(value)) + b"".join(encode(item) for item in value)


def encode_indefinite(value):
    """Like `encode`, but every map and list is written with an open end and every text in two pieces."""
    if isinstance(value, dict):
        items = b"".join(encode(key) + encode_indefinite(item) for key, item in value.items())
        return bytes([MAP << 5 | INDEFINITE]) + items + bytes([BREAK])
    if isinstance(value, list):
        return bytes([LIST << 5 | INDEFINITE]) + b"".join(map(encode_indefinite, value)) + bytes([BREAK])
    if isinstance(value, str):
        half = len(value) // 2
        return bytes([TEXT << 5 | INDEFINITE]) + encode(value[:half]) + encode(value[half:]) + bytes([BREAK])
    return encode(value)


def _head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for extra, width in WIDTHS.items():
        if argument < 1 << (8 * struct.calcsize(width)):
            return bytes([major << 5 | extra]) + struct.pack(width, argument)
    raise ValueError(f"{argument} does not fit 64 bits")


def decode(data):
    """The one value that `data` holds; anything left over is an error."""
    value, rest = _item(data)
    if rest:
        raise ValueError(f"{len(rest)} bytes after the value")
    return value


def _item(data):
    major, extra, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == SIMPLE:
        return _simple(extra, data)
    if extra == INDEFINITE:
        return _open_ended(major, data)
    argument, data = _argument(extra, data)
    if major in (UNSIGNED, NEGATIVE):
        return (argument if major == UNSIGNED else -1 - argument), data
    if major in (BYTES, TEXT):
        value = data[:argument]
        return (value if major == BYTES else value.decode()), data[argument:]
    if major == TAG:
        return _item(data)
    return _counted(major, argument, data)


def _argument(extra, data):
    if extra < 24:
        return extra, data
    width = struct.calcsize(WIDTHS[extra])
    return struct.unpack(WIDTHS[extra], data[:width])[0], data[width:]


def _counted(major, number, data):
    items = []
    for _ in range(number * (2 if major == MAP else 1)):
        value, data = _item(data)
        items.append(value)
    return (dict(zip(items[::2], items[1::2])) if major == MAP else items), data


def _open_ended(major, data):
    items = []
    while data[0] != BREAK:
        value, data = _item(data)
        items.append(value)
    if major == MAP:
        return dict(zip(items[::2], items[1::2])), data[1:]
    if major == LIST:
        return items, data[1:]
    return (b"" if major == BYTES else "").join(items), data[1:]


def _simple(extra, data):
    if extra in FLOATS:
        width = struct.calcsize(FLOATS[extra])
        return struct.unpack(FLOATS[extra], data[:width])[0], data[width:]
    return {FALSE: False, TRUE: True, NULL: None, UNDEFINED: None}[extra], data
