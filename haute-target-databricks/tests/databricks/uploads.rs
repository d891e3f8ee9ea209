//! Files where the Files API is closed: at signed addresses, or not at all.

use haute_conformance::Fixture as _;
use haute_core::error::{ErrorKind, chain};
use haute_core::event::Event;
use haute_core::record::Outcome;
use haute_test_databricks::Fault;
use serde_json::{Value, json};

use crate::lab::Lab;

#[tokio::test]
async fn signed_addresses_take_the_files_where_the_files_api_is_closed() {
    for closed in [(404, "ENDPOINT_NOT_FOUND"), (403, "PERMISSION_DENIED"), (400, "FEATURE_DISABLED")] {
        let (lab, open) = (Lab::new(), Lab::new());
        lab.workspace.world.lock().unwrap().no_files_api = Some(closed);
        let release = lab.release(1);
        let recorded = lab.deploy(&release).await.unwrap_or_else(|error| panic!("{closed:?}: {error:?}"));
        assert_eq!(recorded.record.outcome, Outcome::Deployed);
        open.deploy(&open.release(1)).await.unwrap();
        let files = |lab: &Lab| lab.workspace.world.lock().unwrap().files.clone();
        assert!(files(&lab) == files(&open), "the same files are at the same places");
        let told = lab.events.events();
        assert!(
            told.iter().any(
                |event| matches!(event, Event::Warning { message, .. } if message.contains("Files API"))
            )
        );
        // A signed address is a permission: it is told and kept nowhere.
        let kept = format!("{told:?} {}", serde_json::to_string(&recorded.record).unwrap());
        assert!(!kept.contains("canary") && !kept.contains("signature="), "{kept}");
    }
}

#[tokio::test]
async fn every_kind_of_store_is_sent_what_it_takes() {
    for kind in ["GCP_SIGNED_URL", "AZURE_SAS_URI", "AZURE_ADLS_GEN2_SAS_URI"] {
        let lab = Lab::new();
        {
            let mut world = lab.workspace.world.lock().unwrap();
            world.no_files_api = Some((404, "ENDPOINT_NOT_FOUND"));
            world.store = kind.to_owned();
        }
        lab.deploy(&lab.release(1)).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let world = lab.workspace.world.lock().unwrap();
        let sizes = |part: &str| -> Vec<usize> {
            let of = world
                .files
                .iter()
                .filter(|(path, _)| path.contains(part) && !path.ends_with("haute_proof.json"));
            of.map(|(_, bytes)| bytes.len()).collect()
        };
        assert_eq!(sizes("LoggedModels"), sizes("Models/main"), "{kind}");
    }
}

#[tokio::test]
async fn a_store_that_refuses_leaves_no_version_and_says_nothing_of_the_address() {
    let lab = Lab::new();
    lab.workspace.world.lock().unwrap().no_files_api = Some((404, "ENDPOINT_NOT_FOUND"));
    let answer = json!("<Error><Code>ExpiredToken</Code><Token>canary-signature</Token></Error>");
    lab.workspace.fault("PUT", "/signed/Models", Fault::Answer(403, answer, None));
    let error = lab.deploy(&lab.release(1)).await.unwrap_err();
    let words = chain(&error).join(" ");
    assert!(words.contains("403 ExpiredToken") && words.contains("no Files API here"), "{words}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert_eq!((lab.versions(), lab.alias()), (0, Value::Null));
    // Open again: what was logged is used.
    lab.deploy(&lab.release(1)).await.unwrap();
    assert_eq!(lab.versions(), 1);
    assert_eq!(lab.workspace.world.lock().unwrap().logged.len(), 1);
}

#[tokio::test]
async fn a_busy_store_is_asked_again() {
    let lab = Lab::new();
    lab.workspace.world.lock().unwrap().no_files_api = Some((404, "ENDPOINT_NOT_FOUND"));
    for part in ["/signed/Workspace", "/signed/Models"] {
        lab.workspace.fault("PUT", part, Fault::Answer(503, Value::Null, None));
        lab.workspace.fault("PUT", part, Fault::DropAfter);
    }
    lab.workspace.fault("POST", "credentials-for-upload", Fault::DropAfter);
    lab.workspace.fault("POST", "create-upload-url", Fault::Answer(429, Value::Null, Some(1)));
    lab.deploy(&lab.release(1)).await.unwrap();
    assert!(lab.workspace.world.lock().unwrap().faults.is_empty());
    assert_eq!((lab.versions(), lab.alias()), (1, lab.served()));
}

#[tokio::test]
async fn where_neither_way_is_open_the_administrator_is_named() {
    let lab = Lab::new();
    lab.workspace.world.lock().unwrap().no_files_api = Some((403, "PERMISSION_DENIED"));
    let refusal = json!({"error_code": "PERMISSION_DENIED", "message": "customer-hosted storage"});
    lab.workspace.fault("POST", "create-upload-url", Fault::Answer(403, refusal, None));
    let error = lab.deploy(&lab.release(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hints().iter().any(|hint| hint.contains("administrator")), "{error:?}");
    assert_eq!((lab.versions(), lab.alias()), (0, Value::Null), "no version is left");
}
