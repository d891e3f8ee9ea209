//! Images whose small server behaves as it is told.

use haute_aws_fake::AwsFake;
use haute_test_services::BaseImage;
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{MANIFEST, ask, password, push_blob, put_manifest};

/// Reads `/app/behaviour.json` and serves accordingly.
const PROGRAM: &str = r#"
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

behaviour = json.load(open("/app/behaviour.json"))
port = int(sys.argv[sys.argv.index("--port") + 1])

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(behaviour.get("health", 200), {"version": behaviour["version"]})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, {"premium": behaviour["premium"], "told": os.environ.get("TOLD")})
    def log_message(self, *_):
        pass

if behaviour.get("crashes"):
    print("ModuleNotFoundError: No module named 'polars'", file=sys.stderr)
    sys.exit(3)
if behaviour.get("eats_memory"):
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20)))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("listening", flush=True)
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"#;

/// Pushes an image upon the base to `motor`; gives its name by digest.
pub(crate) fn push(fake: &AwsFake, base: &BaseImage, tag: &str, behaviour: &Value) -> Result<String, Failed> {
    let password = password(fake);
    let behind = fake.registry_behind().ok_or("there is a registry")?;
    // The base's layer is put there directly: what is tried out is the part that changes.
    base.push_to(behind, "motor", "base")?;
    let read = ask(fake, Some(&password), Method::GET, "/v2/motor/manifests/base", None);
    let of_base: Value = serde_json::from_slice(&read.body)?;
    let config = of_base["config"]["digest"].as_str().ok_or("a configuration")?;
    let read = ask(fake, Some(&password), Method::GET, &format!("/v2/motor/blobs/{config}"), None);
    let mut config: Value = serde_json::from_slice(&read.body)?;
    // Nobody else has this image, also not the same test beside this one.
    let mut behaviour = behaviour.clone();
    behaviour["of"] = json!(fake.registry());
    let layer = layer(&behaviour)?;
    let digest = push_blob(fake, &password, "motor", &layer);
    config["rootfs"]["diff_ids"].as_array_mut().ok_or("layers")?.push(json!(digest));
    config["history"] = json!([]);
    config["config"]["Cmd"] = json!(["python3", "/app/server.py", "--host", "0.0.0.0", "--port", "8080"]);
    let config = config.to_string();
    let config_digest = push_blob(fake, &password, "motor", config.as_bytes());
    let mut manifest = of_base;
    manifest["mediaType"] = json!(MANIFEST);
    manifest["config"] = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len(),
    });
    manifest["layers"].as_array_mut().ok_or("layers")?.push(json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len(),
    }));
    let put = put_manifest(fake, &password, "motor", tag, &manifest);
    if put.status != 201 {
        return Err(format!("{put:?}").into());
    }
    let digest = haute_core::digest::Digest::of(manifest.to_string());
    Ok(format!("{}/motor@{digest}", fake.registry()))
}

fn layer(behaviour: &Value) -> Result<Vec<u8>, Failed> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [("app/server.py", PROGRAM.to_owned()), ("app/behaviour.json", behaviour.to_string())]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes())?;
    }
    Ok(archive.into_inner()?)
}
