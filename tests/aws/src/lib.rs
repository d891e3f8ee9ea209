//! The part of AWS a deploy to ECS meets, for tests: ECS, ECR and its registry, the logs, STS, and the few questions a
//! preflight asks of load balancers, over HTTP on a port of this machine.
//!
//! It speaks the protocols (AWS JSON 1.1, the query protocol, the registry's HTTP) and behaves as AWS does while a service
//! goes from one task definition to another: under a clock the test moves, as scripts say, within the policy it is given, and with
//! the faults it is told. With [`AwsFake::with_engine`] a service really runs the image that was pushed.
//!
//! ```
//! use haute_aws_fake::{AwsFake, Behaviour, ServiceSetup, Script, Tier};
//!
//! # fn main() -> haute_core::error::Result<()> {
//! let fake = AwsFake::start()?
//!     .with_service(ServiceSetup::new("pricing", "motor").with_image("registry.example/motor:1"))?
//!     .with_policy(Tier::T2)
//!     .with_script(Script::Image("motor:broken".to_owned()), Behaviour::crash(3));
//! // Point a client at `fake.endpoint()`, let it update the service, and then:
//! fake.advance(60);
//! assert_eq!(fake.service("pricing", "motor").unwrap().running, 1);
//! assert_eq!(fake.writes(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! All calls block, inside and outside of an asynchronous runtime. Facts are those of the API references of
//! [ECS](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/), [ECR](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/),
//! [CloudWatch Logs](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/) and
//! [STS](https://docs.aws.amazon.com/STS/latest/APIReference/).

mod balancer;
mod call;
mod ecr;
mod ecs;
mod failure;
mod fake;
mod fault;
mod logs;
mod look;
mod names;
mod policy;
mod query;
mod rollout;
mod running;
mod server;
mod setup;
mod world;

pub use call::Call;
pub use fake::AwsFake;
pub use fault::{Fault, Rule};
pub use look::{ServiceView, TaskView};
pub use policy::{Policy, Tier};
pub use rollout::{Behaviour, Happening, Script};
pub use setup::{AwsOptions, ServiceSetup};
pub use world::Timings;
