//! What has become of a deployment.
//!
//! ECS says that a service is stable whenever any revision of it is, also after it went back to the old one. So one deployment is
//! followed by its id, from the call that began it, and only that deployment's own success is success.
//!
//! There is no I/O here: [`Watch`] is given what was read and says what it means. Where reads may be stale, it waits for another one;
//! where two readings are possible, it takes the one that is not success.

mod events;
mod outcome;
mod text;
mod verdict;
mod watch;
mod watched;

#[cfg(test)]
mod tests;

pub use events::EventCursor;
pub use outcome::{Counts, Newer, Pause, Rollout};
pub use text::{heartbeat, revision_name, what_runs};
pub use watch::{Observation, Rules, Watch};
pub use watched::{Baseline, Watched};
