//! Whether a server has read what was sent to it, as the kernel tells it: `/proc/net/tcp`, proc_pid_net(5).
//!
//! A line there has, in hexadecimal, the local address, the remote one, the state and `sent and not acknowledged:received
//! and not read`. On one machine both ends of a connection have a line.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a busy machine may take for what takes microseconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the server has read everything that was sent over these connections.
pub(crate) fn await_read<'a>(streams: impl IntoIterator<Item = &'a TcpStream>) {
    let began = Instant::now();
    for stream in streams {
        let (client, server) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        // First all has arrived, then all is read: nothing more is sent meanwhile, so each stays true.
        for (local, remote, column) in [(client, server, 0), (server, client, 1)] {
            while queued(local, remote, column) != Some(0) {
                assert!(began.elapsed() < PATIENCE, "the server does not read");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Bytes in one of the two queues of the end of a connection that has this local address.
fn queued(local: SocketAddr, remote: SocketAddr, column: usize) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let (local, remote) = (in_hex(local), in_hex(remote));
    let queues = table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[1] == local && words[2] == remote).then(|| words[4].to_owned())
    })?;
    u64::from_str_radix(queues.split(':').nth(column)?, 16).ok()
}

/// An address as the table has it: the four bytes as one number of the machine's own order.
fn in_hex(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("{address} is of another table") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}
