//! A target in memory, for tests and examples: it serves the proven answers of the release it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Capabilities, Context, DeployTarget, Deployment, Finding, FindingLevel, PlanRequest, Readiness,
    StepOutcome, StepRequest, TargetInfo,
};
use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Action, Change, Goal, Plan, Step};
use crate::proof::Proof;
use crate::verify::{Health, QuoteService};

/// A world in memory: what runs, what serves, and what a test wants to go wrong. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Seen,
    /// What the last write replaced: a stale read sees it.
    before: Seen,
    stale_reads: u32,
    stale_after_write: u32,
    pending_polls: u32,
    pending_after_write: u32,
    writes: u64,
    proofs: BTreeMap<Digest, Proof>,
    served: Vec<Digest>,
    mispriced: BTreeSet<Digest>,
    tokens: BTreeMap<String, String>,
}

/// What a reader sees of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Seen {
    running: BTreeSet<Digest>,
    serving: Option<Digest>,
}

impl MemoryWorld {
    /// A world where nothing runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changes were really made. A change that is there already is none.
    pub fn writes(&self) -> u64 {
        self.with(|state| state.writes)
    }

    /// The release that serves.
    pub fn serving(&self) -> Option<Digest> {
        self.with(|state| state.now.serving.clone())
    }

    /// The releases that run, serving or not.
    pub fn running(&self) -> Vec<Digest> {
        self.with(|state| state.now.running.iter().cloned().collect())
    }

    /// Lets a release answer quotes with a premium that is off by one.
    pub fn misprice(&self, release: &Digest) {
        self.with(|state| state.mispriced.insert(release.clone()));
    }

    /// Lets the first `reads` reads after each write still see the world before it.
    pub fn stale_reads_after_write(&self, reads: u32) {
        self.with(|state| state.stale_after_write = reads);
    }

    /// Lets the first `polls` polls after each write answer that the world has not caught up.
    pub fn pending_polls_after_write(&self, polls: u32) {
        self.with(|state| state.pending_after_write = polls);
    }

    /// Somebody else lets `release` serve, past every plan.
    pub fn meddle(&self, release: Option<Digest>) {
        self.with(|state| {
            state.now.running = release.iter().cloned().collect();
            state.now.serving = release;
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        // A test that panicked while it held the lock has failed already; what it left is still a world.
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&mut state)
    }

    fn read(&self) -> Seen {
        self.with(|state| {
            if state.stale_reads > 0 {
                state.stale_reads -= 1;
                return state.before.clone();
            }
            state.now.clone()
        })
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        self.with(|state| {
            let before = state.now.clone();
            change(state);
            if state.now != before {
                state.writes += 1;
                state.before = before;
                state.stale_reads = state.stale_after_write;
                state.pending_polls = state.pending_after_write;
            }
        });
    }
}

/// A target whose world is in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTarget {
    world: MemoryWorld,
    address: Option<String>,
}

impl MemoryTarget {
    /// A target in `world`.
    pub fn new(world: MemoryWorld) -> Self {
        Self { world, address: None }
    }

    /// Sets the address, `main` by default.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }
}

#[async_trait]
impl DeployTarget for MemoryTarget {
    fn info(&self) -> TargetInfo {
        let address = self.address.as_deref().unwrap_or("main");
        let capabilities = Capabilities::none().with_rollback().with_remove().with_http();
        TargetInfo::new("memory", "the memory of this program", address, capabilities)
    }

    async fn preflight(&self, _context: &Context) -> Result<Vec<Finding>> {
        Ok(vec![Finding::new("memory", FindingLevel::Ok, "there is some")])
    }

    async fn plan(&self, _context: &Context, request: PlanRequest<'_>) -> Result<Plan> {
        let seen = self.world.read();
        let info = self.info();
        let fingerprint = Digest::of(json!(seen).to_string());
        let plan = Plan::new(info.name, info.address, request.goal.clone(), fingerprint);
        let wanted = match request.goal {
            Goal::Deploy => request.release.map(|release| release.release.digest().clone()),
            Goal::Rollback { to: Some(to) } => Some(to.clone()),
            Goal::Rollback { to: None } => Some(self.previous(seen.serving.as_ref())?),
            Goal::Remove => None,
            Goal::Canary { .. } | Goal::Promote | Goal::Abort => {
                return Err(Error::new(ErrorKind::Unsupported, "the memory has one place to serve from"));
            }
        };
        if let (Goal::Rollback { .. }, Some(to)) = (request.goal, &wanted)
            && !self.world.with(|state| state.proofs.contains_key(to))
        {
            return Err(Error::new(ErrorKind::NotFound, format!("release {} never served here", to.short())));
        }
        let plan = plan.with_releases(seen.serving.clone(), wanted.clone());
        Ok(match wanted {
            Some(wanted) => steps_to_serve(plan, &seen, &wanted),
            None if seen == Seen::default() => plan,
            None => plan.with_step(Step::new("remove", "Stop everything", Action::Delete)),
        })
    }

