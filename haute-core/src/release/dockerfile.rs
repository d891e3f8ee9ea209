//! The Dockerfile of a release, for who builds the image by hand or with an engine.

use super::manifest::Manifest;

/// The numeric user the image runs as: the one distroless images call `nonroot`.
const USER: &str = "65532:65532";

/// The text: dependencies first, because they change least, then the release.
pub(super) fn dockerfile(base_image: &str, manifest: &Manifest, port: u16) -> String {
    let base = if base_image.is_empty() {
        format!("python:{}-slim", manifest.python)
    } else {
        base_image.to_owned()
    };
    format!(
        r#"FROM {base}
WORKDIR /app
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app/runtime
COPY requirements.lock /app/requirements.lock
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", "/app/requirements.lock"]
COPY . /app
USER {USER}
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-I", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/health', timeout=4)"]
CMD ["python", "-m", "haute_serve", "serve", "--release", "/app", "--host", "0.0.0.0", "--port", "{port}"]
"#
    )
}
