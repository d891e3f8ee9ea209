//! Asks a served price over HTTP.
