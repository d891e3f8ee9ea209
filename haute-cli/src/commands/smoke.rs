//! `smoke`: the test quotes sent to a service, and its answers looked at.

mod compare;

use haute_core::diagnostic::Report;
use haute_core::digest::Digest;
use haute_core::event::Phase;
use haute_core::project::Project;
use haute_core::proof::Check;
use haute_core::quotes::{self, TestQuote};
use haute_core::store::Store;
use haute_core::verify::{QuoteService, verify};
use haute_core::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use super::prepare;
use super::work::Work;
use crate::args::SmokeArguments;
use crate::exit::Stage;
use crate::failure::{At as _, Failure};
use crate::ui::Outcome;
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
    let (url, service) = service(&work, &project, arguments).await?;
    ui.field("url", &url);
    let (answers, checks) = work
        .phase(Phase::Verify, async {
            let asked = work.stoppable(Stage::Prove, ask(&work, &project, service.as_ref(), &quotes)).await?;
            let failed = asked.1.iter().filter(|check| !check.passed).count();
            let summary = match failed {
                0 => format!("{} answered as they should", count(quotes.len(), "test quote")),
                _ => format!("{} failed", count(failed, "check")),
            };
            Ok((asked, summary))
        })
        .await?;
    show(&work, &quotes, &answers, &checks);
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
    Err(error).at(Stage::Prove)
}

/// The service that was named, or the target's.
async fn service(
    work: &Work<'_>,
    project: &Project,
    arguments: &SmokeArguments,
) -> Result<(String, Box<dyn QuoteService>), Failure> {
    if let Some(url) = &arguments.url {
        return Err(Error::new(ErrorKind::Unsupported, format!("{url}"))).at(Stage::Prepare);
    }
    let target = prepare::target(work.session, project)?;
    let status = async { target.status(&work.context).await.at(Stage::Prove) };
    let deployment = work.stoppable(Stage::Prove, status).await?;
    let info = target.info();
    match target.service(&deployment).at(Stage::Prove)? {
        Some(service) => Ok((deployment.url.unwrap_or(info.address), service)),
        None => Err(Error::new(ErrorKind::Unavailable, format!("nothing serves at {}", info.address))
            .with_hint("deploy first, or name a service: `haute-cli smoke URL`"))
        .at(Stage::Prove),
    }
}

/// Asks for the health, each quote alone and all of them at once.
async fn ask(
    work: &Work<'_>,
    project: &Project,
    service: &dyn QuoteService,
    quotes: &[TestQuote],
) -> Result<(Vec<Map<String, Value>>, Vec<Check>), Failure> {
    let health = service.health().await.at(Stage::Prove)?;
    work.session.ui.field("release", &health.release);
    let healthy = health.status == "ok";
    let mut checks = vec![check("health", healthy, format!("the status is `{}`", health.status))];
    let mut answers = Vec::new();
    for quote in quotes {
        let answer = match service.quote(std::slice::from_ref(&quote.input)).await {
            Ok(rows) => rows.into_iter().next().unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::VerificationFailed => {
                checks.push(check(&quote.id, false, error.to_string()));
                answers.push(Map::new());
                continue;
            }
            Err(error) => return Err(error).at(Stage::Prove),
        };
        let wrong = compare::difference(quote, &answer);
        checks.push(check(&quote.id, wrong.is_none(), wrong.unwrap_or_default()));
        answers.push(answer);
    }
    if quotes.len() > 1 && checks.iter().all(|check| check.passed) {
        let rows: Vec<_> = quotes.iter().map(|quote| quote.input.clone()).collect();
        let batch = service.quote(&rows).await.at(Stage::Prove)?;
        let same = batch == answers;
        checks.push(check(
            "batch",
            same,
            "all quotes in one request get other answers than one by one".to_owned(),
        ));
    }
    checks.extend(proven(project, service, health.release.as_ref()).await?);
    Ok((answers, checks))
}

/// What differs from the proof of the release the service says it is, where that proof is kept here.
async fn proven(
    project: &Project,
    service: &dyn QuoteService,
    release: Option<&Digest>,
) -> Result<Vec<Check>, Failure> {
    let Some(release) = release else { return Ok(Vec::new()) };
    let Some(proof) = Store::new(project.root()).proof(release).at(Stage::Prove)? else {
        return Ok(Vec::new());
    };
    let verification = verify(service, &proof).await.at(Stage::Prove)?;
    let named =
        |check: Check| Check { name: format!("proof of {}: {}", release.short(), check.name), ..check };
    Ok(verification.checks.into_iter().map(named).collect())
}

fn check(name: &str, passed: bool, detail: String) -> Check {
    Check { name: name.to_owned(), passed, detail: if passed { String::new() } else { detail } }
}

fn show(work: &Work<'_>, quotes: &[TestQuote], answers: &[Map<String, Value>], checks: &[Check]) {
    let ui = work.session.ui;
    ui.field("checks", checks);
    let pairs = || quotes.iter().zip(answers);
    let document: Vec<_> = pairs()
        .map(|(quote, answer)| json!({"quote": quote.id, "answer": answer, "expected": quote.expected}))
        .collect();
    ui.data("answers", document, |palette| {
        if quotes.is_empty() {
            return "The project has no test quotes: only the health was looked at.\n".to_owned();
        }
        let rows: Vec<Vec<String>> = pairs()
            .map(|(quote, answer)| {
                let failed = checks.iter().any(|check| check.name == quote.id && !check.passed);
                let expected = if quote.expected.is_some() { "as expected" } else { "answered" };
                let verdict = if failed { "FAILED" } else { expected };
                vec![quote.id.clone(), verdict.to_owned(), compare::shown(answer)]
            })
            .collect();
        table(palette, &[("test quote", Align::Left), ("", Align::Left), ("answer", Align::Left)], &rows)
    });
}