    async fn apply_step(&self, _context: &Context, request: StepRequest<'_>) -> Result<StepOutcome> {
        self.check_token(&request)?;
        let release = request.plan.release.clone();
        if let Some(proven) = request.release {
            let digest = proven.release.digest().clone();
            self.world.with(|state| state.proofs.insert(digest, proven.proof.clone()));
        }
        match (request.step.id.as_str(), release) {
            ("start", Some(release)) => self.world.write(|state| {
                state.now.running.insert(release);
            }),
            ("switch", Some(release)) => {
                if !self.world.with(|state| state.now.running.contains(&release)) {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        format!("release {} does not run", release.short()),
                    ));
                }
                self.world.write(|state| {
                    if state.served.last() != Some(&release) {
                        state.served.push(release.clone());
                    }
                    state.now.serving = Some(release);
                });
            }
            ("retire", Some(release)) => {
                self.world.write(|state| state.now.running.retain(|one| *one == release));
            }
            ("remove", None) => self.world.write(|state| state.now = Seen::default()),
            (other, _) => return Err(Error::bug(format!("the memory target has no step `{other}`"))),
        }
        Ok(StepOutcome::new(json!({"token": request.token})))
    }

    async fn poll(&self, _context: &Context, request: StepRequest<'_>) -> Result<Readiness> {
        let pending = self.world.with(|state| {
            let pending = state.pending_polls;
            state.pending_polls = pending.saturating_sub(1);
            pending > 0
        });
        let seen = self.world.read();
        let wanted = request.plan.release.as_ref();
        let done = match request.step.id.as_str() {
            "start" => wanted.is_some_and(|release| seen.running.contains(release)),
            "switch" => seen.serving.as_ref() == wanted,
            "retire" => seen.running.iter().all(|release| Some(release) == wanted),
            _ => seen == Seen::default(),
        };
        if done && !pending {
            return Ok(Readiness::Ready);
        }
        Ok(Readiness::Pending { message: format!("the memory to notice `{}`", request.step.id) })
    }

    async fn status(&self, _context: &Context) -> Result<Deployment> {
        Ok(match self.world.read().serving {
            Some(release) => Deployment::serving(Some(release), Some("memory://main".to_owned())),
            None => Deployment::nothing(),
        })
    }

    fn service(&self, deployment: &Deployment) -> Result<Option<Box<dyn QuoteService>>> {
        let service = MemoryService { world: self.world.clone() };
        Ok(deployment.url.is_some().then(|| Box::new(service) as Box<dyn QuoteService>))
    }
}

impl MemoryTarget {
    fn previous(&self, serving: Option<&Digest>) -> Result<Digest> {
        self.world
            .with(|state| state.served.iter().rev().find(|release| Some(*release) != serving).cloned())
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no release served here before"))
    }

    /// Holds the engine to its word: one token, one step of one plan.
    fn check_token(&self, request: &StepRequest<'_>) -> Result<()> {
        let step = format!("{} {:?} {:?}", request.step.id, request.plan.goal, request.plan.release);
        let known = self.world.with(|state| {
            state.tokens.entry(request.token.to_owned()).or_insert_with(|| step.clone()).clone()
        });
        if known == step {
            Ok(())
        } else {
            Err(Error::bug(format!("a token of `{known}` came with `{step}`")))
        }
    }
}

fn steps_to_serve(mut plan: Plan, seen: &Seen, wanted: &Digest) -> Plan {
    if !seen.running.contains(wanted) {
        plan = plan.with_step(Step::new("start", format!("Start release {}", wanted.short()), Action::Start));
    }
    if seen.serving.as_ref() != Some(wanted) {
        let before = seen.serving.as_ref().map(ToString::to_string);
        plan = plan.with_step(
            Step::new("switch", format!("Let release {} serve", wanted.short()), Action::Update)
                .with_change(Change::new("release", before, Some(wanted.to_string()))),
        );
    }
    if seen.running.iter().any(|release| release != wanted) {
        plan = plan.with_step(Step::new("retire", "Stop the others", Action::Stop));
    }
    plan
}

/// Answers with what was proven.
struct MemoryService {
    world: MemoryWorld,
}

#[async_trait]
impl QuoteService for MemoryService {
    async fn health(&self) -> Result<Health> {
        match self.world.serving() {
            Some(release) => Ok(Health::new("ok", Some(release), Some("memory".to_owned()))),
            None => Err(Error::new(ErrorKind::Unavailable, "nothing serves")),
        }
    }

    async fn quote(&self, rows: &[Map<String, Value>]) -> Result<Vec<Map<String, Value>>> {
        self.world.with(|state| {
            let serving = state.now.serving.clone();
            let proof = serving.as_ref().and_then(|release| state.proofs.get(release));
            let proof = proof.ok_or_else(|| Error::new(ErrorKind::Unavailable, "nothing serves"))?;
            let off = serving.as_ref().is_some_and(|release| state.mispriced.contains(release));
            let answers: Result<Vec<_>> = rows
                .iter()
                .map(|row| {
                    let quote = proof.quotes.iter().find(|quote| &quote.input == row).ok_or_else(|| {
                        Error::new(ErrorKind::VerificationFailed, "a row that was never proven")
                    })?;
                    let mut answers = quote.outputs.clone();
                    for answer in answers.iter_mut().filter(|_| off) {
                        for (column, price) in &quote.prices {
                            answer.insert(column.clone(), json!(price.as_f64().unwrap_or_default() + 1.0));
                        }
                    }
                    Ok(answers)
                })
                .collect();
            Ok(answers?.into_iter().flatten().collect())
        })
    }
}
