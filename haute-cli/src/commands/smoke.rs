//! `smoke`: the test quotes sent to a service, and its answers looked at.

use haute_core::diagnostic::Report;
use haute_core::digest::Digest;
use haute_core::event::Phase;
use haute_core::project::Project;
use haute_core::proof::Check;
use haute_core::quotes::{self, TestQuote};
use haute_core::store::Store;
use haute_core::verify::{QuoteService, verify};
use haute_core::{Error, ErrorKind};
use haute_probe::{HttpQuoteService, Options, SmokeQuote, SmokeReport, smoke};
use serde_json::{Map, Value, json};

use super::prepare;
use super::work::Work;
use crate::args::SmokeArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
use crate::ui::premiums::is_price_name;
use crate::ui::style::count;
use crate::ui::table::{Align, table};

pub(crate) async fn run(work: Work<'_>, arguments: &SmokeArguments) -> Result<Outcome, Failure> {
    let ui = work.session.ui;
    let project = prepare::load(work.session)?;
    let mut report = Report { sources: project.report().sources.clone(), ..Report::default() };
    let quotes = quotes::read(&project, &mut report);
    report.finish();
    if report.has_errors() {
        return Err(report.into());
    }
    let (service, url) = service(&work, &project, arguments).await?;
    ui.field("url", &url);
    let asked = work
        .phase(Phase::Verify, async {
            let asked = work.stoppable(Stage::Ask, ask(&work, &project, service.as_ref(), &quotes)).await?;
            let failed = asked.checks.iter().filter(|check| !check.passed).count();
            let summary = match failed {
                0 => format!("{}, every check passed", count(quotes.len(), "test quote")),
                _ => format!("{}, {} failed", count(quotes.len(), "test quote"), count(failed, "check")),
            };
            Ok((asked, summary))
        })
        .await?;
    show(&work, &quotes, &asked);
    let checks = &asked.checks;
    let wrong: Vec<String> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect();
    if wrong.is_empty() {
        ui.note(&format!("{url} answers as it should."));
        return Ok(Outcome::done("passed"));
    }
    let error = Error::new(ErrorKind::VerificationFailed, format!("{url} does not answer as it should"))
        .with_operation("smoke")
        .with_context("found", wrong.join("\n"));
    Err(error).at(Stage::Ask)
}

/// The service that was named, or the target's, asked in the target's own way. With its address.
async fn service(
    work: &Work<'_>,
    project: &Project,
    arguments: &SmokeArguments,
) -> Result<(Box<dyn QuoteService>, String), Failure> {
    if let Some(url) = &arguments.url {
        let service = HttpQuoteService::new(url, &Options::default()).at(Stage::Prepare)?;
        let url = service.base().to_owned();
        return Ok((Box::new(service), url));
    }
    let target = prepare::target(work.session, project)?;
    let status = async { target.status(&work.context).await.at(Stage::Ask) };
    let deployment = work.stoppable(Stage::Ask, status).await?;
    let service = target.service(&deployment).at(Stage::Ask)?;
    service
        .zip(deployment.url)
        .ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, format!("nothing serves at {}", target.info().address))
                .with_hint("deploy first, or name a service: `haute-cli smoke URL`")
        })
        .at(Stage::Ask)
}

/// What a service answered, and what is wrong with it.
struct Asked {
    quotes: Vec<SmokeQuote>,
    checks: Vec<Check>,
}

/// Asks for the health, each quote alone and all of them at once, and holds the service against its release's proof
/// where that is kept here.
async fn ask(
    work: &Work<'_>,
    project: &Project,
    service: &dyn QuoteService,
    quotes: &[TestQuote],
) -> Result<Asked, Failure> {
    let SmokeReport { health, quotes: asked, .. } = smoke(service, quotes).await.at(Stage::Ask)?;
    let mut checks = Vec::new();
    if let Some(health) = &health {
        work.session.ui.field("release", &health.release);
        checks.push(check("health", health.status == "ok", format!("the status is `{}`", health.status)));
    }
    checks.extend(
        asked.iter().map(|quote| check(&quote.id, quote.problems.is_empty(), quote.problems.join("; "))),
    );
    let answers: Vec<_> = asked.iter().filter_map(|quote| quote.answer.clone()).collect();
    if quotes.len() > 1 && answers.len() == quotes.len() {
        let rows: Vec<_> = quotes.iter().map(|quote| quote.input.clone()).collect();
        let batch = service.quote(&rows).await.at(Stage::Ask)?;
        let detail = "all quotes in one request get other answers than one by one".to_owned();
        checks.push(check("batch", batch == answers, detail));
    }
    let release = health.and_then(|health| health.release);
    checks.extend(proven(project, service, release.as_ref()).await?);
    Ok(Asked { quotes: asked, checks })
}

/// What differs from the proof of the release the service says it is, where that proof is kept here.
async fn proven(
    project: &Project,
    service: &dyn QuoteService,
    release: Option<&Digest>,
) -> Result<Vec<Check>, Failure> {
    let Some(release) = release else { return Ok(Vec::new()) };
    let Some(proof) = Store::new(project.root()).proof(release).at(Stage::Ask)? else {
        return Ok(Vec::new());
    };
    let verification = verify(service, &proof).await.at(Stage::Ask)?;
    let named =
        |check: Check| Check { name: format!("proof of {}: {}", release.short(), check.name), ..check };
    Ok(verification.checks.into_iter().map(named).collect())
}

fn check(name: &str, passed: bool, detail: String) -> Check {
    Check { name: name.to_owned(), passed, detail: if passed { String::new() } else { detail } }
}

fn show(work: &Work<'_>, quotes: &[TestQuote], asked: &Asked) {
    let ui = work.session.ui;
    ui.field("checks", &asked.checks);
    let pairs = || quotes.iter().zip(&asked.quotes);
    let document = |(quote, asked): (&TestQuote, &SmokeQuote)| {
        json!({
            "quote": quote.id,
            "answer": asked.answer,
            "expected": quote.expected,
            "milliseconds": asked.milliseconds,
            "problems": asked.problems,
        })
    };
    ui.data("answers", pairs().map(document).collect::<Vec<_>>(), |palette| {
        if quotes.is_empty() {
            return "The project has no test quotes: only the health was looked at.\n".to_owned();
        }
        let header =
            [("test quote", Align::Left), ("", Align::Left), ("ms", Align::Right), ("answer", Align::Left)];
        table(palette, &header, &pairs().map(|(quote, asked)| row(quote, asked)).collect::<Vec<_>>())
    });
}

fn row(quote: &TestQuote, asked: &SmokeQuote) -> Vec<String> {
    let verdict = match (&quote.expected, asked.problems.is_empty()) {
        (_, false) => "FAILED",
        (Some(_), true) => "as expected",
        (None, true) => "answered",
    };
    let answer = asked.answer.as_ref().map(shown).unwrap_or_default();
    vec![quote.id.clone(), verdict.to_owned(), format!("{:.1}", asked.milliseconds), answer]
}

/// The prices of an answer by name, else all of it, on one line short enough for a table.
fn shown(answer: &Map<String, Value>) -> String {
    const LONGEST: usize = 80;
    let named = answer.keys().any(|key| is_price_name(key));
    let fields = answer.iter().filter(|(key, _)| !named || is_price_name(key));
    let text = fields.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}
