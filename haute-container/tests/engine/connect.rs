//! Finding an engine.

use std::path::PathBuf;
use std::sync::Arc;

use haute_container::engine::{Builder, Engine};
use haute_core::error::{ErrorKind, chain};
use haute_core::variables::Variables;
use haute_test_services::{BaseImage, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::lab::{Lab, config, run, tree};

pub(crate) fn trials(
    engine: impl Fn() -> Required<haute_test_services::Engine>,
    needs: impl Fn() -> Required<(haute_test_services::Engine, BaseImage)>,
) -> Vec<Trial> {
    vec![
        test("connect::an_engine_says_what_it_is", engine(), |engine| says_what_it_is(&engine)),
        test("connect::an_engine_behind_tcp_builds", needs(), |(engine, base)| run(engine, Some(&base), tcp)),
        Trial::test("connect::no_engine_is_an_error_that_says_what_to_do", nobody),
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn says_what_it_is(docker: &haute_test_services::Engine) -> Result<(), Failed> {
    let variables: Variables = [("DOCKER_HOST", docker.address())].into_iter().collect();
    let engine = runtime().block_on(Engine::connect(&variables))?;
    let said = docker.run(["version", "--format", "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}"])?;
    let version = engine.version();
    assert_eq!(format!("{} {}", version.engine, version.platform), said.trim());
    let api: Vec<u32> = version.api.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(api[0] == 1 && api[1] >= 30, "{}", version.api);
    Ok(())
}

fn nobody() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("engine.sock");
    let host = format!("unix://{}", socket.display());
    let variables: Variables = [("DOCKER_HOST", host.as_str())].into_iter().collect();
    let error = runtime().block_on(Engine::connect(&variables)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&host), "{error}");
    assert!(error.hints().iter().any(|hint| hint.contains("builder = \"direct\"")), "{:?}", error.hints());
    // Something that listens and is no engine.
    let listener = std::os::unix::net::UnixListener::bind(&socket)?;
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        // Read first: a client that is answered before it has asked hangs up.
        let mut asked = [0; 4096];
        let length = std::io::Read::read(&mut stream, &mut asked).expect("a request");
        assert!(length > 0, "it asked for something");
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            .expect("written");
    });
    let error = runtime().block_on(Engine::connect(&variables)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{:?}", chain(&error));
    thread.join().expect("answered");
    Ok(())
}

/// Hands connections to `127.0.0.1` on to the engine's socket, for as long as the test runs.
async fn relay(socket: PathBuf) -> std::io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let Ok(mut engine) = tokio::net::UnixStream::connect(&socket).await else { return };
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut caller, &mut engine).await.map(drop) },
            );
        }
    });
    Ok(format!("tcp://{address}"))
}

async fn tcp(lab: Arc<Lab>) -> Result<(), Failed> {
    let Some(socket) = lab.docker.address().strip_prefix("unix://") else { return Ok(()) };
    let host = relay(PathBuf::from(socket)).await?;
    let variables: Variables = [("DOCKER_HOST", host.as_str())].into_iter().collect();
    let engine = Engine::connect(&variables).await?;
    assert_eq!(engine.version(), lab.engine.version());
    for builder in [Builder::Classic, Builder::Auto] {
        let build = lab.build(vec![tree(&[("app/x", "1")])], config(json!({"Cmd": ["python3"]}))).await;
        let built = engine.build(&lab.context, &build.with_builder(builder)).await?;
        assert_eq!(engine.inspect(&lab.tag("built").to_string()).await?.id, built.image.id);
    }
    Ok(())
}
