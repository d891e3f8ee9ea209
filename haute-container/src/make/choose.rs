//! Which builder, and which compression: the settings, or what fits and why.

use haute_core::config::{Builder, Compression as Wanted};
use haute_core::error::Result;

use super::ImageMaker;
use crate::engine::Engine;
use crate::layer::Compression;
use crate::reference::ImageReference;

/// A builder, and why this one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chosen {
    /// The engine that builds; `None` for the direct builder.
    pub engine: Option<Engine>,
    /// Why, in a few words.
    pub reason: String,
}

impl ImageMaker {
    /// The builder for an image that goes to a registry (`remote`), or stays on this machine.
    ///
    /// `auto` takes the direct builder for a registry, because a fresh runner then fetches neither base nor wheels, and the
    /// engine for an image that stays, because an engine is what will run it.
    ///
    /// # Errors
    /// When the engine is asked for and none answers.
    pub async fn builder(&self, remote: bool) -> Result<Chosen> {
        let direct = |reason: &str| Chosen { engine: None, reason: reason.to_owned() };
        match self.settings().builder {
            Builder::Engine => {
                let engine = Engine::connect(self.variables()).await?;
                let reason = format!("`builder = \"engine\"`, Docker {}", engine.version().engine);
                Ok(Chosen { engine: Some(engine), reason })
            }
            Builder::Direct => Ok(direct("`builder = \"direct\"`")),
            _ if remote => Ok(direct("the image goes to a registry, and no engine is needed for that")),
            _ => match Engine::connect(self.variables()).await {
                Ok(engine) => {
                    let reason =
                        format!("the image stays here, where Docker {} can run it", engine.version().engine);
                    Ok(Chosen { engine: Some(engine), reason })
                }
                Err(_) => Ok(direct("no Docker engine answers here")),
            },
        }
    }
}

/// The compression of an image that goes to `registry`, and why; `None` is an image that stays on this machine.
///
/// `auto` takes zstd where it is known that registry and runtime take it: Amazon's ECR, from which ECS and Fargate run it
/// (AWS Containers Blog, "Reducing AWS Fargate startup times with zstd compressed container images"). Elsewhere gzip: Docker
/// before 23 cannot unpack zstd.
pub fn choose_compression(wanted: Wanted, registry: Option<&ImageReference>) -> (Compression, &'static str) {
    match wanted {
        Wanted::Gzip => (Compression::Gzip, "`compression = \"gzip\"`"),
        Wanted::Zstd => (Compression::Zstd, "`compression = \"zstd\"`"),
        _ => match registry {
            Some(image) if is_ecr(image.host()) => (Compression::Zstd, "ECR and Fargate take zstd"),
            Some(_) => (Compression::Gzip, "every engine that may pull the image takes gzip"),
            None => (Compression::Gzip, "`docker load` of any version takes gzip"),
        },
    }
}

/// Whether `host` is a private registry of Amazon's (ECR user guide, "Private registry": `<account>.dkr.ecr.<region>.amazonaws.com`).
fn is_ecr(host: &str) -> bool {
    host.contains(".dkr.ecr.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zstd_is_taken_where_it_is_known_to_run() {
        let ecr: ImageReference = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/motor".parse().unwrap();
        let other: ImageReference = "registry.example/motor".parse().unwrap();
        assert_eq!(choose_compression(Wanted::Auto, Some(&ecr)).0, Compression::Zstd);
        assert_eq!(choose_compression(Wanted::Auto, Some(&other)).0, Compression::Gzip);
        assert_eq!(choose_compression(Wanted::Auto, None).0, Compression::Gzip);
        assert_eq!(choose_compression(Wanted::Gzip, Some(&ecr)).0, Compression::Gzip);
    }
}
