//! The rules, one file and one code each.
//!
//! A rule about how a file is written hands a diagnostic to the reader that found the mistake; a rule about the
//! graph is a `check` over the [`Context`].

pub(crate) mod artifact;
pub(crate) mod async_node;
pub(crate) mod bad_constants;
pub(crate) mod bad_submodel;
pub(crate) mod banding_factors;
pub(crate) mod behind_sink;
pub(crate) mod body;
pub(crate) mod cannot_ship;
pub(crate) mod constant_not_live;
pub(crate) mod constant_values;
pub(crate) mod cycle;
pub(crate) mod duplicate_key;
pub(crate) mod duplicate_node;
pub(crate) mod duplicate_rating_keys;
pub(crate) mod dynamic;
pub(crate) mod early_return;
pub(crate) mod edge_join;
pub(crate) mod escaping_artifact;
pub(crate) mod instance;
pub(crate) mod model_source;
pub(crate) mod no_inputs;
pub(crate) mod no_live_input;
pub(crate) mod no_nodes;
pub(crate) mod no_output;
pub(crate) mod no_pipeline;
pub(crate) mod no_sidecar;
pub(crate) mod non_literal;
pub(crate) mod not_json;
pub(crate) mod old_haute;
pub(crate) mod orphan;
pub(crate) mod other_settings;
pub(crate) mod output_mapping;
pub(crate) mod parameters;
pub(crate) mod pipeline_file;
pub(crate) mod project_import;
pub(crate) mod rating_tables;
pub(crate) mod reserved_name;
pub(crate) mod several_live_inputs;
pub(crate) mod sidecar_missing;
pub(crate) mod submodel_missing;
pub(crate) mod switch_mapping;
pub(crate) mod switch_not_live;
pub(crate) mod syntax;
pub(crate) mod two_outputs;
pub(crate) mod unknown_constant;
pub(crate) mod unknown_decorator;
pub(crate) mod unknown_key;
pub(crate) mod unknown_node;
pub(crate) mod unknown_port;
pub(crate) mod unreadable_artifact;
pub(crate) mod variadic;

use std::collections::BTreeSet;

use super::constants::Constants;
use super::files::Files;
use super::graph::{Generation, Graph};
use super::kind::NodeKind;
use super::module::{Function, Settings};
use super::path::ScoringPath;
use crate::diagnostic::{CodeInfo, Diagnostic};

/// What a rule may look at.
pub(crate) struct Context<'a> {
    pub(crate) graph: &'a Graph,
    /// The output nodes.
    pub(crate) outputs: &'a [usize],
    /// `None` while there is no single output to start from.
    pub(crate) path: Option<&'a ScoringPath>,
    pub(crate) files: &'a Files,
    pub(crate) constants: Option<&'a Constants>,
}

impl Context<'_> {
    /// The nodes a price goes through; none while that is unknown.
    pub(crate) fn nodes_on_path(&self) -> Vec<usize> {
        self.path.map(|path| path.nodes.clone()).unwrap_or_default()
    }

    /// The functions of one kind behind the nodes on the path, each once, with settings that could be read.
    ///
    /// None for the forms of Haute 0.1 to 0.3: their settings look different, and a price that depends on them is
    /// refused when the pipeline is lowered.
    pub(crate) fn functions_on_path(&self, kind: NodeKind) -> Vec<(&Function, &Settings)> {
        if self.graph.generation != Generation::Declared {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        self.nodes_on_path()
            .into_iter()
            .filter_map(|node| {
                let entry = self.graph.nodes.get(node)?;
                let entry = self.graph.nodes.get(entry.original.unwrap_or(node))?;
                if !seen.insert((entry.module, entry.function)) {
                    return None;
                }
                let function = self.graph.modules.get(entry.module)?.functions.get(entry.function)?;
                let settings = &function.settings;
                // A node without its sidecar is reported as such.
                let is_readable = !settings.damaged && settings.sidecar.is_some();
                (function.kind == kind && is_readable).then_some((function, settings))
            })
            .collect()
    }
}

/// Every code of the pipeline, in order.
pub(crate) const CODES: &[&CodeInfo] = &[
    &syntax::INFO,
    &pipeline_file::INFO,
    &no_pipeline::INFO,
    &dynamic::INFO,
    &no_nodes::INFO,
    &duplicate_node::INFO,
    &reserved_name::INFO,
    &unknown_decorator::INFO,
    &non_literal::INFO,
    &async_node::INFO,
    &variadic::INFO,
    &body::INFO,
    &early_return::INFO,
    &no_output::INFO,
    &two_outputs::INFO,
    &cycle::INFO,
    &unknown_node::INFO,
    &unknown_port::INFO,
    &orphan::INFO,
    &no_live_input::INFO,
    &several_live_inputs::INFO,
    &switch_not_live::INFO,
    &switch_mapping::INFO,
    &parameters::INFO,
    &edge_join::INFO,
    &no_inputs::INFO,
    &behind_sink::INFO,
    &instance::INFO,
    &sidecar_missing::INFO,
    &not_json::INFO,
    &duplicate_key::INFO,
    &unknown_key::INFO,
    &rating_tables::INFO,
    &banding_factors::INFO,
    &model_source::INFO,
    &output_mapping::INFO,
    &constant_values::INFO,
    &other_settings::INFO,
    &duplicate_rating_keys::INFO,
    &no_sidecar::INFO,
    &artifact::INFO,
    &escaping_artifact::INFO,
    &unreadable_artifact::INFO,
    &cannot_ship::INFO,
    &project_import::INFO,
    &submodel_missing::INFO,
    &bad_submodel::INFO,
    &bad_constants::INFO,
    &constant_not_live::INFO,
    &unknown_constant::INFO,
    &old_haute::INFO,
];

/// The rules about the whole graph, in the order of their codes.
pub(crate) const CHECKS: &[fn(&Context<'_>, &mut Vec<Diagnostic>)] = &[
    no_pipeline::check,
    no_nodes::check,
    duplicate_node::check,
    reserved_name::check,
    async_node::check,
    variadic::check,
    body::check,
    early_return::check,
    no_output::check,
    two_outputs::check,
    cycle::check,
    unknown_port::check,
    orphan::check,
    no_live_input::check,
    several_live_inputs::check,
    switch_not_live::check,
    switch_mapping::check,
    parameters::check,
    edge_join::check,
    no_inputs::check,
    behind_sink::check,
    instance::check,
    unknown_key::check,
    rating_tables::check,
    banding_factors::check,
    model_source::check,
    output_mapping::check,
    constant_values::check,
    other_settings::check,
    duplicate_rating_keys::check,
    no_sidecar::check,
    artifact::check,
    escaping_artifact::check,
    unreadable_artifact::check,
    cannot_ship::check,
    constant_not_live::check,
    unknown_constant::check,
];

#[cfg(test)]
#[cfg(feature = "pipeline")]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own_and_explains_itself() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} comes before {}", pair[0].code, pair[1].code);
        }
        for info in CODES {
            assert!(info.code.as_str().starts_with("HT02"), "{}", info.code);
            assert!(info.explain.len() > 300, "{} explains too little", info.code);
            assert!(info.explain.contains("Example"), "{} has no example", info.code);
        }
    }
}
