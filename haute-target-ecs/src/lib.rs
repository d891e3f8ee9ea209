//! A Haute release as a service of Amazon ECS.

pub mod model;
pub mod rollout;
pub mod task_definition;
