//! Lowering: the pruned pipeline source of a release.
