//! What people see of a long run: a moving line on a terminal, plain lines and a sign of life elsewhere.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use haute_core::ErrorKind;
use haute_core::event::{Event, Phase};

use super::console::{Console, FRAME};
use super::phases;
use super::report;
use super::style::{self, Palette, clean, duration};
use crate::exit::Stage;

/// Work shorter than this shows no moving line.
const DELAY: Duration = Duration::from_millis(250);
/// Without a terminal: the first sign of life of a long piece of work, then the distance between two.
const FIRST_BEAT: Duration = Duration::from_secs(3);
const BEAT: Duration = Duration::from_secs(10);
/// How many lines of a child's output are kept for the error screen.
const TAIL: usize = 20;
/// How long a line of output counts as what is going on.
const FRESH: Duration = Duration::from_secs(5);

/// Turns events into lines for people.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    ticker: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

struct Shared {
    console: Arc<Console>,
    moving: bool,
    people: bool,
    palette: Palette,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Option<Phase>,
    since: Option<Instant>,
    /// The title of the step in hand.
    step: Option<String>,
    /// What it is at now, and since when that is known: an old line of output says nothing about now.
    activity: String,
    heard: Option<Instant>,
    position: Option<(u64, u64)>,
    last_line: Option<Instant>,
    beats: u32,
    /// What a child of the phase in hand wrote last.
    tail: VecDeque<String>,
    failed: Option<Phase>,
}

impl Progress {
    /// `moving`: draw on the terminal. `people`: somebody wants lines at all.
    pub(crate) fn new(console: Arc<Console>, moving: bool, people: bool, palette: Palette) -> Self {
        let shared = Shared { console, moving, people, palette, state: Mutex::default() };
        Self { shared: Arc::new(shared), ticker: Mutex::default() }
    }

    pub(crate) fn event(&self, event: &Event) {
        if matches!(event, Event::PhaseStarted { phase } if !matches!(phase, Phase::Load | Phase::Check)) {
            self.start_ticker();
        }
        self.shared.event(event);
    }

    /// Takes the moving line away until the next event.
    pub(crate) fn pause(&self) {
        self.shared.console.clear();
    }

    /// Ends the ticker and takes the moving line away.
    pub(crate) fn stop(&self) {
        let ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = ticker {
            drop(stop);
            // A ticker that panicked has nothing left to say.
            thread.join().unwrap_or_default();
        }
        self.shared.console.clear();
    }

    /// The last lines of output of what ran for us, when the failure at `stage` is theirs.
    pub(crate) fn tail(&self, stage: Stage) -> Vec<String> {
        let state = self.shared.state();
        let ours = state.phase.or(state.failed).is_some_and(|phase| phases::stage(phase) == stage);
        if ours { state.tail.iter().cloned().collect() } else { Vec::new() }
    }

