"""Receivers over HTTP that do as a test says: answer, fail, hang, redirect, ask for a login, talk nonsense.

One real server on a port of its own; what it got is kept in order.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import socket
import threading
import time
import urllib.request


class Received:
    """One request."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, headers, body, time.monotonic()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.headers["x-amz-sns-message-type"]


class Receiver:
    """A server; `manner(handler, received)` answers, and answers 200 if it does nothing."""

    def __init__(self, manner=None, port=0, confirm=True, tls=None):
        self.manner, self.confirm, self.got = manner, confirm, []
        self.lock = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                received = Received(self.path, self.headers, body)
                with outer.lock:
                    outer.got.append(received)
                    outer.lock.notify_all()
                if outer.confirm and received.type == "SubscriptionConfirmation":
                    self.answer(200)
                    threading.Thread(target=outer.visit, args=(received.json["SubscribeURL"],)).start()
                    return
                if outer.manner is None or outer.manner(self, received) is None:
                    self.answer(200)

            def answer(self, status, headers=(), body=b"ok"):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request, client_address):
                outer.connections.append(request)
                super().process_request(request, client_address)

        self.connections = []
        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        self.visited = []
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def visit(self, url):
        with urllib.request.urlopen(url, timeout=20) as answer:
            self.visited.append((answer.status, answer.read().decode()))
        with self.lock:
            self.lock.notify_all()

    def url(self, path="/", login="", host="127.0.0.1"):
        return f"{self.scheme}://{login}{host}:{self.port}{path}"

    def wait(self, until, seconds=30):
        """What `until` makes of the requests, as soon as that is something."""
        deadline = time.monotonic() + seconds
        with self.lock:
            while True:
                found = until(list(self.got))
                if found:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"got {[(one.type, one.body[:200]) for one in self.got]}"
                self.lock.wait(min(left, 0.2))

    def of(self, kind, count=1, seconds=30):
        """The first requests of a type, as soon as there are so many."""
        return self.wait(lambda got: (lambda ours: ours if len(ours) >= count else None)([g for g in got if g.type == kind]), seconds)

    def notifications(self, count=1, seconds=30):
        return self.of("Notification", count, seconds)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def basic(user, password):
    """A manner that wants a basic login."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def manner(handler, received):
        if received.headers.get("authorization") != expected:
            return handler.answer(401, [("www-authenticate", 'Basic realm="r"')])
        return None

    return manner


def digest(user, password):
    """A manner that wants a digest of a login, and checks it as RFC 7616 says."""

    def manner(handler, received):
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', received.headers.get("authorization", "")))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
        ours = md5(f"{user}:r:{password}")
        theirs = md5(f"POST:{received.path}")
        expected = md5(f"{ours}:n0nce:{given.get('nc')}:{given.get('cnonce')}:auth:{theirs}")
        if given.get("response") != expected:
            return handler.answer(401, [("www-authenticate", 'Digest realm="r", nonce="n0nce", qop="auth", algorithm=MD5')])
        return None

    return manner
