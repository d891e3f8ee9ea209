//! What goes wrong with a call, and with which.

use std::time::Duration;

/// One thing that goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not carried out, and answered with a `ServerException` (500).
    FailBefore,
    /// Carried out, and answered with a `ServerException` (500).
    FailAfter,
    /// Not carried out, and answered with this status and a body that is no JSON, as a load balancer answers.
    Status(u16),
    /// Not carried out, and answered with this type and message (400).
    Refuse {
        /// The type, such as `ClientException`.
        kind: String,
        /// The message.
        message: String,
    },
    /// Not carried out: `ThrottlingException`, "Rate exceeded" (400).
    Throttle,
    /// Not carried out: `ExpiredTokenException` (400).
    ExpiredToken,
    /// Not carried out, and the connection is reset.
    ResetBefore,
    /// Carried out, and the connection is reset.
    ResetAfter,
    /// Not carried out and never answered, until the client gives up: a moment to kill it.
    HangBefore,
    /// Carried out and never answered, until the client gives up.
    HangAfter,
    /// Carried out this much later, in real time.
    Latency(Duration),
    /// Answered as before the last write. Only reads can be stale.
    StaleRead,
    /// Carried out, and answered with half of the JSON.
    Truncate,
}

impl Fault {
    /// Whether it is never answered.
    pub(crate) fn hangs(&self) -> bool {
        matches!(self, Self::HangBefore | Self::HangAfter)
    }

    /// Whether the call is carried out.
    pub(crate) fn has_effect(&self) -> bool {
        matches!(
            self,
            Self::FailAfter
                | Self::ResetAfter
                | Self::HangAfter
                | Self::Latency(_)
                | Self::StaleRead
                | Self::Truncate
        )
    }
}

/// A fault and the calls it meets.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    action: Option<String>,
    number: Option<usize>,
    spared: u32,
    times: Option<u32>,
    used: u32,
}

impl Rule {
    /// Meets every call of an action: `UpdateService`; of the registry, see [`Call`](crate::Call).
    pub fn on(action: impl Into<String>, fault: Fault) -> Self {
        Self { fault, action: Some(action.into()), number: None, spared: 0, times: None, used: 0 }
    }

    /// Meets every call.
    pub fn always(fault: Fault) -> Self {
        Self { fault, action: None, number: None, spared: 0, times: None, used: 0 }
    }

    /// Meets the call of this number, counted from one over all actions since the start, or since
    /// [`forget_calls`](crate::AwsFake::forget_calls).
    pub fn at(number: usize, fault: Fault) -> Self {
        Self { number: Some(number), ..Self::always(fault) }
    }

    /// Meets the first `times` of them only.
    #[must_use]
    pub fn first(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Spares the first `spared` of them.
    #[must_use]
    pub fn after(mut self, spared: u32) -> Self {
        self.spared = spared;
        self
    }

    /// The fault for this call, if it is one for this rule. Counts.
    pub(crate) fn meet(&mut self, number: usize, action: &str) -> Option<Fault> {
        let fits = self.action.as_ref().is_none_or(|mine| mine == action)
            && self.number.is_none_or(|mine| mine == number)
            && self.times.is_none_or(|times| self.used < times);
        if !fits {
            return None;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        self.used += 1;
        Some(self.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_as_often_as_it_should() {
        let mut rule = Rule::on("UpdateService", Fault::Throttle).after(1).first(2);
        let met = ["UpdateService", "DescribeServices", "UpdateService", "UpdateService", "UpdateService"]
            .iter()
            .enumerate()
            .map(|(number, action)| rule.meet(number + 1, action).is_some());
        assert_eq!(met.collect::<Vec<_>>(), [false, false, true, true, false]);
        let mut third = Rule::at(3, Fault::ResetAfter);
        assert_eq!((1..5).filter(|number| third.meet(*number, "x").is_some()).collect::<Vec<_>>(), [3]);
    }
}
