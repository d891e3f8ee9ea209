//! Times of JSON 1.1: seconds since 1970, with a fraction.

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, Serializer};

/// Reads seconds since 1970. What is no time that can be written down counts as missing: no price depends on it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.and_then(from_seconds))
}

/// Writes seconds since 1970.
#[expect(clippy::ref_option, reason = "the form that serde calls")]
pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year of ECS are far below 2^53")]
        Some(time) => serializer.serialize_f64(time.as_millisecond() as f64 / 1000.0),
        None => serializer.serialize_none(),
    }
}

fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let milliseconds = (seconds * 1000.0).round();
    if milliseconds.is_nan() || milliseconds.abs() >= 9e15 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range just above")]
    Timestamp::from_millisecond(milliseconds as i64).ok()
}
