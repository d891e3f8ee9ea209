//! Releases as models: the built program against a real MLflow server, and against a workspace that stands in for one of
//! Databricks and prices with the real MLflow.

mod killed;
mod registered;
mod served;
mod site;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    [killed::trials(), registered::trials(), served::trials()].into_iter().flatten().collect()
}
