//! A stand-in for a release in an image: a small server that behaves as it is told, and its proof.

use haute_container::layer::LayerTree;
use haute_container::oci::ContainerConfig;
use haute_core::digest::Digest;
use haute_core::proof::Proof;
use serde_json::{Value, json};

use crate::lab::{config, tree};

/// Reads `/app/behaviour.json` and serves accordingly.
const PROGRAM: &str = r#"
import argparse, json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("command"); parser.add_argument("--release"); parser.add_argument("--host"); parser.add_argument("--port", type=int)
options = parser.parse_args()
behaviour = json.load(open(options.release + "/behaviour.json"))
kept = []

def rights():
    status = open("/proc/self/status").read()
    if os.getuid() != 65532 or os.getgid() != 65532:
        return "it runs as somebody else"
    if int(status.split("CapEff:")[1].split()[0], 16) or int(status.split("CapBnd:")[1].split()[0], 16):
        return "it has capabilities"
    if status.split("NoNewPrivs:")[1].split()[0] != "1":
        return "it may gain privileges"
    for place in ("/app/x", "/x", "/var/x"):
        try:
            open(place, "w")
            return place + " can be written"
        except OSError:
            pass
    open("/tmp/x", "w").write("x")
    return None

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        wrong = rights()
        if wrong:
            return self.answer(200, {"status": wrong})
        self.answer(200, {"status": behaviour.get("status", "ok"), "release": behaviour["release"], "model": "m"})
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = rows if isinstance(rows, list) else [rows]
        if behaviour.get("eats_memory"):
            while True:
                kept.append(bytearray(os.urandom(1 << 20)))
        if behaviour.get("dies_over_a_quote"):
            print("a fatal thing happened", file=sys.stderr, flush=True)
            os._exit(3)
        self.answer(200, {"rows": [{"premium": row["age"] * behaviour.get("factor", 1.5)} for row in rows], "truncated": False})
    def log_message(self, *_):
        pass

if behaviour.get("crashes"):
    print("no module named polars", file=sys.stderr)
    sys.exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour.get("ignores_sigterm") else lambda *_: os._exit(behaviour.get("exit", 0)))
print("listening", flush=True)
ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()
"#;

/// The release the stand-in is.
pub(crate) fn release() -> Digest {
    Digest::of("the release of a test")
}

/// Its files, in one layer.
pub(crate) fn layer(behaviour: &Value) -> LayerTree {
    let mut told = json!({"release": release()});
    if let (Some(told), Some(behaviour)) = (told.as_object_mut(), behaviour.as_object()) {
        told.extend(behaviour.clone());
    }
    tree(&[("app/runtime/haute_serve.py", PROGRAM), ("app/behaviour.json", &told.to_string())])
}

/// How its container runs: as one of a release does.
pub(crate) fn runs() -> ContainerConfig {
    let question = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=4)";
    config(json!({
        "User": "65532:65532", "WorkingDir": "/app", "StopSignal": "SIGTERM", "ExposedPorts": {"8080/tcp": {}},
        "Env": ["PYTHONPATH=/app/runtime", "PYTHONDONTWRITEBYTECODE=1"],
        "Cmd": ["python3", "-B", "-m", "haute_serve", "serve", "--release", "/app", "--host", "0.0.0.0", "--port", "8080"],
        "Healthcheck": {"Test": ["CMD", "python3", "-I", "-c", question], "Interval": 10_000_000_000_u64,
                        "Timeout": 5_000_000_000_u64, "StartPeriod": 60_000_000_000_u64, "Retries": 3},
    }))
}

/// What was proven of it.
pub(crate) fn proof() -> Proof {
    let quote = |id: &str, age: u32| {
        json!({
            "id": id, "input": {"age": age}, "outputs": [{"premium": f64::from(age) * 1.5}],
            "prices": {"premium": f64::from(age) * 1.5}, "checks": [],
        })
    };
    serde_json::from_value(json!({
        "schema": "haute.proof/1", "release": release(), "passed": true, "environment": {},
        "quotes": [quote("young#0", 20), quote("old#0", 61)], "checks": [],
    }))
    .expect("a proof")
}
