//! Names of wheel files: `name-version(-build)-python-abi-platform.whl` (PEP 427 "File name convention").

use haute_core::release::lock::normalise;

/// The name of a wheel file, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WheelName {
    /// The normalised name of the distribution.
    pub distribution: String,
    /// The version, as the file says it.
    pub version: String,
    /// The build tag as a number and what follows it: breaks ties between wheels with the same tags. `None` sorts first.
    pub build: Option<(u64, String)>,
    /// `cp311`, `py3` …
    pub pythons: Vec<String>,
    /// `cp311`, `abi3`, `none` …
    pub abis: Vec<String>,
    /// `manylinux_2_28_x86_64`, `any` …
    pub platforms: Vec<String>,
}

impl WheelName {
    /// Reads the name of a file; `None` when it is no wheel.
    pub fn parse(file_name: &str) -> Option<Self> {
        let parts: Vec<&str> = file_name.strip_suffix(".whl")?.split('-').collect();
        let (name, version, build, tags) = match *parts.as_slice() {
            [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return None,
        };
        let build = match build {
            None => None,
            Some(build) => {
                let end = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
                let (number, rest) = build.split_at(end);
                Some((number.parse().ok()?, rest.to_owned()))
            }
        };
        let safe = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.+!".contains(c))
        };
        if !safe(name) || !safe(version) || name.starts_with('.') || !tags.iter().all(|tag| safe(tag)) {
            return None;
        }
        let [pythons, abis, platforms] = tags.map(|tag| tag.split('.').map(str::to_owned).collect());
        Some(Self {
            distribution: normalise(name),
            version: version.to_owned(),
            build,
            pythons,
            abis,
            platforms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_apart() {
        let name = WheelName::parse(
            "Polars_Runtime.32-1.44.2-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        )
        .unwrap();
        assert_eq!((name.distribution.as_str(), name.version.as_str()), ("polars-runtime-32", "1.44.2"));
        assert_eq!(name.platforms, ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]);
        let built = WheelName::parse("a-1-2local-py2.py3-none-any.whl").unwrap();
        assert_eq!(built.build, Some((2, "local".to_owned())));
        assert_eq!(built.pythons, ["py2", "py3"]);
    }

    #[test]
    fn what_is_no_wheel_is_none() {
        for name in [
            "a-1.tar.gz",
            "a-1-py3-none.whl",
            "a-1-x-py3-none-any.whl",
            "../a-1-py3-none-any.whl",
            "a-1-py3-none-any.whl.metadata",
            "a-1--none-any.whl",
            ".a-1-py3-none-any.whl",
        ] {
            assert_eq!(WheelName::parse(name), None, "{name}");
        }
    }
}
