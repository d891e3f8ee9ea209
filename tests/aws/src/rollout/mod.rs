//! How a service goes from one task definition to another, second by second.

mod behaviour;
mod breaker;
mod changes;
mod complete;
mod launch;
mod model;
pub(crate) mod start;
pub(crate) mod step;

pub use behaviour::{Behaviour, Happening, Script};
pub(crate) use breaker::{go_back, threshold};
pub(crate) use model::{Change, Container, Deployment, Habits, Service, ServiceDeployment, Status, Task};

use crate::world::Ground;
use model::Event;

impl Service {
    /// Adds an event; `text` is what stands behind `(service motor) `.
    pub(crate) fn tell(&mut self, ground: &mut Ground, text: &str) {
        let message = format!("(service {}) {text}", self.name);
        self.events.push_front(Event { id: ground.identifiers.uuid(), at: ground.now, message });
        self.events.truncate(100);
    }

    /// The same, unless it was told in the last minute.
    fn tell_once(&mut self, ground: &mut Ground, text: &str) {
        let message = format!("(service {}) {text}", self.name);
        let since = ground.now.saturating_sub(std::time::Duration::from_mins(1));
        if !self.events.iter().any(|event| event.message == message && event.at > since) {
            self.tell(ground, text);
        }
    }

    pub(crate) fn deployment(&mut self, id: &str) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|deployment| deployment.id == id)
    }

    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.primary)
    }

    /// The service deployment of a deployment.
    pub(crate) fn told(&mut self, service_deployment: &str) -> Option<&mut ServiceDeployment> {
        self.history.iter_mut().find(|told| told.arn == service_deployment)
    }

    /// The first target group it is registered at.
    pub(crate) fn target_group(&self) -> Option<String> {
        let balancers = self.fields.get("loadBalancers")?.as_array()?;
        balancers.iter().find_map(|one| Some(one.get("targetGroupArn")?.as_str()?.to_owned()))
    }

    /// A number of its deployment configuration.
    fn percent(&self, name: &str, otherwise: usize) -> usize {
        let value = self.configuration.get(name).and_then(serde_json::Value::as_u64);
        value.and_then(|value| usize::try_from(value).ok()).unwrap_or(otherwise)
    }

    /// Whether a switch below its deployment configuration is on: `deploymentCircuitBreaker`, `enable`.
    pub(crate) fn switch(&self, group: &str, name: &str) -> bool {
        self.configuration.get(group).and_then(|group| group.get(name)).and_then(serde_json::Value::as_bool)
            == Some(true)
    }
}
