//! What the tests share: an engine, a base, names nobody else has, and what an image really holds.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use haute_container::engine::{Address, Build, BuildLayer, Engine, LocalImage, SavedImage};
use haute_container::layer::{Content, EntryKind, LayerTree};
use haute_container::oci::ContainerConfig;
use haute_container::reference::ImageReference;
use haute_core::digest::Digest;
use haute_core::event::{Event, EventSink, RecordingSink};
use haute_core::target::{Cancellation, Context};
use haute_test_services::BaseImage;
use libtest_mimic::Failed;

/// The base by the name the tests give it.
pub(crate) const BASE: &str = "haute-test/base:bookworm";

/// One test's view of the engine. Everything it named is removed when it goes.
pub(crate) struct Lab {
    pub(crate) engine: Engine,
    pub(crate) docker: haute_test_services::Engine,
    pub(crate) context: Context,
    sink: Arc<RecordingSink>,
    name: String,
    /// Further names to take away at the end.
    names: Mutex<BTreeSet<String>>,
}

/// Runs a test on a runtime of its own.
pub(crate) fn run<F: Future<Output = Result<(), Failed>>>(
    docker: haute_test_services::Engine,
    base: Option<&BaseImage>,
    test: impl FnOnce(Arc<Lab>) -> F,
) -> Result<(), Failed> {
    static IMPORT: Mutex<()> = Mutex::new(());
    if let Some(base) = base {
        let _one = IMPORT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        base.import_into(&docker, BASE)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let engine = Engine::connect_to(Address::parse(docker.address())?).await?;
        let sink = Arc::new(RecordingSink::default());
        let context = Context::new(Arc::clone(&sink) as Arc<dyn EventSink>, Cancellation::default());
        let name = format!("haute-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        test(Arc::new(Lab { engine, docker, context, sink, name, names: Mutex::default() })).await
    })
}

impl Lab {
    /// A tag of this test's own.
    pub(crate) fn tag(&self, tag: &str) -> ImageReference {
        format!("localhost/{}:{tag}", self.name).parse().expect("a name")
    }

    /// The repository name of this test.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What every image of this test is marked with.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        [("dev.haute.test".to_owned(), self.name.clone())].into()
    }

    /// Has `name` removed at the end.
    pub(crate) fn forget(&self, name: &ImageReference) {
        self.names.lock().expect("the lock").insert(name.to_string());
    }

    /// A build of `layers` upon the base, run as `config` says.
    pub(crate) async fn build(&self, layers: Vec<LayerTree>, config: ContainerConfig) -> Build {
        let layers = layers.into_iter().map(|tree| BuildLayer::new(Arc::new(tree))).collect();
        self.build_of(layers, config).await
    }

    pub(crate) async fn build_of(&self, layers: Vec<BuildLayer>, mut config: ContainerConfig) -> Build {
        let base = self.engine.inspect(BASE).await.expect("the base");
        let mut env = base.config.env.clone().unwrap_or_default();
        env.extend(config.env.take().unwrap_or_default());
        config.env = Some(env);
        let mut labels = base.config.labels.clone().unwrap_or_default();
        labels.extend(config.labels.take().unwrap_or_default());
        labels.extend(self.labels());
        config.labels = Some(labels);
        Build::new(BASE.parse().expect("a name"), base.platform(), config, layers).with_tag(self.tag("built"))
    }

    /// Every event so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.sink.events()
    }

    /// What the image holds above the base.
    pub(crate) async fn files(&self, image: &LocalImage, base_layers: usize) -> BTreeMap<String, Seen> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("image.tar");
        self.engine.save(&self.context, &image.id, &path).await.expect("saved");
        tokio::task::spawn_blocking(move || {
            let files = files_of(&path, base_layers);
            drop(directory);
            files
        })
        .await
        .expect("read")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let mark = format!("label=dev.haute.test={}", self.name);
        let layers = format!("haute.invalid/layers/{}", self.name);
        let marked = self.docker.run(["images", "--all", "--quiet", "--filter", &mark]).unwrap_or_default();
        let kept = self.docker.run(["images", "--quiet", &layers]).unwrap_or_default();
        for id in marked.lines().chain(kept.lines()) {
            drop(self.docker.run(["image", "rm", "--force", id]));
        }
        let names = self.names.lock().map(|names| names.clone()).unwrap_or_default();
        for name in names {
            self.docker.remove_image(&name);
        }
    }
}

