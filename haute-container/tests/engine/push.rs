//! Pushes to a real registry.

use std::sync::Arc;

use haute_container::engine::{Credentials, LocalImage};
use haute_container::reference::ImageReference;
use haute_core::error::{ErrorKind, chain};
use haute_core::event::Event;
use haute_test_services::{BaseImage, Engine, Registry, RegistryOptions, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::lab::{Lab, config, run, tree};

type Needs = ((Engine, BaseImage), ());

pub(crate) fn trials(needs: impl Fn() -> Required<Needs>) -> Vec<Trial> {
    vec![
        test("push::the_registry_has_what_the_engine_says", needs(), |((engine, base), ())| {
            run(engine, Some(&base), pushed)
        }),
        test("push::a_refusal_keeps_its_class_and_moves_no_tag", needs(), |((engine, base), ())| {
            run(engine, Some(&base), refused)
        }),
    ]
}

async fn image(lab: &Lab, text: &str) -> Result<LocalImage, Failed> {
    let build = lab.build(vec![tree(&[("app/x", text)])], config(json!({"Cmd": ["python3"]}))).await;
    Ok(lab.engine.build(&lab.context, &build).await?.image)
}

fn to(lab: &Lab, address: &str, tag: &str) -> ImageReference {
    let name: ImageReference = format!("{address}/team/{}:{tag}", lab.name()).parse().expect("a name");
    lab.forget(&name);
    name
}

async fn pushed(lab: Arc<Lab>) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", "a ?~> word"))?;
    let credentials = Credentials::new("builder", "a ?~> word");
    let built = image(&lab, "one").await?;
    let name = to(&lab, registry.address(), "a1b2c3d");
    let first = lab.engine.push(&lab.context, &built.id, &name, Some(&credentials)).await?;
    assert_eq!(registry.digest_of(name.repository(), "a1b2c3d")?.as_ref(), Some(&first.digest));
    assert!(first.confirmed);
    let bytes = lab.events().into_iter().filter_map(|event| match event {
        Event::Progress { activity, done, unit, .. } if activity == "pushing" && unit == "bytes" => {
            Some(done)
        }
        _ => None,
    });
    let bytes: Vec<u64> = bytes.collect();
    assert!(bytes.is_sorted() && bytes.last().is_some_and(|last| *last > 10_000_000), "{bytes:?}");
    // Again: nothing moves. Another image under the tag: the tag moves, and the digest says so.
    let stored = registry.stored_bytes();
    let again = lab.engine.push(&lab.context, &built.id, &name, Some(&credentials)).await?;
    assert_eq!((again.digest, registry.stored_bytes()), (first.digest.clone(), stored));
    let layers = built.layers.len() as u64;
    assert_eq!((first.layers_sent, first.layers_present), (layers, 0));
    assert_eq!((again.layers_sent, again.layers_present, again.bytes), (0, layers, 0));
    let other = image(&lab, "two").await?;
    let second = lab.engine.push(&lab.context, &other.id, &name, Some(&credentials)).await?;
    assert_ne!(second.digest, first.digest);
    assert_eq!(registry.digest_of(name.repository(), "a1b2c3d")?.as_ref(), Some(&second.digest));
    let told = format!("{:?}", lab.events());
    assert!(!told.contains("a ?~> word"), "the password is in an event");
    Ok(())
}

async fn refused(lab: Arc<Lab>) -> Result<(), Failed> {
    let built = image(&lab, "one").await?;
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", "right"))?;
    let name = to(&lab, registry.address(), "1");
    for credentials in [None, Some(Credentials::new("builder", "wrong"))] {
        let error = lab.engine.push(&lab.context, &built.id, &name, credentials.as_ref()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{:?}", chain(&error));
        assert!(error.hints().iter().any(|hint| hint.contains("DOCKER_PASSWORD")), "{:?}", error.hints());
        assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    }
    assert!(registry.tags(name.repository())?.is_empty());
    let read_only = Registry::start(RegistryOptions::plain().read_only())?;
    let name = to(&lab, read_only.address(), "1");
    let error = lab.engine.push(&lab.context, &built.id, &name, None).await.unwrap_err();
    assert!(error.to_string().contains("cannot push"), "{error}");
    assert!(read_only.tags(name.repository())?.is_empty());
    let nobody = to(&lab, "127.0.0.1:1", "1");
    let error = lab.engine.push(&lab.context, &built.id, &nobody, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{:?}", chain(&error));
    Ok(())
}
