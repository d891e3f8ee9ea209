//! Records: one JSON document per deployment.
