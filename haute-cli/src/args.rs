//! The command line as types. No behaviour here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Takes a Haute pricing project live, and proves that the price served is the price tested.
#[derive(Debug, Parser)]
#[command(name = "haute-cli", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done · 2 usage · 3 check or proof failed · 4 credentials · 5 build or push failed · 6 deployment failed, old \
version serves · 7 way back unconfirmed · 8 superseded · 9 timed out, state unknown · 10 waiting for approval · \
20 `plan --exit-code` found changes · 70 a bug · 130 interrupted";

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of a command line")]
pub(crate) struct Global {
    /// The directory that holds haute.toml
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
    /// Read haute.NAME.toml over haute.toml
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Deploy to this target, whatever haute.toml says
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Print JSON lines on stdout, the last of them a `result`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print data, errors and nothing else
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour; `auto` heeds `NO_COLOR`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Never show moving progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Change a remote target outside CI without asking
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// Refuse what is resolved at release time, such as a floating base image
    #[arg(long, global = true)]
    pub(crate) frozen: bool,
}

/// When to use colour.
// The variants carry no documentation: clap would print it, and stretch the whole help over three screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find mistakes in the project: no Python runs, no network is used
    Check,
    /// Make a release, a directory named by its content, and print its digest
    Build(BuildArguments),
    /// Score the test quotes through the release itself
    Prove(ProveArguments),
    /// Ask the target whether a deploy can work as things are; nothing is built or changed
    Preflight,
    /// Show what a deploy would change
    Plan(PlanArguments),
    /// Check, build, prove, change the target, and verify what it serves
    Deploy(DeployArguments),
    /// Continue a deployment that was stopped or timed out
    Resume,
    /// Follow a deployment by the target's own id, and verify what it serves
    Watch(WatchArguments),
    /// Let the canary serve everything
    Promote,
    /// Take the canary away again
    Abort,
    /// Show what serves now
    Status,
    /// Show what was served, newest first
    History(HistoryArguments),
    /// Let an earlier release serve again
    Rollback(RollbackArguments),
    /// Stop serving
    Stop,
    /// Send the test quotes to a service and look at its answers
    Smoke(SmokeArguments),
    /// Explain a code such as HT0104, or list them all
    Explain(ExplainArguments),
}

/// `build`.
#[derive(Args, Debug)]
pub(crate) struct BuildArguments {
    /// Copy the release to DIR as well; with --image, write the image to this archive
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Make the image too, as an archive that `docker load`, skopeo and podman read; no registry is written to
    #[arg(long)]
    pub(crate) image: bool,
    #[command(flatten)]
    pub(crate) prove_in: ProveInArgument,
    /// Write the resolved versions to haute.lock, for committing
    #[arg(long)]
    pub(crate) write_lock: bool,
}

/// Where the test quotes are scored once more.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProveInArgument {
    /// Score the test quotes in a container of the image too, before it is tagged
    #[arg(long, value_name = "WHERE", value_enum)]
    pub(crate) prove_in: Option<ProveIn>,
}

/// Where the test quotes are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProveIn {
    Release,
    Image,
}

impl ProveInArgument {
    /// As the configuration says it.
    pub(crate) fn where_to(&self) -> Option<haute_core::config::ProveIn> {
        self.prove_in.map(|place| match place {
            ProveIn::Release => haute_core::config::ProveIn::Release,
            ProveIn::Image => haute_core::config::ProveIn::Image,
        })
    }
}

/// `prove`.
#[derive(Args, Debug)]
pub(crate) struct ProveArguments {
    /// Write the proof to FILE, for `deploy --proof FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Prove this release directory instead of building one
    #[arg(long, value_name = "DIR")]
    pub(crate) release: Option<PathBuf>,
}

/// `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// Write the plan to FILE, for `deploy --plan FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// End with 20 when there are changes, 0 when there are none
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// `deploy`.
#[derive(Args, Debug)]
pub(crate) struct DeployArguments {
    /// Apply exactly this plan, and refuse it when the world has changed since
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Deploy this release directory instead of building one
    #[arg(long, value_name = "DIR", conflicts_with = "plan")]
    pub(crate) release: Option<PathBuf>,
    /// Take the release's proof from FILE, as `prove --out FILE` wrote it, instead of proving again
    #[arg(long, value_name = "FILE", requires = "release")]
    pub(crate) proof: Option<PathBuf>,
    /// Let the release serve PERCENT of the traffic beside the one that serves; `promote` or `abort` ends that
    #[arg(long, value_name = "PERCENT", conflicts_with = "plan", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) canary: Option<u8>,
    #[command(flatten)]
    pub(crate) prove_in: ProveInArgument,
}

/// `watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArguments {
    /// The id the target gave the deployment, such as `ecs-svc/1234567890123456789`
    #[arg(long, value_name = "ID")]
    pub(crate) deployment: String,
    /// Hold what serves against this proof, as `prove --out FILE` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: Option<PathBuf>,
}

/// `history`.
#[derive(Args, Debug)]
pub(crate) struct HistoryArguments {
    /// Show at most this many
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Show the records kept here, also where the target has a memory of its own
    #[arg(long)]
    pub(crate) records: bool,
}

/// `rollback`.
#[derive(Args, Debug)]
pub(crate) struct RollbackArguments {
    /// The release to go back to, whole or its first digits, or the target's own name for it (a revision, a version);
    /// without it the last verified one before the current
    #[arg(long, value_name = "DIGEST")]
    pub(crate) to: Option<String>,
}

/// `smoke`.
#[derive(Args, Debug)]
pub(crate) struct SmokeArguments {
    /// Ask this service instead of the target's: any address with /health and /quote
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// The code; without it every code is listed
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}
