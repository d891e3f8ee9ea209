//! The lock and the environment come out right with `pip` alone, too.

use libtest_mimic::{Failed, Trial};

use crate::project::Project;
use crate::requirement::{Requirement, test};

pub(crate) fn trials() -> Vec<Trial> {
    vec![test("installers::pip_alone_builds_and_proves", &[Requirement::Python], pip_alone)]
}

fn pip_alone() -> Result<(), Failed> {
    let project = Project::example("motor-pricing");
    project.write("haute.e2e.toml", "[deploy.build]\ninstaller = \"pip\"\n");
    let proven = project.run(&["prove", "--json"]).expect(0).result();
    assert_eq!(proven["outcome"], "proven", "{proven}");
    Ok(())
}
