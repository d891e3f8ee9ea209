//! Small projects for the tests of rules.
