//! Files: through the Files API, and at signed addresses where it is closed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, Reply, World, decode, refuse};

/// Where signed addresses are. A request there carries no token: the address is the permission.
pub(super) const SIGNED: &str = "/signed/";
/// What a signed address must be sent along, as the workspace says when it gives the address.
const REQUIRED: (&str, &str) = ("x-amz-server-side-encryption", "AES256");

/// The answer to a request about files; `None` for any other.
pub(super) fn answer(world: &mut World, asked: &Asked) -> Option<Reply> {
    let path = asked.path.as_str();
    if let Some(file) = path.strip_prefix("/api/2.0/fs/files/") {
        return Some(put(world, asked, file));
    }
    if let Some(file) = path.strip_prefix(SIGNED) {
        return Some(put_signed(world, asked, file));
    }
    if let Some(folder) = path.strip_prefix("/api/2.0/fs/directories/") {
        return Some(list(world, &decode(folder)));
    }
    let credentials = path.strip_prefix("/api/2.0/mlflow/logged-models/");
    if let Some(model) = credentials.and_then(|rest| rest.strip_suffix("/artifacts/credentials-for-upload")) {
        return Some(for_model(world, asked, model));
    }
    if path == "/api/2.0/fs/create-upload-url" {
        let wanted = asked.text("path");
        if !wanted.starts_with("/Models/") {
            return Some(refuse(400, "BAD_REQUEST", "only models are kept here"));
        }
        let url =
            format!("{}{SIGNED}{}?signature=canary-signature", asked.host, wanted.trim_start_matches('/'));
        let headers = json!([{"name": REQUIRED.0, "value": REQUIRED.1}]);
        return Some((200, json!({"url": url, "headers": headers})));
    }
    None
}

/// The bytes of a file that is asked for; `None` for any other request.
pub(super) fn content(world: &World, asked: &Asked) -> Option<Vec<u8>> {
    let file = asked.path.strip_prefix("/api/2.0/fs/files/").filter(|_| asked.method == "GET")?;
    world.files.get(&decode(file)).cloned()
}

/// What is directly in a folder.
fn list(world: &World, folder: &str) -> Reply {
    let folder = folder.trim_end_matches('/');
    let mut contents = BTreeMap::new();
    for (path, bytes) in &world.files {
        let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let (name, is_directory) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        let size = if is_directory { 0 } else { bytes.len() };
        let entry = json!({"path": format!("/{folder}/{name}"), "name": name, "is_directory": is_directory, "file_size": size});
        contents.insert(name.to_owned(), entry);
    }
    if contents.is_empty() {
        return super::missing("the folder");
    }
    (200, json!({"contents": contents.into_values().collect::<Vec<_>>()}))
}

fn put(world: &mut World, asked: &Asked, file: &str) -> Reply {
    if let Some((status, code)) = world.no_files_api {
        return refuse(status, code, "no Files API here");
    }
    if asked.method != "PUT" || asked.query.get("overwrite").map(String::as_str) != Some("true") {
        return refuse(400, "BAD_REQUEST", "only whole files are taken");
    }
    world.files.insert(decode(file), asked.bytes.clone());
    (204, Value::Null)
}

/// As object stores take one: with a length, without a token, with the headers the signature is over.
fn put_signed(world: &mut World, asked: &Asked, file: &str) -> Reply {
    let given = |name: &str| asked.headers.get(name).map(String::as_str);
    let said = |name: &str| asked.query.get(name).map(String::as_str);
    let version = file.starts_with("Models/");
    let store = if version { "AWS_PRESIGNED_URL" } else { world.store.as_str() };
    let length = asked.bytes.len().to_string();
    let signed = said("signature") == Some("canary-signature")
        && given("authorization").is_none()
        && given("content-length") == Some(length.as_str())
        && (!version || given(REQUIRED.0) == Some(REQUIRED.1));
    let file = decode(file);
    let whole = |file: &str| world.files.get(file).map(|bytes| bytes.len().to_string());
    let fits = match (store, asked.method.as_str(), said("resource"), said("action")) {
        ("AZURE_SAS_URI", "PUT", None, None) => given("x-ms-blob-type") == Some("BlockBlob"),
        ("AZURE_ADLS_GEN2_SAS_URI", "PUT", Some("file"), None) => asked.bytes.is_empty(),
        ("AZURE_ADLS_GEN2_SAS_URI", "PATCH", None, Some("append")) => {
            said("position") == Some("0") && whole(&file).as_deref() == Some("0")
        }
        ("AZURE_ADLS_GEN2_SAS_URI", "PATCH", None, Some("flush")) => {
            let closes = whole(&file).as_deref() == said("position") && asked.bytes.is_empty();
            if closes && signed {
                return (200, Value::Null);
            }
            return (400, Value::from("<Error><Code>InvalidFlushPosition</Code></Error>"));
        }
        ("AWS_PRESIGNED_URL" | "GCP_SIGNED_URL", "PUT", None, None) => true,
        _ => false,
    };
    if !signed || !fits {
        return (403, Value::from("<Error><Code>SignatureDoesNotMatch</Code></Error>"));
    }
    world.files.insert(file, asked.bytes.clone());
    (200, Value::Null)
}

fn for_model(world: &World, asked: &Asked, model: &str) -> Reply {
    let Some(info) = world.logged.get(model) else { return super::missing("the model") };
    let paths = asked.json["paths"].as_array().cloned().unwrap_or_default();
    if paths.is_empty() || paths.len() > 2000 {
        return refuse(400, "INVALID_PARAMETER_VALUE", "1 to 2000 paths");
    }
    let experiment = info["experiment_id"].as_str().unwrap();
    let credentials: Vec<Value> = paths
        .iter()
        .map(|path| {
            let path = path.as_str().unwrap();
            let place = format!(
                "WorkspaceInternal/Mlflow/Artifacts/{experiment}/LoggedModels/{model}/artifacts/{path}"
            );
            let uri = format!("{}{SIGNED}{place}?signature=canary-signature", asked.host);
            let info = json!({"path": path, "signed_uri": uri, "type": world.store, "headers": []});
            json!({"model_id": model, "credential_info": info})
        })
        .collect();
    (200, json!({"credentials": credentials}))
}
