//! What a server says about itself while it stops: a request in flight holds the stop up, and those who ask meanwhile
//! whether to send more are told no.
//!
//! A stopping server takes no new connection, and closes those that have nothing under way. Asked can be only on a
//! connection whose request had begun before, as the probe of a load balancer may have.

use crate::arrived::await_read;
use crate::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A request of which everything but the last line end was sent.
struct Begun(TcpStream);

impl Begun {
    fn get(server: &Server, path: &str) -> Self {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n").unwrap();
        Self(stream)
    }

    /// Sends the rest; the whole answer, up to the end of the connection.
    fn answer(mut self, rest: &str) -> String {
        self.0.write_all(rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A send whose body is still under way.
fn send_begun(server: &Server, body: &str) -> Begun {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let (address, length) = (&server.address, body.len());
    let target = "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.CreateQueue";
    write!(stream, "POST / HTTP/1.1\r\nHost: {address}\r\n{target}\r\nContent-Length: {length}\r\n\r\n").unwrap();
    stream.write_all(&body.as_bytes()[..1]).unwrap();
    Begun(stream)
}

/// Waits until the server takes no connection any more: it has begun to stop.
fn await_stopping(server: &Server) {
    let began = Instant::now();
    while TcpStream::connect(&server.address).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(120), "the server does not stop listening");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn serve(stop_timeout_secs: &str) -> Server {
    let words = ["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--http-stop-timeout-secs", stop_timeout_secs];
    Server::start(&words)
}

#[test]
fn what_is_under_way_has_the_time_that_is_set_and_is_cut_after_it() {
    let body = r#"{"QueueName": "late"}"#;
    let patient = serve("120");
    let send = send_begun(&patient, body);
    await_read([&send.0]);
    patient.terminate();
    await_stopping(&patient);
    // Longer than the ten seconds that a server waits which is told nothing.
    std::thread::sleep(Duration::from_secs(11));
    let made = send.answer(&body[1..]);
    assert!(made.starts_with("HTTP/1.1 200 OK\r\n"), "{made}");
    let (code, log) = patient.ended();
    assert!(code == Some(0) && !log.contains("are cut"), "{log}");

    let hasty = serve("1");
    let send = send_begun(&hasty, body);
    await_read([&send.0]);
    let (code, log) = hasty.stop();
    assert!(code == Some(0) && log.contains("are cut") && log.contains("seconds=1"), "{log}");
}

#[test]
fn a_stopping_server_is_not_ready_but_healthy_and_finishes_what_it_has_begun() {
    let server = serve("120");
    for path in ["/readyz", "/healthz"] {
        let before = Begun::get(&server, path).answer("Connection: close\r\n\r\n");
        assert!(before.starts_with("HTTP/1.1 200 OK\r\n") && before.ends_with("\r\n\r\nok\n"), "{path}: {before}");
    }
    let body = r#"{"QueueName": "made-while-stopping"}"#;
    let send = send_begun(&server, body);
    let [ready, healthy, alias] = ["/readyz", "/healthz", "/health"].map(|path| Begun::get(&server, path));
    // A connection of which nothing was read yet is idle, and closed at once.
    await_read([&send, &ready, &healthy, &alias].map(|begun| &begun.0));
    server.terminate();
    await_stopping(&server);

    let ready = ready.answer("\r\n");
    assert!(ready.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{ready}");
    assert!(ready.ends_with("\r\n\r\nstopping\n"), "{ready}");
    assert!(ready.contains("connection: close\r\n"), "{ready}");
    for healthy in [healthy, alias] {
        let healthy = healthy.answer("\r\n");
        assert!(healthy.starts_with("HTTP/1.1 200 OK\r\n") && healthy.ends_with("\r\n\r\nok\n"), "{healthy}");
    }
    let made = send.answer(&body[1..]);
    assert!(made.starts_with("HTTP/1.1 200 OK\r\n") && made.contains("made-while-stopping"), "{made}");
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("are cut"), "nothing was left to be cut: {log}");
}
