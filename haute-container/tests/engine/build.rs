//! Builds: the same files from both builders, what is kept is not sent again, and failures leave nothing.

use std::sync::Arc;

use haute_container::engine::{Build, BuildLayer, Builder, Credentials, LocalImage, TarLayer};
use haute_container::layer::{Content, LayerTree};
use haute_container::reference::ImageReference;
use haute_core::digest::Digest;
use haute_core::error::{ErrorKind, chain};
use haute_core::event::{Event, EventSink};
use haute_core::target::{Cancellation, Context};
use haute_test_services::{BaseImage, Engine, Registry, RegistryOptions, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::lab::{Lab, base_layers, config, expected, names_of, run, tree};

type Needs = (Engine, BaseImage);

pub(crate) fn trials(
    needs: impl Fn() -> Required<Needs>,
    with_registry: impl Fn() -> Required<(Needs, ())>,
) -> Vec<Trial> {
    vec![
        test("build::both_builders_make_the_files_of_the_layers", needs(), |(engine, base)| {
            run(engine, Some(&base), both_builders)
        }),
        test("build::what_the_engine_keeps_is_not_sent_again", needs(), |(engine, base)| {
            run(engine, Some(&base), kept)
        }),
        test("build::a_file_that_changed_breaks_the_build_off", needs(), |(engine, base)| {
            run(engine, Some(&base), changed_file)
        }),
        test("build::a_caller_who_stops_leaves_nothing_tagged", needs(), |(engine, base)| {
            run(engine, Some(&base), cancelled)
        }),
        test("build::a_base_that_runs_commands_is_refused", needs(), |(engine, base)| {
            run(engine, Some(&base), onbuild)
        }),
        test(
            "build::a_base_is_pulled_by_digest_with_an_awkward_password",
            with_registry(),
            |((engine, base), ())| run(engine, Some(&base), pulled_base),
        ),
        test("build::an_image_for_arm64_needs_no_emulation", with_registry(), |((engine, base), ())| {
            run(engine, Some(&base), arm64)
        }),
    ]
}

#[cfg(feature = "buildkit")]
const BUILDERS: &[Builder] = &[Builder::Classic, Builder::BuildKit];
#[cfg(not(feature = "buildkit"))]
const BUILDERS: &[Builder] = &[Builder::Classic];

async fn both_builders(lab: Arc<Lab>) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let model = directory.path().join("model.bin");
    let bytes: Vec<u8> = (0..5_000_003_u32)
        .map(|number| u8::try_from(number.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    std::fs::write(&model, &bytes)?;
    let mut first = tree(&[("opt/haute/lib/a.py", "a = 1\n"), ("opt/haute/lib/pkg/__init__.py", "")]);
    first.add_file("opt/haute/lib/bin/run", true, Content::Bytes(b"#!\n".to_vec()))?;
    first.add_file(
        &format!("opt/haute/lib/{}/{}", "d".repeat(90), "f".repeat(120)),
        false,
        Content::Bytes(vec![1]),
    )?;
    first.add_link("opt/haute/lib/ln", "a.py")?;
    first.add_link("opt/haute/lib/far", &format!("../{}", "t".repeat(150)))?;
    first.add_directory("opt/haute/empty")?;
    first.add_file("opt/haute/lib/Ünïcödé \u{1f600}.txt", false, Content::Bytes(b"x".to_vec()))?;
    let mut second = LayerTree::new();
    second.add_file("app/model.bin", false, Content::File { path: model, size: bytes.len() as u64 })?;
    let third = tree(&[("app/manifest.json", "{}"), ("app/project/main.py", "import polars\n")]);
    let layers = vec![first, second, third];
    let runs = config(json!({
        "User": "65532:65532", "WorkingDir": "/app", "StopSignal": "SIGTERM", "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PYTHONPATH=/app/runtime:/opt/haute/lib", "ODD=a \"b\" 'c' $HOME ${X:-y} \\ \\\\ # `d`"],
        "Cmd": ["python3", "-c", "print(\"$HOME\\n\")", "a\nb"],
        "Healthcheck": {"Test": ["CMD", "python3", "-c", "print('$x')"], "Interval": 10_000_000_000_u64,
                        "Timeout": 5_000_000_000_u64, "StartPeriod": 60_000_000_000_u64, "Retries": 3},
        "Labels": {"org.opencontainers.image.source": "https://x.test/a?b=c&d", "plain": "", "dev.test.odd": "line\nbreak \"q\" 'q' $HOME \\ é\t%20+"},
    }));
    let skipped = base_layers(&lab).await;
    let mut roots = Vec::new();
    for &builder in BUILDERS {
        let build = lab.build(layers.clone(), runs.clone()).await.with_builder(builder);
        let built = lab.engine.build(&lab.context, &build).await?;
        assert_eq!(built.builder, builder);
        let image = &built.image;
        assert_eq!(
            image.config.labels.as_ref().unwrap()["dev.test.odd"],
            "line\nbreak \"q\" 'q' $HOME \\ é\t%20+"
        );
        assert_eq!(image.config.cmd, runs.cmd);
        assert_eq!(image.config.healthcheck, runs.healthcheck);
        assert_eq!(image.config.entrypoint.clone().unwrap_or_default(), Vec::<String>::new());
        assert!(image.config.env.as_ref().unwrap().contains(&runs.env.as_ref().unwrap()[1]));
        assert_eq!((image.config.user.as_str(), image.config.working_dir.as_str()), ("65532:65532", "/app"));
        assert!(image.config.exposed_ports.as_ref().unwrap().contains_key("8080/tcp"));
        let tagged = lab.engine.inspect(&lab.tag("built").to_string()).await?;
        assert_eq!(tagged.id, image.id);
        roots.push(lab.files(image, skipped).await);
    }
    let wanted = expected(&layers);
    for (root, builder) in roots.iter().zip(BUILDERS) {
        for (path, wanted) in &wanted {
            assert_eq!(root.get(path), Some(wanted), "{path} from {builder:?}");
        }
        let more: Vec<_> = root.keys().filter(|path| !wanted.contains_key(*path)).collect();
        assert!(more.is_empty(), "{builder:?} adds {more:?}");
    }
    let lines = lab
        .events()
        .iter()
        .filter(|event| matches!(event, Event::Log { stream, .. } if stream == "docker"))
        .count();
    assert!(lines > 4, "{lines} lines of output");
    assert!(
        lab.events().iter().any(|event| matches!(event, Event::Progress { unit, .. } if unit == "bytes"))
    );
    Ok(())
}

/// A layer that must not be read.
struct Unread;

impl TarLayer for Unread {
    fn size(&self) -> u64 {
        panic!("a layer the engine has is measured")
    }
    fn write(&self, _: &mut dyn std::io::Write, _: &Cancellation) -> haute_core::Result<()> {
        panic!("a layer the engine has is read")
    }
}

fn unread(key: &str) -> BuildLayer {
    BuildLayer::new(Arc::new(Unread)).with_key(key)
}

async fn kept(lab: Arc<Lab>) -> Result<(), Failed> {
    let wheels = tree(&[("opt/haute/lib/a.py", "a = 1\n")]);
    let model = tree(&[("app/model", "m")]);
    let layers = |app: &str| {
        vec![
            BuildLayer::new(Arc::new(wheels.clone())).with_key("wheels").keep(),
            BuildLayer::new(Arc::new(model.clone())).with_key("model").keep(),
            BuildLayer::new(Arc::new(tree(&[("app/main.py", app)]))).with_key(app),
        ]
    };
    let skipped = base_layers(&lab).await;
    let runs = config(json!({"Cmd": ["python3"], "Labels": {"a": "1"}}));
    // Left to the engine, what is missing is put upon what it has without a build.
    for &builder in BUILDERS.iter().chain(&[Builder::Auto]) {
        let build = lab.build_of(layers("one"), runs.clone()).await.with_builder(builder);
        let first = lab.engine.build(&lab.context, &build).await?;
        let build = lab.build_of(
            vec![unread("wheels").keep(), unread("model").keep(), layers("two").remove(2)],
            config(json!({"Cmd": ["python3"], "Labels": {"a": "2"}})),
        );
        let build = build.await.with_builder(builder);
        assert_eq!(lab.engine.layers_present(&lab.context, &build).await?, 2);
        let second = lab.engine.build(&lab.context, &build).await?;
        assert_eq!(second.reused, 2);
        assert_eq!(second.image.config.labels.as_ref().unwrap()["a"], "2");
        let files = lab.files(&second.image, skipped).await;
        assert_eq!(files, expected(&[wheels.clone(), model.clone(), tree(&[("app/main.py", "two")])]));
        assert_eq!(first.image.layers[..skipped + 2], second.image.layers[..skipped + 2]);
        let built_after_all = lab
            .events()
            .iter()
            .any(|event| matches!(event, Event::Log { line, .. } if line.contains("does not load it")));
        assert!(!built_after_all, "an engine with layers of its own takes an archive of the new ones");
        // Another model: the engine keeps the beginning with it too.
        let other_model = tree(&[("app/model", "n")]);
        let changed = |app: &str| {
            vec![
                unread("wheels").keep(),
                BuildLayer::new(Arc::new(other_model.clone())).with_key("other model").keep(),
                BuildLayer::new(Arc::new(tree(&[("app/main.py", app)]))).with_key(app),
            ]
        };
        let build = lab.build_of(changed("two"), runs.clone()).await.with_builder(builder);
        let third = lab.engine.build(&lab.context, &build).await?;
        assert_eq!(third.reused, 1);
        let files = lab.files(&third.image, skipped).await;
        assert_eq!(files, expected(&[wheels.clone(), other_model.clone(), tree(&[("app/main.py", "two")])]));
        let build = lab.build_of(changed("three"), runs.clone()).await.with_builder(builder);
        assert_eq!(lab.engine.build(&lab.context, &build).await?.reused, 2);
        // Another layer below: nothing above it may be taken over.
        let mut other = layers("one");
        other[0] = BuildLayer::new(Arc::new(tree(&[("opt/haute/lib/a.py", "a = 2\n")])))
            .with_key("other wheels")
            .keep();
        let build = lab.build_of(other, runs.clone()).await.with_builder(builder);
        assert_eq!(lab.engine.build(&lab.context, &build).await?.reused, 0);
        assert!(!names_of(&lab, &format!("haute.invalid/layers/{}", lab.name())).is_empty());
        for name in names_of(&lab, &format!("haute.invalid/layers/{}", lab.name())) {
            lab.docker.remove_image(&name);
        }
    }
    Ok(())
}

async fn changed_file(lab: Arc<Lab>) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("model.bin");
    std::fs::write(&path, vec![7; 2_000_000])?;
    let mut layer = LayerTree::new();
    layer.add_file("app/model.bin", false, Content::File { path: path.clone(), size: 3_000_000 })?;
    for &builder in BUILDERS {
        let build =
            lab.build(vec![layer.clone()], config(json!({"Cmd": ["python3"]}))).await.with_builder(builder);
        let error = lab.engine.build(&lab.context, &build).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed, "{:?}", chain(&error));
        assert!(chain(&error).join(" ").contains("model.bin"), "{:?}", chain(&error));
        assert_eq!(
            lab.engine.inspect(&lab.tag("built").to_string()).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
    Ok(())
}

/// Cancels when the first bytes are sent.
struct CancelAtProgress(Cancellation);

impl EventSink for CancelAtProgress {
    fn emit(&self, event: &Event) {
        if matches!(event, Event::Progress { .. }) {
            self.0.cancel();
        }
    }
}

async fn cancelled(lab: Arc<Lab>) -> Result<(), Failed> {
    let mut layer = LayerTree::new();
    layer.add_file("app/model.bin", false, Content::Bytes(vec![3; 40_000_000]))?;
    for &builder in BUILDERS {
        let cancellation = Cancellation::default();
        let context = Context::new(Arc::new(CancelAtProgress(cancellation.clone())), cancellation);
        let build =
            lab.build(vec![layer.clone()], config(json!({"Cmd": ["python3"]}))).await.with_builder(builder);
        let error = lab.engine.build(&context, &build).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{:?}", chain(&error));
        assert_eq!(
            lab.engine.inspect(&lab.tag("built").to_string()).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
    Ok(())
}

async fn onbuild(lab: Arc<Lab>) -> Result<(), Failed> {
    let base = lab.tag("onbuild");
    lab.forget(&base);
    let id = lab.docker.run(["create", crate::lab::BASE])?;
    lab.docker.run(["commit", "--change", "ONBUILD RUN true", id.trim(), &base.to_string()])?;
    lab.docker.run(["rm", id.trim()])?;
    let build = Build::new(base, "linux/amd64", config(json!({"Cmd": ["python3"]})), Vec::new())
        .with_tag(lab.tag("built"));
    let error = lab.engine.build(&lab.context, &build).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hints().iter().any(|hint| hint.contains("direct")));
    Ok(())
}

async fn pulled_base(lab: Arc<Lab>) -> Result<(), Failed> {
    // These characters give `+` and `/` in base64, which the engine reads in another alphabet.
    let password = "ab?~>??~~>>?x";
    let registry = Registry::start(RegistryOptions::plain().with_credentials("builder", password))?;
    let pushed = BaseImage::tiny("amd64")?.push_to(&registry, lab.name(), "1")?;
    let digest = registry.digest_of(lab.name(), "1")?.expect("a manifest");
    let pinned: ImageReference = format!("{}@{digest}", pushed.untagged()).parse()?;
    let missing: ImageReference = format!("{}:nothing", pushed.untagged()).parse()?;
    lab.forget(&pinned);
    let runs = || config(json!({"Cmd": ["python3"]}));
    let inherits = |image: &LocalImage| {
        let mut runs = runs();
        runs.env.clone_from(&image.config.env);
        runs.labels = Some(lab.labels());
        runs
    };
    let error = lab.engine.fetch(&lab.context, &pinned, "linux/amd64", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{:?}", chain(&error));
    assert!(error.hints().iter().any(|hint| hint.contains("docker login")), "{:?}", error.hints());
    let wrong = Credentials::new("builder", "wrong");
    let error = lab.engine.fetch(&lab.context, &pinned, "linux/amd64", Some(&wrong)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{:?}", chain(&error));
    let right = Credentials::new("builder", password);
    let error = lab.engine.fetch(&lab.context, &missing, "linux/amd64", Some(&right)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{:?}", chain(&error));
    let base = lab.engine.fetch(&lab.context, &pinned, "linux/amd64", Some(&right)).await?;
    for &builder in BUILDERS {
        let layers = vec![BuildLayer::new(Arc::new(tree(&[("app/x", "1")])))];
        let build = Build::new(pinned.clone(), "linux/amd64", inherits(&base), layers)
            .with_credentials(right.clone())
            .with_builder(builder)
            .with_tag(lab.tag("built"));
        let built = lab.engine.build(&lab.context, &build).await?;
        assert_eq!(built.image.layers.len(), base.layers.len() + 1);
    }
    let told = format!("{:?}", lab.events());
    assert!(!told.contains(password), "the password is in an event");
    Ok(())
}

async fn arm64(lab: Arc<Lab>) -> Result<(), Failed> {
    let registry = Registry::start(RegistryOptions::plain())?;
    let images = [BaseImage::tiny("amd64")?, BaseImage::tiny("arm64")?];
    let pushed = BaseImage::push_index(&images, &registry, lab.name(), "1")?;
    let (index, _) = registry.manifest(lab.name(), "1")?.expect("an index");
    let index_digest = Digest::of(&index);
    let index: serde_json::Value = serde_json::from_slice(&index)?;
    let by_digest = |digest: &str| -> ImageReference {
        format!("{}@{digest}", pushed.untagged()).parse().expect("a name")
    };
    let (both, one) =
        (by_digest(index_digest.as_str()), by_digest(index["manifests"][1]["digest"].as_str().unwrap()));
    lab.forget(&both);
    lab.forget(&one);
    // An engine has one image by one digest: with the index here for this machine it cannot be had for another.
    lab.engine.fetch(&lab.context, &both, "linux/amd64", None).await?;
    let error = lab.engine.fetch(&lab.context, &both, "linux/arm64", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{:?}", chain(&error));
    assert!(error.hints().iter().any(|hint| hint.contains("direct")), "{:?}", error.hints());
    let error = lab.engine.fetch(&lab.context, &one, "linux/amd64", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{:?}", chain(&error));
    for &builder in BUILDERS {
        let base = lab.engine.fetch(&lab.context, &one, "linux/arm64", None).await?;
        let mut runs = config(json!({"Cmd": ["python3"], "User": "65532:65532", "WorkingDir": "/app"}));
        runs.env.clone_from(&base.config.env);
        runs.labels = Some(lab.labels());
        let layer = tree(&[("app/x", "1")]);
        let build =
            Build::new(one.clone(), "linux/arm64", runs, vec![BuildLayer::new(Arc::new(layer.clone()))])
                .with_builder(builder)
                .with_tag(lab.tag("built"));
        let built = lab.engine.build(&lab.context, &build).await?;
        assert_eq!(built.image.platform(), "linux/arm64", "{builder:?}");
        assert_eq!(lab.files(&built.image, base.layers.len()).await, expected(&[layer]), "{builder:?}");
    }
    Ok(())
}
