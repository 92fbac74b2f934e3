//! A queue inside a machine of a service's own: what that machine answers for its messages, written once.
//!
//! The service's machine says what its queue is called and set to, and wraps commands, effects and replies; what the engine asks
//! about messages goes to the queue as it is, unless the machine is over, which holds nothing and has an answer for whoever waits.

/// Inside `impl Machine for` a machine that has a [`Queue`](crate::Queue) in this field and an effect `Queue(queue::Effect)`:
/// `queue::answers_for_messages!(queue);`.
#[macro_export]
macro_rules! answers_for_messages {
    ($queue:ident) => {
        fn next_deadline(&self) -> Option<::names::Instant> {
            self.$queue.next_deadline()
        }

        fn next_expiry(&self) -> Option<::names::Instant> {
            self.$queue.next_expiry()
        }

        fn tally(&self) -> ::engine::Tally {
            ::engine::Tally(self.$queue.sizes().map(|count| count as u64))
        }

        fn ready(&self) -> usize {
            if self.is_over() { usize::MAX } else { self.$queue.ready() }
        }

        fn take_stirred(&mut self) -> ::engine::Stirred {
            if self.is_over() { ::engine::Stirred::All } else { self.$queue.take_stirred() }
        }

        fn take_cold(&mut self) -> Vec<u64> {
            self.$queue.take_cold()
        }

        fn content(effect: Self::Effect) -> Option<(u64, $crate::Message)> {
            match effect {
                Self::Effect::Queue(effect) => $crate::Queue::content(effect),
                _ => None,
            }
        }

        fn holds(&self, sequence: u64) -> bool {
            self.$queue.holds(sequence)
        }

        fn first_held(&self) -> u64 {
            if self.is_over() { u64::MAX } else { self.$queue.first_kept() }
        }

        fn held_within(&self, sequences: ::std::ops::Range<u64>) -> u64 {
            self.$queue.held_within(sequences)
        }
    };
}
