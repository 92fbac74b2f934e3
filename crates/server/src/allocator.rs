//! The program's allocator.
//!
//! A request takes some twenty small allocations, and what one worker allocates another often frees; mimalloc is made for
//! that, and keeps freed memory for a second, which is what queues that fill and drain by turns want (ADR 0006 has the
//! measurement).

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
