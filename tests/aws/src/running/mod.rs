//! Services whose tasks are containers of a real Docker engine.

mod front;
mod job;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use haute_container::engine::Engine;
use haute_core::event::NullSink;
use haute_core::target::{Cancellation, Context};
use tokio::task::JoinSet;

use crate::rollout::{Change, Status, Task};
use crate::server::Shared;

pub(crate) use front::serve as serve_front;

/// How often the engine's side looks for tasks to run.
const LOOK: Duration = Duration::from_millis(50);

/// A task to run, and where it is.
#[derive(Clone, Debug)]
struct Place {
    cluster: String,
    service: String,
    task: String,
}

/// Runs tasks as they come, until the fake ends; their containers are removed then.
pub(crate) async fn run(shared: Arc<Shared>, engine: Engine) {
    let mut jobs = JoinSet::new();
    let mut taken = BTreeSet::new();
    while !shared.ending.load(Ordering::Relaxed) {
        for place in waiting(&shared, &taken) {
            if taken.insert(place.task.clone()) {
                jobs.spawn(job::run(Arc::clone(&shared), engine.clone(), place));
            }
        }
        // What has ended is of no more use; what it had to tell, it has told.
        while jobs.try_join_next().is_some() {}
        tokio::time::sleep(LOOK).await;
    }
    // Dropping a job removes its container.
    jobs.shutdown().await;
}

/// The tasks nothing runs yet. One that was told to stop before has stopped.
fn waiting(shared: &Shared, taken: &BTreeSet<String>) -> Vec<Place> {
    let mut state = shared.state();
    state.keep_time();
    let now = state.world.ground.now;
    let tasks = state.world.services.values_mut().flat_map(|service| &mut service.tasks);
    let stops =
        |task: &&mut Task| task.engine && task.status == Status::Stopping && !taken.contains(&task.id);
    for task in tasks.filter(stops) {
        task.course.push_back((now, Change::Stopped(None)));
    }
    let services = state.world.services.values();
    services
        .flat_map(|service| {
            let tasks =
                service.tasks.iter().filter(|task| task.engine && task.status == Status::Provisioning);
            tasks.map(|task| Place {
                cluster: service.cluster.clone(),
                service: service.name.clone(),
                task: task.id.clone(),
            })
        })
        .collect()
}

/// A context for calls of the engine: nobody listens, nobody cancels.
fn context() -> Context {
    Context::new(Arc::new(NullSink), Cancellation::default())
}

/// Removes the images that were pulled for tasks.
pub(crate) async fn forget_images(shared: &Shared, engine: &Engine) {
    let pulled: Vec<String> = shared.state().pulled.iter().cloned().collect();
    for name in pulled {
        // One that somebody else uses stays.
        drop(engine.remove(&name).await);
    }
}
