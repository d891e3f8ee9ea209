//! Who asks for a deployment, and from which state of the project.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::variables::Variables;

/// Who asks for a deployment, and from which state of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Origin {
    /// The project's name.
    pub project: String,
    /// The user's name, as the environment gives it.
    pub user: Option<String>,
    /// The commit the project is at; `None` outside git.
    pub commit: Option<String>,
    /// Whether there are changes that are in no commit.
    pub dirty: Option<bool>,
    /// What the CI system says about its job: only names listed here, none of which is a secret.
    pub ci: BTreeMap<String, String>,
}

/// What is kept of the environment of a CI job.
///
/// GitHub Actions "Default environment variables", GitLab "Predefined CI/CD variables", Azure Pipelines "Predefined
/// variables". Tokens (`GITHUB_TOKEN`, `CI_JOB_TOKEN`, `SYSTEM_ACCESSTOKEN`) are not among them.
const CI_VARIABLES: [&str; 20] = [
    "CI",
    "GITHUB_ACTOR",
    "GITHUB_REF",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_SHA",
    "CI_JOB_URL",
    "CI_PIPELINE_ID",
    "CI_PROJECT_PATH",
    "GITLAB_USER_LOGIN",
    "BUILD_BUILDID",
    "BUILD_REPOSITORY_NAME",
    "BUILD_REQUESTEDFOR",
    "BUILD_SOURCEBRANCH",
    "BUILD_SOURCEVERSION",
];

impl Origin {
    /// An origin that knows only the project's name.
    pub fn new(project: impl Into<String>) -> Self {
        Self { project: project.into(), ..Self::default() }
    }

    /// What the environment and git say. Git is asked through its command; without it, or outside a repository, the
    /// commit is `None`.
    ///
    /// Cancel-safe: it reads only.
    pub async fn collect(project: impl Into<String>, root: &Path, variables: &Variables) -> Self {
        let user = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR", "USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| variables.get(name).filter(|value| !value.is_empty()))
            .map(str::to_owned);
        let ci = CI_VARIABLES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), variables.get(name)?.to_owned())))
            .collect();
        // One program for both answers: starting one costs more than what it does.
        let status = git(root, &["status", "--porcelain=v2", "--branch", "--", "."]).await;
        let (commit, dirty) = status.as_deref().map_or((None, None), read_status);
        Self { project: project.into(), user, commit, dirty, ci }
    }

    /// The commit, with `-dirty` behind it where files differ from it; `None` outside git.
    pub fn revision(&self) -> Option<String> {
        let mark = if self.dirty == Some(true) { "-dirty" } else { "" };
        self.commit.as_ref().map(|commit| format!("{commit}{mark}"))
    }

    /// The user and the CI job, for people.
    pub fn who(&self) -> String {
        let user = self.user.as_deref().unwrap_or("an unnamed user");
        let job = ["GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_BUILDID"].iter().find_map(|name| self.ci.get(*name));
        job.map_or_else(|| user.to_owned(), |job| format!("{user} (CI job {job})"))
    }
}

/// The commit, and whether files differ from it (git documentation, `git-status`, "Porcelain Format Version 2").
fn read_status(text: &str) -> (Option<String>, Option<bool>) {
    let commit = text
        .lines()
        .find_map(|line| line.strip_prefix("# branch.oid "))
        .filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned);
    let dirty = text.lines().any(|line| !line.starts_with('#') && !line.is_empty());
    // A repository without a commit has nothing to differ from.
    let dirty = commit.is_some().then_some(dirty);
    (commit, dirty)
}

/// What git prints about the repository at `root`; `None` when it fails, is not there, or there is no repository.
///
/// Cancel-safe: the program is ended when the future is dropped.
pub async fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = tokio::process::Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        // `status` would otherwise refresh the index, a write.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_of_git_says_commit_and_whether_files_differ() {
        let clean = "# branch.oid a1b2c3\n# branch.head main\n";
        assert_eq!(read_status(clean), (Some("a1b2c3".to_owned()), Some(false)));
        let changed = format!("{clean}1 .M N... 100644 100644 100644 aa aa haute.toml\n");
        assert_eq!(read_status(&changed).1, Some(true));
        assert_eq!(read_status(&format!("{clean}? new.py\n")).1, Some(true));
        assert_eq!(read_status("# branch.oid (initial)\n? new.py\n"), (None, None));
    }

    #[tokio::test]
    async fn tokens_of_the_ci_system_are_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let variables = Variables::from_iter([
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_TOKEN", "canary-secret"),
            ("CI_JOB_TOKEN", "canary-secret"),
        ]);
        let origin = Origin::collect("motor", directory.path(), &variables).await;
        assert_eq!(origin.who(), "ada (CI job 7)");
        assert_eq!(origin.commit, None);
        assert!(!serde_json::to_string(&origin).unwrap().contains("canary"));
    }
}