    fn start_ticker(&self) {
        let mut ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner);
        if ticker.is_some() || !self.shared.people {
            return;
        }
        let (stop, stopped) = channel();
        let shared = Arc::clone(&self.shared);
        let spawned = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            while stopped.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                shared.tick();
            }
        });
        // A machine without a thread to spare still deploys: without signs of life.
        *ticker = spawned.ok().map(|thread| (stop, thread));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, event: &Event) {
        let mut state = self.state();
        state.heard = Some(Instant::now());
        match event {
            Event::PhaseStarted { phase } => state.begin(Some(*phase)),
            Event::PhaseFinished { phase, summary, milliseconds } => {
                let took = Duration::from_millis(*milliseconds);
                self.line(&mut state, Some(*phase), summary, took);
                state.begin(None);
            }
            Event::PhaseFailed { phase, kind, milliseconds, .. } => {
                // The error itself is on the screen that follows: a fact is said once.
                self.failed(&mut state, *phase, ended(*kind), Duration::from_millis(*milliseconds));
                state.failed = Some(*phase);
                state.phase = None;
            }
            Event::RollbackStarted { to, reason } => {
                let to = to.as_ref().map_or("nothing, as before", |release| release.short());
                let text =
                    format!("{}: going back to {to}: {}\n", self.palette.warn("warning"), clean(reason));
                self.write(&mut state, &text);
            }
            Event::Progress { activity, done, total, unit } => {
                state.position = total.map(|total| (*done, total));
                state.activity = format!("{activity}, {}", amount(*done, *total, unit));
            }
            Event::Log { stream: _, line } => {
                if state.tail.len() == TAIL {
                    state.tail.pop_front();
                }
                state.tail.push_back(line.clone());
                state.activity.clone_from(line);
            }
            Event::StepStarted { step: _, title } => {
                state.step = Some(title.clone());
                state.since = Some(Instant::now());
                state.beats = 0;
                state.activity.clear();
            }
            Event::StepWaiting { message, .. } | Event::Waiting { message, .. } => {
                state.activity.clone_from(message);
            }
            Event::StepRetried { step: _, attempt, wait_milliseconds, error } => {
                let wait = duration(Duration::from_millis(*wait_milliseconds));
                let text = format!("attempt {attempt} failed, the next one follows in {wait}: {error}");
                self.line(&mut state, None, &text, Duration::ZERO);
            }
            Event::StepFinished { step, milliseconds, already } => {
                let title = state.step.take().unwrap_or_else(|| step.clone());
                let text = if *already { format!("{title} (done before)") } else { title };
                self.line(&mut state, None, &text, Duration::from_millis(*milliseconds));
                state.activity.clear();
            }
            Event::StepFailed { step, kind, .. } => {
                let title = state.step.take().unwrap_or_else(|| step.clone());
                self.line(&mut state, None, &format!("{title}: {}", ended(*kind)), Duration::ZERO);
            }
            Event::Pushed { image, registry, digest, bytes, layers, present } => {
                let moved = format!(
                    "{} sent in {}, {} there already",
                    style::bytes(*bytes),
                    style::count(usize::try_from(*layers).unwrap_or(usize::MAX), "layer"),
                    present
                );
                let text = format!("Pushed {image} to {registry} ({moved})\n         {digest}");
                self.line(&mut state, None, &text, Duration::ZERO);
            }
            Event::ServiceEvent { at, message } => {
                let at = at.map_or_else(String::new, |at| at.strftime("%H:%M:%S ").to_string());
                self.line(&mut state, None, &format!("{at}{message}"), Duration::ZERO);
            }
            Event::FailureReport { report } => {
                let text = report::render(report, self.palette);
                self.write(&mut state, &text);
            }
            Event::Warning { message, help } => {
                let mut text = format!("{}: {}\n", self.palette.warn("warning"), clean(message));
                if let Some(help) = help {
                    text.extend(["  help: ", &clean(help), "\n"]);
                }
                self.write(&mut state, &text);
            }
            _ => {}
        }
    }

    /// `build    release 3f2a1b, 14 files  3.2 s`
    fn line(&self, state: &mut State, phase: Option<Phase>, text: &str, took: Duration) {
        let word = phase.or(state.phase).map_or("work", phases::word);
        let word = self.palette.good(&format!("{word:8}"));
        let took =
            if took.is_zero() { String::new() } else { self.palette.dim(&format!("  {}", duration(took))) };
        self.write(state, &format!("{word} {}{took}\n", clean(text)));
    }

    fn failed(&self, state: &mut State, phase: Phase, ended: &str, took: Duration) {
        let word = self.palette.bad(&format!("{:8}", phases::word(phase)));
        self.write(state, &format!("{word} {ended}{}\n", self.palette.dim(&format!("  {}", duration(took)))));
    }

    fn write(&self, state: &mut State, text: &str) {
        if self.people {
            self.console.clear();
            self.console.people(text);
            state.last_line = Some(Instant::now());
        }
    }

    fn tick(&self) {
        let mut state = self.state();
        let (Some(phase), Some(since)) = (state.phase, state.since) else { return };
        let running = since.elapsed();
        let word = phases::word(phase);
        let doing = state.doing(phase);
        if self.moving {
            if running >= DELAY {
                let message = format!("{word:8} {}  {}", clean(&doing).replace('\n', " "), duration(running));
                self.console.draw(message, state.position);
            }
            return;
        }
        let quiet = state.last_line.map_or(running, |at| at.elapsed().min(running));
        let due = if state.beats == 0 { running >= FIRST_BEAT } else { quiet >= BEAT };
        if due {
            state.beats += 1;
            let text = format!("{word:8} … {}  {}\n", clean(&doing).replace('\n', " "), duration(running));
            self.write(&mut state, &text);
        }
    }
}

/// So much of so much: bytes in the unit people read.
fn amount(done: u64, total: Option<u64>, unit: &str) -> String {
    match (total, unit) {
        (Some(total), "bytes") => format!("{} of {}", style::bytes(done), style::bytes(total)),
        (None, "bytes") => style::bytes(done),
        (Some(total), _) => format!("{done} of {total} {unit}"),
        (None, _) => format!("{done} {unit}"),
    }
}

/// How something that did not come to its end ended.
const fn ended(kind: ErrorKind) -> &'static str {
    if matches!(kind, ErrorKind::Cancelled) { "stopped" } else { "failed" }
}

impl State {
    fn begin(&mut self, phase: Option<Phase>) {
        *self = Self {
            phase,
            since: phase.map(|_| Instant::now()),
            last_line: self.last_line,
            ..Self::default()
        };
    }

    /// What is going on, in a few words.
    fn doing(&self, phase: Phase) -> String {
        let fresh = self.position.is_some() || self.heard.is_some_and(|at| at.elapsed() < FRESH);
        let activity = Some(&self.activity).filter(|activity| fresh && !activity.is_empty());
        match (&self.step, activity) {
            (Some(step), None) => step.clone(),
            (Some(step), Some(activity)) => format!("{step}: {activity}"),
            (None, None) => phases::activity(phase).to_owned(),
            (None, Some(activity)) => activity.clone(),
        }
    }
}