/// A file as it is in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: &'static str,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: u64,
    /// The digest of a file, the target of a link.
    pub(crate) content: String,
}

fn files_of(path: &Path, base_layers: usize) -> BTreeMap<String, Seen> {
    let saved = SavedImage::open(path).expect("a saved image");
    let mut files = BTreeMap::new();
    for layer in &saved.layers()[base_layers..] {
        let mut archive = tar::Archive::new(saved.read(layer).expect("a layer"));
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").to_string_lossy().trim_matches('/').to_owned();
            let header = entry.header().clone();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => "directory",
                tar::EntryType::Symlink => "link",
                tar::EntryType::Regular => "file",
                other => panic!("{path} is {other:?}"),
            };
            let content = match kind {
                "file" => {
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).expect("content");
                    Digest::of(bytes).to_string()
                }
                "link" => entry.link_name().expect("a target").expect("a target").display().to_string(),
                _ => String::new(),
            };
            let seen = Seen {
                kind,
                mode: header.mode().expect("a mode") & 0o7777,
                owner: (header.uid().expect("an owner"), header.gid().expect("a group")),
                mtime: header.mtime().expect("a time"),
                content,
            };
            files.insert(path, seen);
        }
    }
    files
}

/// What the layers say should be there.
pub(crate) fn expected(layers: &[LayerTree]) -> BTreeMap<String, Seen> {
    let entries = layers.iter().flat_map(LayerTree::entries);
    entries
        .map(|entry| {
            let (kind, mode, content) = match entry.kind {
                EntryKind::Directory => ("directory", 0o755, String::new()),
                EntryKind::Link { target } => ("link", 0o777, target.clone()),
                EntryKind::File { executable, content } => {
                    let bytes = match content {
                        Content::Bytes(bytes) => bytes.clone(),
                        Content::File { path, .. } => std::fs::read(path).expect("a file"),
                        other => panic!("{other:?}"),
                    };
                    ("file", if *executable { 0o755 } else { 0o644 }, Digest::of(bytes).to_string())
                }
                other => panic!("{other:?}"),
            };
            (entry.path.to_owned(), Seen { kind, mode, owner: (0, 0), mtime: 0, content })
        })
        .collect()
}

/// A layer of these files.
pub(crate) fn tree(files: &[(&str, &str)]) -> LayerTree {
    let mut tree = LayerTree::new();
    for (path, text) in files {
        tree.add_file(path, false, Content::Bytes(text.as_bytes().to_vec())).expect("a path");
    }
    tree
}

/// How a container runs, from JSON.
pub(crate) fn config(value: serde_json::Value) -> ContainerConfig {
    serde_json::from_value(value).expect("a configuration")
}

/// The number of layers of the base.
pub(crate) async fn base_layers(lab: &Lab) -> usize {
    lab.engine.inspect(BASE).await.expect("the base").layers.len()
}

/// The names of all images of the engine that begin with `prefix`.
pub(crate) fn names_of(lab: &Lab, prefix: &str) -> Vec<String> {
    let all = lab.docker.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]).expect("images");
    all.lines().filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
}

/// The containers this crate has started and not removed, of this image.
pub(crate) fn containers_of(lab: &Lab, image: &LocalImage) -> Vec<String> {
    let filter = format!("ancestor={}", image.id);
    let all = lab.docker.run(["ps", "--all", "--quiet", "--filter", &filter]).expect("containers");
    all.lines().map(str::to_owned).collect()
}
