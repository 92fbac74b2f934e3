//! What sealing and opening one record costs, by size: `cargo run --release -p seal --example seal_speed`.
//!
//! Every round uses another nonce and the same buffers, as a journal does; printed is the best of five rounds.

use seal::{Key, TAG_BYTES};
use std::hint::black_box;

const ROUNDS: usize = 5;

fn main() {
    let key = Key::new(&[7; 32]);
    for bytes in [100, 1024, 65_536] {
        let (seal, open) = measure(&key, bytes);
        say(&format!("{bytes:>6} B: seal {seal:>8.1} ns, open {open:>8.1} ns, {:.2} GB/s", bytes as f64 / seal));
    }
    let set_up = best(100_000, |_| drop(black_box(Key::new(black_box(&[7; 32])))));
    let derive = best(100_000, |_| drop(black_box(key.derive(b"label", b"context"))));
    say(&format!("set up a key {set_up:.1} ns, derive one {derive:.1} ns"));
}

fn measure(key: &Key, bytes: usize) -> (f64, f64) {
    let (plain, aad) = (vec![0x5a; bytes], [1; 17]);
    let times = (200_000_000 / (bytes + 500)).min(500_000) as u64;
    let mut sealed = Vec::with_capacity(bytes + TAG_BYTES);
    let seal = best(times, |round| {
        sealed.clear();
        key.seal(&nonce(round), &aad, black_box(&plain), &mut sealed);
    });
    sealed.clear();
    key.seal(&nonce(1), &aad, &plain, &mut sealed);
    let mut out = vec![0; bytes];
    let open = best(times, |_| {
        key.open_into(&nonce(1), &aad, black_box(&sealed), &mut out).expect("it was sealed so");
    });
    (seal, open)
}

fn nonce(round: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&round.to_le_bytes());
    nonce
}

/// Nanoseconds of one call.
#[expect(clippy::disallowed_methods, reason = "an example that measures time needs a clock")]
fn best(times: u64, mut call: impl FnMut(u64)) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = std::time::Instant::now();
        (0..times).for_each(&mut call);
        best = best.min(start.elapsed().as_nanos() as f64 / times as f64);
    }
    best
}

#[expect(clippy::print_stdout, reason = "a measurement is for who runs it")]
fn say(line: &str) {
    println!("{line}");
}
