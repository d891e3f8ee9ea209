//! Which wheels run where, and which of them is best (PEP 425, PEP 600).

use std::cmp::Reverse;

use haute_core::error::{Error, ErrorKind, Result};
use haute_core::python::PythonVersion;
use haute_core::release::lock::Platform;

use super::name::WheelName;

/// The newest glibc a wheel may ask for, 2.28, as the lock is resolved: Debian 10, Ubuntu 20.04, Amazon Linux 2023 and later.
const GLIBC: u8 = 28;

/// What wheels must run on: a Python and a platform, neither of which has to be the one of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WheelTarget {
    /// The image's Python.
    pub python: PythonVersion,
    /// The image's platform.
    pub platform: Platform,
}

impl WheelTarget {
    /// `python` of the reference implementation on `platform`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a platform no image has.
    pub fn new(python: PythonVersion, platform: Platform) -> Result<Self> {
        match platform {
            Platform::LinuxAmd64 | Platform::LinuxArm64 => Ok(Self { python, platform }),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("an image cannot be made for {}", other.as_str()),
            )
            .with_hint("images run on linux/amd64 or linux/arm64; build the release for one of them")),
        }
    }
}

/// The tags a target takes, best first.
#[derive(Clone, Debug)]
pub struct Tags {
    /// Python tag and ABI tag for wheels with machine code; best first.
    native: Vec<(String, String)>,
    /// Platform tags, best first.
    platforms: Vec<String>,
    /// Python tags for wheels that run anywhere; best first.
    anywhere: Vec<String>,
    machine: &'static str,
}

/// Tags, then the build tag, then the name: least is best.
type Rank<'a> = (usize, Reverse<Option<(u64, String)>>, &'a str);

/// Whether a wheel can be used, and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fit {
    /// It can; a smaller number is better.
    Usable(usize),
    /// It is for the right Python and machine, but for a musl libc.
    Musl,
    /// It is for another Python or machine.
    Other,
}

impl Tags {
    /// The tags of `target`, in the order pip and uv try them: `cp3X-cp3X`, `cp3X-abi3`, `cp3X-none`, older `abi3`, then
    /// `py3X-none` … with a platform, and last `-none-any`. Within one, newer glibc first.
    pub fn new(target: &WheelTarget) -> Self {
        let PythonVersion { major, minor } = target.python;
        let (machine, oldest) = match target.platform {
            Platform::LinuxArm64 => ("aarch64", 17),
            _ => ("x86_64", 5),
        };
        let mut platforms = Vec::new();
        for glibc in (oldest..=GLIBC).rev() {
            platforms.push(format!("manylinux_2_{glibc}_{machine}"));
            // PEP 600: the older names are aliases.
            match glibc {
                17 => platforms.push(format!("manylinux2014_{machine}")),
                12 => platforms.push(format!("manylinux2010_{machine}")),
                5 => platforms.push(format!("manylinux1_{machine}")),
                _ => {}
            }
        }
        platforms.push(format!("linux_{machine}"));
        let exact = format!("cp{major}{minor}");
        let generic = || {
            std::iter::once(format!("py{major}{minor}"))
                .chain(std::iter::once(format!("py{major}")))
                .chain((0..minor).rev().map(move |older| format!("py{major}{older}")))
        };
        let none = || "none".to_owned();
        let mut native =
            vec![(exact.clone(), exact.clone()), (exact.clone(), "abi3".to_owned()), (exact.clone(), none())];
        native.extend((2..minor).rev().map(|older| (format!("cp{major}{older}"), "abi3".to_owned())));
        native.extend(generic().map(|python| (python, none())));
        Self { native, platforms, anywhere: std::iter::once(exact).chain(generic()).collect(), machine }
    }

    /// Whether and how well `wheel` fits.
    pub fn fit(&self, wheel: &WheelName) -> Fit {
        let best = |wanted: &mut dyn Iterator<Item = usize>| wanted.min();
        let has = |all: &[String], one: &str| all.iter().any(|tag| tag == one);
        let native = best(
            &mut self
                .native
                .iter()
                .enumerate()
                .filter(|(_, (python, abi))| has(&wheel.pythons, python) && has(&wheel.abis, abi))
                .map(|(rank, _)| rank),
        );
        let platform = best(
            &mut self
                .platforms
                .iter()
                .enumerate()
                .filter(|(_, platform)| has(&wheel.platforms, platform))
                .map(|(rank, _)| rank),
        );
        if let (Some(native), Some(platform)) = (native, platform) {
            return Fit::Usable(native * self.platforms.len() + platform);
        }
        if has(&wheel.platforms, "any") && has(&wheel.abis, "none") {
            let anywhere = self.anywhere.iter().position(|python| has(&wheel.pythons, python));
            if let Some(rank) = anywhere {
                return Fit::Usable(self.native.len() * self.platforms.len() + rank);
            }
        }
        let musl = |tag: &String| tag.starts_with("musllinux_") && tag.ends_with(self.machine);
        if native.is_some() && wheel.platforms.iter().any(musl) { Fit::Musl } else { Fit::Other }
    }

