//! What the service does by itself.

use super::*;
use crate::house::House;
use engine::Clock;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[test]
fn subscriptions_that_nobody_confirmed_go_in_one_step_of_the_disk() {
    let house = House::on_disk();
    let topic = house.topic("t", &[]);
    for nth in 0..20 {
        house.subscribe(&topic, ("http", &format!("http://receiver-{nth}.example/")), &[]).unwrap();
    }
    assert_eq!(house.inner.outboxes.all().len(), 20);
    house.clock.advance_millis(limits::PENDING_MILLIS);
    let sns = Sns::over(Arc::clone(&house.inner));
    let (mut tending, mut context) = (pin!(sns.tend(house.clock.now())), Context::from_waker(Waker::noop()));
    assert!(tending.as_mut().poll(&mut context).is_pending(), "the disk has none of it");
    house.commit();
    assert!(matches!(tending.as_mut().poll(&mut context), Poll::Ready(())));
    assert!(house.inner.outboxes.all().is_empty());
}
