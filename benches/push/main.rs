//! How much memory a push needs, whatever the size of a layer.
//!
//! A process of its own pushes one large layer to a real registry, another one copies it from there to a second registry, and each
//! says what the most was that it held (`VmHWM` of `/proc/self/status`).
//!
//! `cargo bench -p haute-container --bench push -- [MiB]`: 1024 MiB, unless another number is given.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use haute_container::oci::{Descriptor, Manifest, media_type, to_bytes};
use haute_container::reference::ImageReference;
use haute_container::registry::{
    Anonymous, BlobSource, ClientOptions, NothingMissing, Push, PushBlob, PushSource, RegistryClient,
};
use haute_core::digest::Digest;
use haute_core::event::NullSink;
use haute_core::target::{Cancellation, Context};
use haute_test_services::{Registry, RegistryOptions};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What a push may hold at most.
const ALLOWED: u64 = 64;

const REPOSITORY: &str = "pricing/motor";

fn main() -> Outcome<ExitCode> {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [child, address, blob, from] if child == "child" => {
            measure(address, blob, from).map(|()| ExitCode::SUCCESS)
        }
        [] => compare(1024),
        [size] => compare(size.parse()?),
        _ => Err("give the size of the layer in MiB, or nothing".into()),
    }
}

/// Pushes and copies a layer of so many MiB, each in a process of its own.
fn compare(size: u64) -> Outcome<ExitCode> {
    let directory = tempfile::tempdir()?;
    let layer = directory.path().join("layer");
    write_noise(&layer, size << 20)?;
    let (first, second) =
        (Registry::start(RegistryOptions::plain())?, Registry::start(RegistryOptions::plain())?);
    println!("a layer of {size} MiB     seconds    MiB/s    most memory, MiB (allowed: {ALLOWED})");
    let mut most = 0;
    for (what, address, from) in [
        ("pushed from a file", first.address(), ""),
        ("copied in between", second.address(), first.address()),
    ] {
        let child =
            Command::new(std::env::current_exe()?).args(["child", address]).arg(&layer).arg(from).output()?;
        if !child.status.success() {
            return Err(String::from_utf8_lossy(&child.stderr).into_owned().into());
        }
        let said = String::from_utf8(child.stdout)?;
        let (seconds, memory) = said.trim().split_once(' ').ok_or("the child says nothing")?;
        let (seconds, memory): (f64, u64) = (seconds.parse()?, memory.parse()?);
        println!("{what:20} {seconds:10.2} {:8.0} {memory:10}", f64::from(u32::try_from(size)?) / seconds);
        most = most.max(memory);
    }
    Ok(if most <= ALLOWED { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Pushes an image of one layer and prints seconds and MiB.
fn measure(address: &str, layer: &str, from: &str) -> Outcome {
    let path = PathBuf::from(layer);
    let descriptor =
        Descriptor::new(media_type::LAYER_GZIP, Digest::of_file(&path)?, std::fs::metadata(&path)?.len());
    let source = if from.is_empty() {
        PushSource::Blob(BlobSource::File(path))
    } else {
        PushSource::Blob(BlobSource::Registry { client: client_of(from)?, repository: REPOSITORY.to_owned() })
    };
    let configuration = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let configuration_descriptor = Descriptor::of(media_type::CONFIG, configuration);
    let manifest = Manifest::new(configuration_descriptor.clone(), vec![descriptor.clone()]);
    let blobs = vec![
        PushBlob::new(descriptor, source),
        PushBlob::new(
            configuration_descriptor,
            PushSource::Blob(BlobSource::Bytes(configuration.as_slice().into())),
        ),
    ];
    let push = Push::new(REPOSITORY, blobs, to_bytes(&manifest)?, media_type::MANIFEST).with_tag("1");
    let client = client_of(address)?;
    let context = Context::new(Arc::new(NullSink), Cancellation::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let begun = Instant::now();
    runtime.block_on(client.push(&push, &NothingMissing, &context))?;
    println!("{:.3} {}", begun.elapsed().as_secs_f64(), most_memory()?);
    Ok(())
}

fn client_of(address: &str) -> Outcome<RegistryClient> {
    let reference: ImageReference = format!("{address}/{REPOSITORY}").parse()?;
    Ok(RegistryClient::new(&reference, Arc::new(Anonymous), &ClientOptions::default())?)
}

/// The most memory this process has held, in MiB, rounded up (proc(5), `VmHWM`).
fn most_memory() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no `VmHWM`")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes.div_ceil(1024))
}

/// Writes bytes that look like nothing and follow from nothing but their place (xorshift).
fn write_noise(path: &Path, size: u64) -> Outcome {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..size / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()?;
    Ok(())
}