    /// The best of `files`: by tags, then by the higher build tag, then by name so that chance has no part.
    ///
    /// # Errors
    /// [`ErrorKind::BuildFailed`] when none can be used, saying why: only source archives, only musl, only other machines.
    pub fn best<'a, T>(
        &self,
        requirement: &str,
        files: impl IntoIterator<Item = (&'a str, T)>,
    ) -> Result<(&'a str, T)> {
        let mut best: Option<(Rank<'a>, T)> = None;
        let (mut musl, mut other, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for (file_name, file) in files {
            let Some(wheel) = WheelName::parse(file_name) else {
                sources.push(file_name);
                continue;
            };
            match self.fit(&wheel) {
                Fit::Usable(rank) => {
                    let rank = (rank, Reverse(wheel.build), file_name);
                    if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                        best = Some((rank, file));
                    }
                }
                Fit::Musl => musl.push(file_name),
                Fit::Other => other.push(file_name),
            }
        }
        if let Some(((_, _, name), file)) = best {
            return Ok((name, file));
        }
        let refused = |what: String, seen: &[&str], hint: &str| {
            Err(Error::new(ErrorKind::BuildFailed, what)
                .with_operation("wheel.choose")
                .with_context("files", seen.join(", "))
                .with_hint(hint))
        };
        if !musl.is_empty() {
            return refused(
                format!("`{requirement}` has wheels for musl alone, and images here are made on glibc"),
                &musl,
                "musl is Alpine's C library; use a Debian or Amazon Linux base image and build the release again",
            );
        }
        if !other.is_empty() {
            return refused(
                format!("`{requirement}` has no wheel for this Python and {}", self.machine),
                &other,
                "the lock was resolved for another platform or Python: build the release for the image's platform",
            );
        }
        refused(
            format!("`{requirement}` is published as source alone, without a wheel"),
            &sources,
            "an image is made of wheels, nothing is compiled on the way: choose a version with wheels, or publish one in an index of your own",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(platform: Platform) -> Tags {
        Tags::new(&WheelTarget::new(PythonVersion::parse("3.11").unwrap(), platform).unwrap())
    }

    fn best<'a>(platform: Platform, names: &[&'a str]) -> Result<&'a str> {
        tags(platform).best("a==1", names.iter().map(|name| (*name, ()))).map(|(name, ())| name)
    }

    #[test]
    fn the_best_wheel_is_the_one_pip_takes() {
        let amd = Platform::LinuxAmd64;
        let exact = "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
        let newer_glibc = "a-1-cp311-cp311-manylinux_2_28_x86_64.whl";
        let abi3 = "a-1-cp39-abi3-manylinux_2_28_x86_64.whl";
        let any = "a-1-py3-none-any.whl";
        let native_any_python = "a-1-py3-none-manylinux2010_x86_64.whl";
        let order = [newer_glibc, exact, abi3, native_any_python, any];
        for from in 0..order.len() {
            let mut shown = order[from..].to_vec();
            shown.reverse();
            assert_eq!(best(amd, &shown).unwrap(), order[from]);
        }
        assert_eq!(
            best(amd, &["a-1-1-py3-none-any.whl", "a-1-10-py3-none-any.whl", any]).unwrap(),
            "a-1-10-py3-none-any.whl"
        );
    }

    #[test]
    fn wheels_of_another_world_are_not_taken_and_it_says_why() {
        let says = |platform, names: &[&str]| best(platform, names).unwrap_err().message().to_owned();
        assert!(
            says(Platform::LinuxAmd64, &["a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "a-1.tar.gz"])
                .contains("musl")
        );
        assert!(says(Platform::LinuxAmd64, &["a-1.tar.gz"]).contains("source alone"));
        for wrong in [
            "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "a-1-cp312-abi3-manylinux_2_17_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_34_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_17_aarch64.whl",
            "a-1-cp311-cp311-win_amd64.whl",
            "a-1-cp311-cp311t-manylinux_2_17_x86_64.whl",
            "a-1-py2-none-any.whl",
        ] {
            assert!(says(Platform::LinuxAmd64, &[wrong]).contains("no wheel for this Python"), "{wrong}");
        }
        assert!(best(Platform::LinuxArm64, &["a-1-cp311-cp311-manylinux_2_17_aarch64.whl"]).is_ok());
        assert!(best(Platform::LinuxArm64, &["a-1-cp311-cp311-manylinux_2_5_aarch64.whl"]).is_err());
        assert!(WheelTarget::new(PythonVersion::parse("3.11").unwrap(), Platform::DarwinArm64).is_err());
    }
}
