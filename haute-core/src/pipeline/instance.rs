//! Instances: copies of a node with inputs of their own.
//!
//! Which of the instance's inputs stands for which of the original's follows Haute: what `inputMapping` says,
//! then equal names, then the one name that contains the other, then the order (`haute.md` §2.5).

use std::collections::HashMap;

use super::graph::Graph;
use super::kind::NodeKind;
use super::rules;
use super::value::Value;
use crate::diagnostic::Diagnostic;

/// Links every instance to its original.
pub(crate) fn resolve(graph: &mut Graph, names: &HashMap<String, usize>, found: &mut Vec<Diagnostic>) {
    for index in 0..graph.nodes.len() {
        let Some(function) = graph.function(index) else { continue };
        if function.kind != NodeKind::Instance {
            continue;
        }
        let Some(file) = graph.place(index).map(|place| place.file) else { continue };
        let keyword = function.keyword("of").or_else(|| function.keyword("instance_of"));
        let Some((original, range)) =
            keyword.and_then(|k| Some((k.value.text()?.to_owned(), k.value.range.clone())))
        else {
            found.push(rules::instance::no_original(file, function.decorator_range.clone(), &function.name));
            continue;
        };
        let prefix = graph.id(index).rsplit_once('.').map(|(occurrence, _)| format!("{occurrence}."));
        let id = format!("{}{original}", prefix.unwrap_or_default());
        match names.get(&id) {
            Some(target) if *target != index && graph.kind(*target) != NodeKind::Instance => {
                if let Some(node) = graph.nodes.get_mut(index) {
                    node.original = Some(*target);
                }
            }
            other => {
                let known: Vec<&str> = names.keys().map(String::as_str).collect();
                found.push(rules::instance::bad_original(file, range, &original, other.is_some(), known));
            }
        }
    }
}

/// The original's inputs of an instance, each with the instance's own input that stands for it.
pub(crate) fn pairs(graph: &Graph, node: usize) -> Result<Vec<(String, String)>, MappingProblem> {
    let Some(original) = graph.nodes.get(node).and_then(|node| node.original) else { return Ok(Vec::new()) };
    let inputs = |node| -> Vec<String> { graph.inputs(node).map(|edge| edge.input.clone()).collect() };
    let explicit = graph.function(node).and_then(|function| function.keyword("inputMapping"));
    mapping(&inputs(original), &inputs(node), explicit.map(|keyword| &keyword.value))
}

/// Why inputs cannot be matched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MappingProblem {
    /// `inputMapping` names something that is not there.
    Stale(String),
    /// A name fits several others.
    Ambiguous(String),
}

/// For each of the original's inputs, which of the instance's inputs it gets.
pub(crate) fn mapping(
    originals: &[String],
    own: &[String],
    explicit: Option<&Value>,
) -> Result<Vec<(String, String)>, MappingProblem> {
    let mut taken = vec![false; own.len()];
    let mut mapped: Vec<Option<String>> = vec![None; originals.len()];
    let take = |name: &str, taken: &mut Vec<bool>| {
        if let Some(at) =
            own.iter().enumerate().position(|(at, n)| n == name && taken.get(at) == Some(&false))
            && let Some(flag) = taken.get_mut(at)
        {
            *flag = true;
        }
    };
    for member in explicit.map(Value::members).unwrap_or_default() {
        let Some(value) = member.value.text().filter(|text| !text.is_empty()) else { continue };
        let Some(slot) =
            originals.iter().position(|name| *name == member.key).and_then(|at| mapped.get_mut(at))
        else {
            return Err(MappingProblem::Stale(member.key.clone()));
        };
        if !own.iter().any(|name| name == value) {
            return Err(MappingProblem::Stale(value.to_owned()));
        }
        *slot = Some(value.to_owned());
        take(value, &mut taken);
    }
    for (original, slot) in originals.iter().zip(&mut mapped) {
        if slot.is_none()
            && let Some(at) =
                own.iter().enumerate().position(|(at, n)| n == original && taken.get(at) == Some(&false))
        {
            *slot = own.get(at).cloned();
            take(original, &mut taken);
        }
    }
    let free = |taken: &Vec<bool>| -> Vec<String> {
        own.iter().zip(taken).filter(|(_, taken)| !**taken).map(|(name, _)| name.clone()).collect()
    };
    let open: Vec<&String> =
        originals.iter().zip(&mapped).filter(|(_, slot)| slot.is_none()).map(|(name, _)| name).collect();
    let candidates = free(&taken);
    let fits = |original: &str, candidate: &str| candidate.contains(original);
    for original in &open {
        if candidates.iter().filter(|candidate| fits(original, candidate)).count() > 1 {
            return Err(MappingProblem::Ambiguous((*original).clone()));
        }
    }
    for candidate in &candidates {
        if open.iter().filter(|original| fits(original, candidate)).count() > 1 {
            return Err(MappingProblem::Ambiguous(candidate.clone()));
        }
    }
    for (original, slot) in originals.iter().zip(&mut mapped) {
        if slot.is_none()
            && let Some(candidate) = candidates.iter().find(|candidate| fits(original, candidate))
        {
            *slot = Some(candidate.clone());
            take(candidate, &mut taken);
        }
    }
    let mut rest = free(&taken).into_iter();
    let pairs = originals
        .iter()
        .zip(mapped)
        .filter_map(|(original, slot)| Some((original.clone(), slot.or_else(|| rest.next())?)))
        .collect();
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(originals: &[&str], own: &[&str]) -> Result<Vec<(String, String)>, MappingProblem> {
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        mapping(&text(originals), &text(own), None)
    }

    #[test]
    fn inputs_match_by_name_then_by_part_then_by_order() {
        let pairs = map(&["rate", "claims", "other"], &["x", "claims", "rate_two"]).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(pairs, [("rate", "rate_two"), ("claims", "claims"), ("other", "x")]);
    }

    #[test]
    fn a_name_that_fits_twice_is_refused() {
        assert_eq!(
            map(&["rate", "base_rate"], &["x_base_rate", "x_rate"]),
            Err(MappingProblem::Ambiguous("rate".into()))
        );
    }
}
