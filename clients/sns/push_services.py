"""Apple's, Google's and Amazon's push services as far as senders see them, behind a real HTTP/2 server.

One server stands for all three. What proves who sends is checked with a JWT library and keys of the test's own; what is answered
is a test's to say.
"""

import asyncio
import json
import ssl
import threading
import time
import urllib.parse

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from datetime import datetime, timedelta, timezone
from hypercorn.asyncio import serve
from hypercorn.config import Config


def pem_of(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


class Asked:
    """One request."""

    def __init__(self, scope, body):
        self.path, self.method, self.version = scope["path"], scope["method"], scope["http_version"]
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class PushServices:
    """Keeps what it is asked; `manner(asked)` gives a status and a body, or nothing for a success."""

    def __init__(self, port, folder=None):
        self.port, self.asked, self.granted, self.manner = port, [], 0, None
        self.lock = threading.Condition()
        self.apple_key, self.google_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
        self.refuse_tokens = set()
        config = Config()
        config.bind, config.accesslog, config.errorlog = [f"127.0.0.1:{port}"], None, None
        self.scheme = "http"
        if folder:
            self.scheme = "https"
            self.authority, self.client = certificates(folder)
            config.certfile, config.keyfile = str(folder / "server.pem"), str(folder / "server.key")
            config.ca_certs, config.verify_mode = str(folder / "ca.pem"), ssl.CERT_REQUIRED
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(config,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.port}"

    def run(self, config):
        async def until_stopped():
            while not self.stopped.is_set():
                await asyncio.sleep(0.05)

        asyncio.run(serve(self.answer, config, shutdown_trigger=until_stopped))

    def close(self):
        self.stopped.set()
        self.thread.join(10)

    async def answer(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        asked = Asked(scope, body)
        status, answer = self.decide(asked)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def decide(self, asked):
        if asked.path.endswith("/token"):
            return self.grant(asked)
        with self.lock:
            self.asked.append(asked)
            self.lock.notify_all()
        if refused := self.check(asked):
            return refused
        return (self.manner and self.manner(asked)) or (200, {"name": "sent", "registrationID": "r"})

    def grant(self, asked):
        """RFC 6749's answer, to whom it may be given."""
        form = {name: values[0] for name, values in urllib.parse.parse_qs(asked.body.decode()).items()}
        if form["grant_type"] == "client_credentials":
            if (form["client_id"], form["client_secret"], form["scope"]) != ("amzn1.client", "s&cret=1", "messaging:push"):
                return 401, {"error": "invalid_client"}
        else:
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            audience = f"{self.url}{asked.path}"
            claims = jwt.decode(form["assertion"], self.google_key.public_key(), ["RS256"], audience=audience)
            assert claims["iss"] == "sender@project.iam" and claims["scope"].endswith("/auth/firebase.messaging")
        with self.lock:
            self.granted += 1
            # As long as Google's.
            return 200, {"access_token": f"access-{self.granted}-" + "x" * 1500, "expires_in": 3600}

    def check(self, asked):
        if asked.path.startswith("/3/device/"):
            assert asked.version == "2", "Apple's service speaks nothing else"
            if self.scheme == "https":
                assert "authorization" not in asked.headers, "the certificate says it"
                return None
            kind, token = asked.headers["authorization"].split(" ")
            claims = jwt.decode(token, self.apple_key.public_key(), ["ES256"])
            assert kind == "bearer" and jwt.get_unverified_header(token)["kid"] == "ABC123DEFG"
            assert claims["iss"] == "TEAM123456" and abs(claims["iat"] - time.time()) < 60
            return None
        token = asked.headers["authorization"].split(" ")[1].split("-")[1]
        if token in self.refuse_tokens:
            return 401, {"error": {"status": "UNAUTHENTICATED"}}
        return None

    def apns_attributes(self):
        return {
            "PlatformCredential": pem_of(self.apple_key),
            "PlatformPrincipal": "ABC123DEFG",
            "ApplePlatformTeamID": "TEAM123456",
            "ApplePlatformBundleID": "org.example.app",
        }

    def fcm_attributes(self):
        account = {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "k1",
            "private_key": pem_of(self.google_key),
            "client_email": "sender@project.iam",
            "token_uri": "http://169.254.169.254/never",
        }
        return {"PlatformCredential": json.dumps(account)}

    def wait(self, count=1, seconds=30, of=""):
        """The first requests for a path, as soon as there are so many."""
        deadline = time.monotonic() + seconds
        with self.lock:
            while len(found := [asked for asked in self.asked if of in asked.path]) < count:
                assert time.monotonic() < deadline, [(asked.path, asked.body[:200]) for asked in self.asked]
                self.lock.wait(0.2)
            return found


def certificates(folder):
    """An authority, a server's certificate and a client's, as files; the client's as two texts in PEM."""

    def certificate(name, key, issuer, issuer_key, is_authority):
        now = datetime.now(timezone.utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        return builder.sign(issuer_key, hashes.SHA256())

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    authority = certificate("authority", keys[0], None, keys[0], True)
    made = [certificate(name, key, authority.subject, keys[0], False) for name, key in (("server", keys[1]), ("client", keys[2]))]
    text = lambda one: one.public_bytes(serialization.Encoding.PEM).decode()  # noqa: E731
    (folder / "ca.pem").write_text(text(authority))
    (folder / "server.pem").write_text(text(made[0]))
    (folder / "server.key").write_text(pem_of(keys[1]))
    return folder / "ca.pem", (text(made[1]), pem_of(keys[2]))
