//! "Did you mean".

/// The candidate nearest to `word`, when one is near enough to be what was meant.
///
/// Damerau-Levenshtein distance of at most a third of the longer word, case ignored; ties go to the first candidate.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= word.chars().count().max(candidate.chars().count()).div_ceil(3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_what_was_meant_and_nothing_far_away() {
        assert_eq!(closest("aws-esc", ["container", "aws-ecs"]), Some("aws-ecs"));
        assert_eq!(closest("clutser", ["cluster", "service"]), Some("cluster"));
        assert_eq!(closest("zzz", ["container", "aws-ecs"]), None);
    }
}
