//! The price defects of Haute's own deploy (0.6.0): each project here is one that it prices wrongly or not at all.

use libtest_mimic::Trial;

use crate::project::{Project, repository};
use crate::requirement::{Requirement, test};
use crate::truth::{check_served, read};

pub(crate) fn trials() -> Vec<Trial> {
    let root = repository().join("tests/projects");
    let mut names: Vec<String> = std::fs::read_dir(&root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("defect-"))
        .collect();
    names.sort();
    let mut trials: Vec<Trial> = names
        .into_iter()
        .map(|name| {
            test(
                &format!("defects::{name}_is_served_at_the_price_of_haute_run"),
                &[Requirement::Python],
                move || {
                    let project = Project::test_project(&name);
                    project.deploy();
                    check_served(&project, &read(&format!("{name}/truth.json")));
                    Ok(())
                },
            )
        })
        .collect();
    let found = trials.len();
    trials.push(test("defects::all_six_have_a_project", &[], move || {
        assert!(found >= 6, "{found} projects below tests/projects begin with defect-");
        Ok(())
    }));
    trials
}
