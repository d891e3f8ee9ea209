//! How far an image is, in one line: layers are fetched, made and sent side by side, and nobody wants to read six counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haute_core::event::{Event, EventSink};
use haute_core::target::Context;

/// Sums what is told of all layers.
pub(super) struct Gauge {
    events: Arc<dyn EventSink>,
    layers: u64,
    done: AtomicU64,
    fetched: AtomicU64,
    sent: AtomicU64,
}

impl Gauge {
    pub(super) fn new(context: &Context, layers: usize) -> Arc<Self> {
        Arc::new(Self {
            events: Arc::clone(&context.events),
            layers: layers as u64,
            done: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        })
    }

    /// A context whose counts of fetched bytes are added to the sum; everything else is passed on.
    pub(super) fn fetching(self: &Arc<Self>, context: &Context) -> Context {
        let sink = Fetching { gauge: Arc::clone(self), before: AtomicU64::new(0) };
        Context::new(Arc::new(sink), context.cancelled.clone())
    }

    /// Something that is sent: tells how much of it has left. A number that falls is an attempt that starts over.
    pub(super) fn sending(self: &Arc<Self>) -> impl Fn(u64) + Send + Sync + use<> {
        let (gauge, before) = (Arc::clone(self), AtomicU64::new(0));
        move |now| {
            gauge.sent.fetch_add(now.saturating_sub(before.swap(now, Ordering::Relaxed)), Ordering::Relaxed);
            gauge.tell();
        }
    }

    /// Something that is fetched: tells how much of it has arrived.
    pub(super) fn receiving(self: &Arc<Self>) -> impl Fn(u64) + Send + Sync + use<> {
        let (gauge, before) = (Arc::clone(self), AtomicU64::new(0));
        move |now| {
            gauge
                .fetched
                .fetch_add(now.saturating_sub(before.swap(now, Ordering::Relaxed)), Ordering::Relaxed);
            gauge.tell();
        }
    }

    /// One more layer is in its place.
    pub(super) fn layer_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let megabytes = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed) / 1_000_000;
        let mut parts = Vec::new();
        for (what, bytes) in [("fetched", &self.fetched), ("sent", &self.sent)] {
            if megabytes(bytes) > 0 {
                parts.push(format!("{} MB {what}", megabytes(bytes)));
            }
        }
        if parts.is_empty() {
            parts.push("putting the image together".to_owned());
        }
        self.events.emit(&Event::Progress {
            activity: parts.join(", "),
            done: self.done.load(Ordering::Relaxed),
            total: Some(self.layers),
            unit: "layers".to_owned(),
        });
    }
}

/// Turns the progress of one fetch into a part of the sum.
struct Fetching {
    gauge: Arc<Gauge>,
    before: AtomicU64,
}

impl EventSink for Fetching {
    fn emit(&self, event: &Event) {
        match event {
            Event::Progress { done, unit, .. } if unit == "bytes" => {
                let more = done.saturating_sub(self.before.swap(*done, Ordering::Relaxed));
                self.gauge.fetched.fetch_add(more, Ordering::Relaxed);
                self.gauge.tell();
            }
            other => self.gauge.events.emit(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use haute_core::event::RecordingSink;
    use haute_core::target::Cancellation;

    use super::*;

    #[test]
    fn all_layers_are_one_line() {
        let sink = Arc::new(RecordingSink::default());
        let context = Context::new(Arc::clone(&sink) as Arc<dyn EventSink>, Cancellation::default());
        let gauge = Gauge::new(&context, 3);
        let bytes =
            |done| Event::Progress { activity: "x".to_owned(), done, total: None, unit: "bytes".to_owned() };
        let (one, two) = (gauge.fetching(&context), gauge.fetching(&context));
        one.events.emit(&bytes(2_000_000));
        two.events.emit(&bytes(5_000_000));
        let send = gauge.sending();
        send(4_000_000);
        // A second attempt sends the same again: more left this machine.
        send(0);
        send(1_000_000);
        gauge.layer_done();
        let last = sink.events().pop().unwrap();
        assert_eq!(
            last,
            Event::Progress {
                activity: "7 MB fetched, 5 MB sent".to_owned(),
                done: 1,
                total: Some(3),
                unit: "layers".to_owned(),
            }
        );
    }
}
