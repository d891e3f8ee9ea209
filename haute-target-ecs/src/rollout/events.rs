//! A service's events, each once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Service, ServiceEvent};

/// Yields each event of a service once, oldest first, from the update on.
///
/// Where the update is in the stream is told by ECS's own ids and clock, never by the clock of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCursor {
    since: Option<Timestamp>,
    known: BTreeSet<String>,
}

impl EventCursor {
    /// From here on: the events that `before`, read just before the update, holds are known.
    pub fn after(before: &Service) -> Self {
        Self {
            since: before.events.iter().filter_map(|event| event.created_at).max(),
            known: before.events.iter().map(key).collect(),
        }
    }

    /// From this time on, by the clock of ECS, such as that of the deployment's beginning.
    pub fn since(time: Timestamp) -> Self {
        Self { since: Some(time), known: BTreeSet::new() }
    }

    /// The events of `service` that were not yielded before.
    pub fn fresh(&mut self, service: &Service) -> Vec<ServiceEvent> {
        // ECS tells the newest first; of two of one moment the one told later is the older one.
        let mut fresh: Vec<&ServiceEvent> = service.events.iter().rev().collect();
        fresh.sort_by_key(|event| event.created_at);
        fresh
            .into_iter()
            .filter(|event| {
                self.since.is_none() || event.created_at.is_none() || event.created_at >= self.since
            })
            .filter(|event| self.known.insert(key(event)))
            .cloned()
            .collect()
    }
}

fn key(event: &ServiceEvent) -> String {
    if event.id.is_empty() {
        let time = event.created_at.map(Timestamp::as_millisecond).unwrap_or_default();
        return format!("{time} {}", event.message);
    }
    event.id.clone()
}
