//! Certificates for services that speak TLS.

use std::path::{Path, PathBuf};

use haute_core::error::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::blocking::failed;

/// An authority made for one test, and a server certificate of it for `127.0.0.1`, `localhost`, and `registry.test` for what
/// is reached by another name through a proxy.
#[derive(Clone, Debug)]
pub struct Certificates {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// Makes them in `directory`: `authority.crt`, `server.crt`, `server.key`, in PEM.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn create(directory: &Path) -> Result<Self> {
        let wrong = "the certificates of a test cannot be made";
        let authority_key = KeyPair::generate().map_err(failed(wrong))?;
        let mut parameters = CertificateParams::new(Vec::<String>::new()).map_err(failed(wrong))?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.distinguished_name.push(DnType::CommonName, "authority of one test");
        let authority = parameters.self_signed(&authority_key).map_err(failed(wrong))?;
        let issuer = Issuer::new(parameters, authority_key);

        let key = KeyPair::generate().map_err(failed(wrong))?;
        let names = ["127.0.0.1", "localhost", "registry.test"].map(str::to_owned).to_vec();
        let mut parameters = CertificateParams::new(names).map_err(failed(wrong))?;
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = parameters.signed_by(&key, &issuer).map_err(failed(wrong))?;

        let write = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(failed(wrong))?;
            Ok(path)
        };
        Ok(Self {
            authority: write("authority.crt", authority.pem())?,
            certificate: write("server.crt", certificate.pem())?,
            key: write("server.key", key.serialize_pem())?,
        })
    }

    /// The certificate of the authority, which a client has to trust.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The certificate of the server.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The key of the server.
    pub fn key(&self) -> &Path {
        &self.key
    }
}
