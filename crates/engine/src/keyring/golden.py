"""Writes golden.txt: what keyring/tests.rs must write, computed without any of its code. Needs `cryptography`."""
import struct
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode


def derive(key, label, context):
    return KBKDFHMAC(hashes.SHA256(), Mode.CounterMode, 32, 4, 4, CounterLocation.BeforeFixed, label, context, None).derive(key)


class Counting:
    last = 0

    def take(self, count):
        taken = bytes((self.last + 1 + at) % 256 for at in range(count))
        self.last += count
        return taken


ROOT, NOW, PARTITION = bytes([7]) * 32, 1_700_000_000_000, (1 << 56) | 5
chance = Counting()
services = chance.take(32)
key_id = struct.unpack("<I", chance.take(4))[0]
data_key = chance.take(32)
salt = chance.take(12)

again = Counting()
wrapping, nonce = again.take(32), again.take(12)
root_id = derive(ROOT, b"tidewire root key id", b"")[:16]
head = b"TWRW" + bytes([1, 0, 0, 0]) + root_id + nonce
wrapped = head + AESGCM(derive(ROOT, b"tidewire wrap", b"")).encrypt(nonce, wrapping, head + b"tidewire keys")
body = root_id + bytes(20) + struct.pack("<II", 1, len(wrapped)) + struct.pack("<IIQ", key_id, 0, NOW) + wrapped
body += AESGCM(wrapping).encrypt(bytes(12), services + data_key, body)

session = AESGCM(derive(data_key, b"tidewire session", salt))


def seal(what, first, second, kind, version, counter, plain, content):
    head = bytes([1 if content else 0]) + salt + struct.pack("<I", counter)
    bound = struct.pack("<BQQQBB", what, PARTITION, first, second, kind, version) + struct.pack("<I", key_id) + head + content
    return head + session.encrypt(bytes(8) + struct.pack("<I", counter), plain, bound) + content


record = seal(1, 9, 0, 3, 2, 0, b"a message", struct.pack("<QQ", 77, NOW))
state = struct.pack("<I", key_id) + seal(2, 44, 9, 0, 2, 1, b"state", b"")
print(f"keys {body.hex()}\nkey {key_id:08x}\nrecord {record.hex()}\nstate {state.hex()}")
