//! The program's allocator.
//!
//! A request takes some twenty small allocations, and what one worker allocates another often frees; mimalloc is made for
//! that (ADR 0006 has the measurement).

use libmimalloc_sys::{mi_option_set, mi_option_t};
use std::ffi::c_long;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of the allocator's C header, which its crate does not name.
const PURGE_DELAY: mi_option_t = 15;

/// How long freed memory is kept for the next burst; ten times as long where it is whole regions. The default of 10 ms
/// gives it back so soon that the kernel has to clear it again where queues fill and drain by turns, which was a fifth of
/// the cost of a batch of messages.
const MEMORY_KEPT_MILLIS: c_long = 1000;

/// Sets how long freed memory is kept. Called once, before there are other threads.
#[expect(unsafe_code, reason = "the allocator has no safe interface to its options")]
pub(crate) fn keep_memory() {
    // SAFETY: the option is one of the allocator's, and no other thread runs yet.
    unsafe { mi_option_set(PURGE_DELAY, MEMORY_KEPT_MILLIS) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    #[test]
    #[expect(unsafe_code, reason = "the allocator has no safe interface to its options")]
    fn the_option_is_the_one_whose_default_is_ten_milliseconds() {
        // SAFETY: reading an option changes nothing.
        assert_eq!(unsafe { mi_option_get(PURGE_DELAY) }, 10);
    }
}
