//! Who waits for records of a queue, and who is woken: on a clock and a disk of the test's own.

use super::*;
use crate::api::{CreateQueueInput, DeleteQueueInput, QueueStreamConfiguration};
use crate::house::{House, poll};
use crate::machine::Reshard;
use crate::ops::queues::{CreateQueue, DeleteQueue};
use std::sync::Arc;

const ALIVE: Wanted =
    Wanted { letters: Letters::Alive, limit: limits::RECORDS_MAX, wait_millis: 20_000, visibility_millis: None };
const DEAD: Wanted = Wanted { letters: Letters::Dead, ..ALIVE };

fn queue(house: &House) -> Arc<QueueEntry> {
    let configuration = QueueStreamConfiguration { stream_arn: house.entry().arn.to_string(), ..Default::default() };
    let input = CreateQueueInput {
        queue_name: "q".into(),
        stream_configuration_list: vec![configuration],
        ..Default::default()
    };
    house.call::<CreateQueue>(input).unwrap();
    house.service().catalog.queues.all().pop().unwrap()
}

#[test]
fn readers_of_dead_letters_take_no_ring_from_who_waits_for_new_records() {
    let house = House::new(false);
    let (service, caller, entry) = (house.service(), house.caller(), queue(&house));
    let mut dead: Vec<_> = (0..3).map(|_| Box::pin(service.receive(&caller, &entry, DEAD))).collect();
    assert!(dead.iter_mut().all(|reader| poll(&mut reader.as_mut()).is_none()));
    let mut alive = pin!(service.receive(&caller, &entry, ALIVE));
    assert!(poll(&mut alive).is_none());
    house.put("x", "k");
    assert!(poll(&mut alive).is_none(), "a receive is durable before it is answered");
    house.store.journal().commit().unwrap();
    assert_eq!(poll(&mut alive).expect("it was woken").unwrap().len(), 1);
    assert!(dead.iter_mut().all(|reader| poll(&mut reader.as_mut()).is_none()));
}

#[test]
fn whoever_waits_is_told_that_the_queue_is_gone() {
    let house = House::new(false);
    let (service, caller, entry) = (house.service(), house.caller(), queue(&house));
    let mut waiting: Vec<_> =
        [ALIVE, DEAD, DEAD].map(|wanted| Box::pin(service.receive(&caller, &entry, wanted))).into();
    assert!(waiting.iter_mut().all(|reader| poll(&mut reader.as_mut()).is_none()));
    house.call::<DeleteQueue>(DeleteQueueInput { queue_arn: entry.arn.to_string() }).unwrap();
    for reader in &mut waiting {
        let refused = poll(&mut reader.as_mut()).expect("there is nothing to wait for").unwrap_err();
        assert_eq!(refused.error.name, "ResourceNotFoundException");
    }
}

#[test]
fn a_receive_that_did_not_see_all_shards_is_not_answered_empty() {
    let house = House::new(false);
    let service = house.service();
    house.done(service.catalog.reshard(&house.entry(), Reshard::Count(2))).unwrap();
    let (entry, stream) = (queue(&house), house.entry());
    (0..80).for_each(|nth| _ = house.put("x", &nth.to_string()));
    let cut = service.sights(&entry, &stream, None, 0);
    assert!(cut.is_cut && cut.sights.len() == 1, "one shard has more than a receive takes: {cut:?}");
    // What if somebody else takes all of that before the queue is asked?
    let nothing = Reply::Received(Vec::new());
    assert!(!is_nothing(&nothing, cut.is_cut) && is_nothing(&nothing, false));
    // Once the shards have less than one receive takes, all of them are seen.
    let mut got = 0;
    while got < 75 {
        let records = house.done(service.receive(&house.caller(), &entry, ALIVE)).unwrap();
        assert!(!records.is_empty());
        got += records.len();
    }
    assert!(!service.sights(&entry, &stream, None, 0).is_cut);
}
