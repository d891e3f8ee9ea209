//! The memory target through every check.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haute_conformance::{Fixture, make_release, prove};
use haute_core::target::{DeployTarget, MemoryTarget, MemoryWorld, ProvenRelease};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

struct Memory {
    directory: TempDir,
    world: MemoryWorld,
}

impl Memory {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), world: MemoryWorld::new() }
    }

    fn slow() -> Self {
        let memory = Self::new();
        memory.world.pending_polls_after_write(3);
        memory
    }

    fn stale() -> Self {
        let memory = Self::new();
        memory.world.stale_reads_after_write(1);
        memory
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[async_trait]
impl Fixture for Memory {
    fn project_root(&self) -> &Path {
        self.directory.path()
    }

    fn target(&self) -> Arc<dyn DeployTarget> {
        Arc::new(MemoryTarget::new(self.world.clone()))
    }

    fn release(&self, number: usize) -> ProvenRelease {
        let directory = self.directory.path().join(format!("release-{number}"));
        let release = make_release(&directory, &format!("motor-{number}"), "3.11", &[]).unwrap();
        let answer = json!({"premium": 100.0 + f64::from(u32::try_from(number).unwrap())});
        prove(release, &[(object(&json!({"IDpol": 1})), object(&answer))]).unwrap()
    }

    async fn world(&self) -> String {
        format!("{} writes, {:?} of {:?}", self.world.writes(), self.world.serving(), self.world.running())
    }
}

mod plain {
    use super::Memory;
    haute_conformance::conformance!(Memory::new());
}

/// A world that needs a while after each change.
mod slow {
    use super::Memory;
    haute_conformance::conformance!(Memory::slow());
}

/// A world whose first read after a change still shows what was before (C10).
mod stale {
    use super::Memory;

    #[tokio::test]
    async fn c10_first_read_after_a_write_is_stale() {
        let memory = Memory::stale();
        for name in ["c07_every_failing_call", "c09_killed_at_every_call"] {
            haute_conformance::run(name, &memory).await.unwrap();
        }
    }
}
