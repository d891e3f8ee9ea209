//! Images in and out of an engine.

use std::io::Read as _;
use std::sync::Arc;

use haute_container::engine::SavedImage;
use haute_core::digest::Digest;
use haute_core::error::ErrorKind;
use haute_test_services::{BaseImage, Engine, Required, test};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::lab::{Lab, config, run, tree};

pub(crate) fn trials(needs: impl Fn() -> Required<(Engine, BaseImage)>) -> Vec<Trial> {
    vec![
        test("store::an_image_survives_a_file", needs(), |(engine, base)| run(engine, Some(&base), survives)),
        test("store::what_is_no_image_is_refused", needs(), |(engine, base)| {
            run(engine, Some(&base), no_image)
        }),
    ]
}

async fn survives(lab: Arc<Lab>) -> Result<(), Failed> {
    let build = lab
        .build(vec![tree(&[("app/x", "survives")])], config(json!({"Cmd": ["python3"], "User": "65532"})))
        .await;
    let built = lab.engine.build(&lab.context, &build).await?.image;
    let tag = lab.tag("built").to_string();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("image.tar");
    lab.engine.save(&lab.context, &tag, &path).await?;
    let saved = SavedImage::open(&path)?;
    let ids: Vec<Digest> = saved.layers().iter().map(|layer| layer.diff_id.clone()).collect();
    assert_eq!(ids, built.layers);
    assert_eq!(saved.config().config.user, "65532");
    for layer in saved.layers() {
        let mut bytes = Vec::new();
        saved.read(layer)?.read_to_end(&mut bytes)?;
        assert_eq!(Digest::of(bytes), layer.diff_id, "a layer is its tar");
    }
    lab.engine.remove(&tag).await?;
    lab.engine.remove(&tag).await?;
    assert_eq!(lab.engine.inspect(&tag).await.unwrap_err().kind(), ErrorKind::NotFound);
    let loaded = lab.engine.load(&lab.context, &path).await?;
    assert_eq!((loaded.id, loaded.layers, loaded.config), (built.id, built.layers, built.config));
    assert_eq!(std::fs::read_dir(directory.path())?.count(), 1, "nothing temporary is left");
    Ok(())
}

async fn no_image(lab: Arc<Lab>) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("image.tar");
    assert_eq!(lab.engine.load(&lab.context, &path).await.unwrap_err().kind(), ErrorKind::NotFound);
    std::fs::write(&path, "no tar at all")?;
    assert_eq!(lab.engine.load(&lab.context, &path).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let missing = lab.tag("missing").to_string();
    assert_eq!(lab.engine.save(&lab.context, &missing, &path).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read(&path)?, b"no tar at all", "what was there stays");
    Ok(())
}
