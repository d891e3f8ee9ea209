//! What a request to a registry is.

use axum::http::Method;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ping,
    HeadManifest,
    GetManifest,
    PutManifest,
    HeadBlob,
    GetBlob,
    StartUpload,
    SendUpload,
    FinishUpload,
    ListTags,
    Other,
}

/// A request, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// `None` where it is about the whole registry.
    pub(super) repository: Option<String>,
    /// A tag, a digest, or the name of an upload.
    pub(super) reference: String,
}

impl Operation {
    /// Of method and path, as the distribution specification has them ("Endpoints").
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let path = path.strip_prefix("/v2").unwrap_or(path).trim_start_matches('/');
        let split = |at: &str| path.rsplit_once(at).map(|(name, rest)| (name.to_owned(), rest.to_owned()));
        let (kind, repository, reference) = if path.is_empty() {
            (Kind::Ping, None, String::new())
        } else if let Some((name, rest)) = split("/blobs/uploads/").or_else(|| {
            let name = path.strip_suffix("/blobs/uploads")?;
            Some((name.to_owned(), String::new()))
        }) {
            let kind = match *method {
                Method::POST => Kind::StartUpload,
                Method::PATCH => Kind::SendUpload,
                Method::PUT => Kind::FinishUpload,
                _ => Kind::Other,
            };
            (kind, Some(name), rest)
        } else if let Some((name, rest)) = split("/blobs/") {
            let kind = match *method {
                Method::HEAD => Kind::HeadBlob,
                Method::GET => Kind::GetBlob,
                _ => Kind::Other,
            };
            (kind, Some(name), rest)
        } else if let Some((name, rest)) = split("/manifests/") {
            let kind = match *method {
                Method::HEAD => Kind::HeadManifest,
                Method::GET => Kind::GetManifest,
                Method::PUT => Kind::PutManifest,
                _ => Kind::Other,
            };
            (kind, Some(name), rest)
        } else if let Some((name, rest)) = split("/tags/list") {
            (Kind::ListTags, Some(name), rest)
        } else {
            let name = split("/referrers/").map_or_else(|| path.to_owned(), |(name, _)| name);
            (Kind::Other, Some(name), String::new())
        };
        Self { kind, repository, reference }
    }

    /// As the log of calls and rules name it.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Ping => "Ping",
            Kind::HeadManifest => "HeadManifest",
            Kind::GetManifest => "GetManifest",
            Kind::PutManifest => "PutManifest",
            Kind::HeadBlob => "HeadBlob",
            Kind::GetBlob => "GetBlob",
            Kind::StartUpload => "StartUpload",
            Kind::SendUpload => "SendUpload",
            Kind::FinishUpload => "FinishUpload",
            Kind::ListTags => "ListTags",
            Kind::Other => "Other",
        }
    }

    /// What IAM is asked about it (ECR user guide, "IAM permissions for pushing an image" and "… pulling").
    pub(super) fn permission(&self) -> &'static str {
        match self.kind {
            Kind::Ping => "ecr:GetAuthorizationToken",
            Kind::PutManifest => "ecr:PutImage",
            Kind::HeadBlob => "ecr:BatchCheckLayerAvailability",
            Kind::GetBlob => "ecr:GetDownloadUrlForLayer",
            Kind::StartUpload => "ecr:InitiateLayerUpload",
            Kind::SendUpload => "ecr:UploadLayerPart",
            Kind::FinishUpload => "ecr:CompleteLayerUpload",
            Kind::ListTags => "ecr:ListImages",
            Kind::HeadManifest | Kind::GetManifest | Kind::Other => "ecr:BatchGetImage",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        for (method, path, kind, repository, reference) in [
            (Method::GET, "/v2/", Kind::Ping, None, ""),
            (Method::HEAD, "/v2/team/motor/manifests/a1", Kind::HeadManifest, Some("team/motor"), "a1"),
            (Method::PUT, "/v2/motor/manifests/sha256:0", Kind::PutManifest, Some("motor"), "sha256:0"),
            (Method::POST, "/v2/motor/blobs/uploads/", Kind::StartUpload, Some("motor"), ""),
            (Method::PATCH, "/v2/motor/blobs/uploads/u1", Kind::SendUpload, Some("motor"), "u1"),
            (Method::GET, "/v2/a/b/blobs/sha256:1", Kind::GetBlob, Some("a/b"), "sha256:1"),
            (Method::GET, "/v2/a/b/tags/list", Kind::ListTags, Some("a/b"), ""),
            (Method::GET, "/v2/a/b/referrers/sha256:1", Kind::Other, Some("a/b"), ""),
        ] {
            let operation = Operation::of(&method, path);
            let expected = Operation {
                kind,
                repository: repository.map(str::to_owned),
                reference: reference.to_owned(),
            };
            assert_eq!(operation, expected, "{method} {path}");
        }
    }
}
