//! What can go wrong.

use std::time::Duration;

use super::answer::Answer;
use super::gate::Gate;

/// One thing that goes wrong with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The request takes this much longer.
    Delay(Duration),
    /// The connection is reset.
    Reset(Moment),
    /// The request is read, its body dropped, and answered so; the registry never sees it.
    Answer(Answer),
    /// Answered so before the body of the request is read, and closed once the client has gone.
    AnswerEarly(Answer),
    /// The registry does it, and the answer is replaced.
    Replace(Answer),
    /// The registry's answer, with another status.
    Status(u16),
    /// The registry's answer, with a header set, or taken away.
    Header(&'static str, Option<String>),
    /// The registry's answer, whose body ends after this many bytes, though its head promises all.
    Truncate(usize),
    /// The registry's answer, whose head names this length.
    Length(u64),
    /// The registry's answer with one byte of its body changed.
    Corrupt,
    /// The registry's answer in pieces of `piece` bytes, with a pause after each.
    Trickle {
        /// Bytes at a time.
        piece: usize,
        /// After each.
        pause: Duration,
    },
    /// Sent to the same place at another address, such as `http://127.0.0.1:4711` (307).
    Redirect(String),
    /// An upload breaks off after this many bytes, and the registry keeps them and says so when it is asked for the upload
    /// (distribution-spec 1.1, "Resuming"). Debian's registry forgets an upload that breaks off, so the proxy stores the
    /// beginning as a part of its own and answers in the registry's place.
    Keep(u64),
    /// The registry gets the request without its query: a mount becomes an ordinary upload.
    WithoutQuery,
    /// Never answered, until the client gives up.
    Hang,
    /// Waits at the gate once `after` bytes of the body have arrived; then goes on as if nothing had been.
    Hold {
        /// In bytes of the request's body.
        after: u64,
        /// Where.
        gate: Gate,
    },
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the request is read; the registry never sees it.
    BeforeAnswer,
    /// When the registry has done it; the client never hears of it.
    AfterEffect,
    /// When this many bytes of the request's body have arrived. The registry sees an upload that breaks off.
    InRequest(u64),
    /// When this many bytes of the answer's body are sent.
    InAnswer(usize),
}
