//! What there is: the supervisor, its instances, and who has the port. Reads only.

use std::net::SocketAddr;

use haute_core::Result;
use haute_core::digest::Digest;
use serde_json::json;

use crate::api::{Instance, Served, State, Status, Supervisor};
use crate::owner::{self, Port};

/// What there is.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The supervisor; `None` when there is none.
    pub(crate) supervisor: Option<Status>,
    /// Releases that served at this address, oldest first.
    pub(crate) served: Vec<Served>,
}

impl Observed {
    /// The instance that serves.
    pub(crate) fn serving(&self) -> Option<&Instance> {
        let status = self.supervisor.as_ref()?;
        status.instances.iter().find(|instance| Some(&instance.id) == status.serving.as_ref())
    }

    /// Every instance.
    pub(crate) fn instances(&self) -> &[Instance] {
        self.supervisor.as_ref().map_or(&[], |status| &status.instances)
    }

    /// A digest of what a plan depends on. What passes by itself (an instance that loads, drains or has died) is left out.
    pub(crate) fn fingerprint(&self) -> Digest {
        let instances: Vec<_> = self
            .instances()
            .iter()
            .filter(|instance| instance.state.stays())
            .map(|instance| json!([instance.id, instance.release]))
            .collect();
        let supervisor = self.supervisor.as_ref().map(|status| &status.process);
        let serving = self.serving().map(|instance| json!([instance.id, instance.state == State::Open]));
        Digest::of(json!({"supervisor": supervisor, "serving": serving, "instances": instances}).to_string())
    }
}

/// Looks at an address to take it down: a supervisor that does not answer counts by what it left written.
pub(crate) async fn observe_to_remove(supervisor: &Supervisor, address: SocketAddr) -> Result<Observed> {
    match supervisor.left() {
        Some(left) if left.process.alive().is_some() && supervisor.status().await.is_err() => {
            Ok(Observed { served: left.served.clone(), supervisor: Some(left) })
        }
        _ => observe(supervisor, address).await,
    }
}

/// Looks at an address. Somebody else on the port is an error here already: nothing could be planned.
pub(crate) async fn observe(supervisor: &Supervisor, address: SocketAddr) -> Result<Observed> {
    let status = supervisor.status().await?;
    let left = supervisor.left();
    if status.is_none() {
        let orphans = left.iter().flat_map(|left| &left.instances).filter_map(|one| one.process.alive());
        let orphans: Vec<u32> = orphans.collect();
        match owner::look(address)? {
            Port::Free => {}
            // Children of a supervisor that was killed end by themselves; starting the next one waits for that.
            Port::Taken(Some(owner)) if orphans.contains(&owner.process) => {}
            Port::Taken(owner) => return Err(owner::taken(address, owner.as_ref())),
        }
    }
    Ok(Observed { supervisor: status, served: left.map(|left| left.served).unwrap_or_default() })
}
