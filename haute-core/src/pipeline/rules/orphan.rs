//! HT0225: a node is connected to nothing.

use super::Context;
use crate::diagnostic::{Code, CodeInfo, Diagnostic};

/// A node is connected to nothing.
pub(crate) const INFO: CodeInfo = CodeInfo {
    code: Code::new("HT0225"),
    title: "a node is connected to nothing",
    explain: r#"No edge leads to this node and none leads away, so it takes no part in any price, and it is not shipped. That is harmless
if the node is a draft. It is a warning because the usual cause is a missing `connect` line or a parameter with a
misspelt name: then the price is computed without something that was meant to be in it.

Example:

    @pipeline.banding(config="config/banding/ages.json")
    def age_bands(policy): ...

    @pipeline.polars
    def priced(policy): ...        # was meant to take age_bands"#,
};

/// Every node but the output has an edge.
pub(crate) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    if graph.modules.iter().any(|module| module.damaged) {
        return;
    }
    let mut connected = vec![false; graph.nodes.len()];
    for edge in &graph.edges {
        for end in [edge.source, edge.target] {
            if let Some(flag) = connected.get_mut(end) {
                *flag = true;
            }
        }
    }
    for (node, connected) in connected.into_iter().enumerate() {
        if connected || context.outputs.contains(&node) || graph.nodes.len() == 1 {
            continue;
        }
        if let Some(place) = graph.place(node) {
            found.push(
                Diagnostic::warning(
                    INFO.code,
                    format!("the node `{}` is connected to nothing", graph.id(node)),
                )
                .at(place.file, place.range, "takes no part in any price")
                .help("connect it or remove it"),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use crate::pipeline::testing::Sample;

    #[test]
    fn a_node_without_edges_is_a_warning() {
        let sample = Sample::valid()
            .append(
                "rating/main.py",
                "\n@pipeline.constant(config=\"config/constant/base.json\")\ndef base(): ...\n",
            )
            .write("rating/config/constant/base.json", "{\"values\": [{\"name\": \"base\", \"value\": 1}]}");
        insta::assert_snapshot!(sample.check(), @r#"
        warning[HT0225]: the node `base` is connected to nothing
          --> rating/main.py:23:5 takes no part in any price
          help: connect it or remove it
        "#);
        assert!(sample.passes());
    }
}
