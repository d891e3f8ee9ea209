//! The release as a supervised process on this machine.
