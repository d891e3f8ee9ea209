//! Events come once, the oldest first.

use proptest::prelude::*;
use serde_json::json;

use crate::model::{self, Service};
use crate::rollout::EventCursor;

/// A service whose newest event is number `newest`, of which the last `shown` can be seen.
fn service(newest: u32, shown: u32) -> Service {
    let events: Vec<_> = (newest.saturating_sub(shown)..newest)
        .rev()
        // Two events each share a moment.
        .map(|at| json!({"id": format!("e{at}"), "createdAt": 1000 + at / 2, "message": format!("event {at}")}))
        .collect();
    model::read(json!({"events": events})).expect("it is read")
}

fn messages(cursor: &mut EventCursor, service: &Service) -> Vec<String> {
    cursor.fresh(service).into_iter().map(|event| event.message).collect()
}

#[test]
fn what_was_there_before_the_update_is_known() {
    let mut cursor = EventCursor::after(&service(4, 4));
    assert!(messages(&mut cursor, &service(4, 4)).is_empty());
    assert_eq!(messages(&mut cursor, &service(6, 6)), ["event 4", "event 5"]);
    assert!(messages(&mut cursor, &service(5, 5)).is_empty(), "a stale read tells nothing anew");
    assert_eq!(messages(&mut cursor, &service(7, 3)), ["event 6"]);
}

#[test]
fn a_time_is_as_good_as_a_read() {
    let mut cursor = EventCursor::since(jiff::Timestamp::from_second(1002).expect("a time"));
    assert_eq!(messages(&mut cursor, &service(6, 6)), ["event 4", "event 5"]);
}

#[test]
fn events_without_ids_are_told_apart_by_time_and_text() {
    let told: Service = model::read(json!({"events": [
        {"createdAt": 2, "message": "b"}, {"createdAt": 1, "message": "b"}, {"createdAt": 1, "message": "a"}
    ]}))
    .expect("it is read");
    let mut cursor = EventCursor::default();
    assert_eq!(messages(&mut cursor, &told), ["a", "b", "b"]);
    assert!(messages(&mut cursor, &told).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is read, in whatever order of stale and fresh reads: nothing twice, nothing of before, and with fresh reads often
    /// enough nothing missed and all in order.
    #[test]
    fn once_each_and_in_order(before in 0_u32..120, steps in proptest::collection::vec((0_u32..40, 0_u32..3), 1..20)) {
        let mut cursor = EventCursor::after(&service(before, 100));
        let mut newest = before;
        let mut told: Vec<String> = Vec::new();
        for (more, lag) in steps {
            newest += more;
            told.extend(messages(&mut cursor, &service(newest.saturating_sub(lag), 100)));
        }
        told.extend(messages(&mut cursor, &service(newest, 100)));
        let expected: Vec<String> = (before..newest).map(|at| format!("event {at}")).collect();
        prop_assert_eq!(told, expected);
    }
}
