//! What the caller may do.

use std::collections::BTreeSet;

/// Five policies, each with everything of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The policy of Haute's ECS guide: push an image, update and describe the service. Eight actions.
    T0,
    /// And read and register task definitions, with their tags, and pass their roles.
    T1,
    /// And see tasks and their logs.
    T2,
    /// And see, stop and continue service deployments.
    T3,
    /// And read and create repositories.
    T4,
}

impl Tier {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] = [Self::T0, Self::T1, Self::T2, Self::T3, Self::T4];

    /// What this tier adds to the one before.
    fn own(self) -> &'static [&'static str] {
        match self {
            Self::T0 => &[
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
                "ecr:PutImage",
                "ecs:UpdateService",
                "ecs:DescribeServices",
            ],
            Self::T1 => &[
                "ecs:DescribeTaskDefinition",
                "ecs:RegisterTaskDefinition",
                "ecs:ListTaskDefinitions",
                "ecs:ListTagsForResource",
                "ecs:TagResource",
                "iam:PassRole",
            ],
            Self::T2 => {
                &["ecs:ListTasks", "ecs:DescribeTasks", "logs:GetLogEvents", "logs:DescribeLogGroups"]
            }
            Self::T3 => &[
                "ecs:ListServiceDeployments",
                "ecs:DescribeServiceDeployments",
                "ecs:DescribeServiceRevisions",
                "ecs:StopServiceDeployment",
                "ecs:ContinueServiceDeployment",
            ],
            Self::T4 => &[
                "ecr:DescribeImages",
                "ecr:DescribeRepositories",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
                "ecr:CreateRepository",
                "elasticloadbalancing:DescribeTargetGroups",
            ],
        }
    }
}

/// The actions a caller may use, as IAM names them: `ecs:UpdateService`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `None`: everything.
    allowed: Option<BTreeSet<String>>,
    denied: BTreeSet<String>,
}

impl Policy {
    /// Everything is allowed.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Nothing is, but what needs no permission (`sts:GetCallerIdentity`).
    pub fn nothing() -> Self {
        Self { allowed: Some(BTreeSet::new()), denied: BTreeSet::new() }
    }

    /// What a tier and those below it allow.
    pub fn tier(tier: Tier) -> Self {
        Tier::ALL
            .into_iter()
            .filter(|one| *one <= tier)
            .flat_map(Tier::own)
            .fold(Self::nothing(), |policy, action| policy.allow(*action))
    }

    /// Allows one more action.
    #[must_use]
    pub fn allow(mut self, action: impl Into<String>) -> Self {
        let action = action.into();
        self.denied.remove(&action);
        if let Some(allowed) = &mut self.allowed {
            allowed.insert(action);
        }
        self
    }

    /// Denies an action, whatever else is allowed.
    #[must_use]
    pub fn deny(mut self, action: impl Into<String>) -> Self {
        self.denied.insert(action.into());
        self
    }

    /// Whether an action is allowed.
    pub fn allows(&self, action: &str) -> bool {
        !self.denied.contains(action) && self.allowed.as_ref().is_none_or(|allowed| allowed.contains(action))
    }
}

impl From<Tier> for Policy {
    fn from(tier: Tier) -> Self {
        Self::tier(tier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_what_the_one_below_has() {
        assert_eq!(Policy::tier(Tier::T0).allowed.unwrap().len(), 8);
        for pair in Tier::ALL.windows(2) {
            for action in pair[0].own() {
                assert!(Policy::tier(pair[1]).allows(action), "{action}");
            }
            for action in pair[1].own() {
                assert!(!Policy::tier(pair[0]).allows(action), "{action}");
            }
        }
    }

    #[test]
    fn an_action_can_be_taken_away_and_given() {
        let policy = Policy::everything().deny("ecs:ListTasks");
        assert!(!policy.allows("ecs:ListTasks") && policy.allows("ecs:DescribeTasks"));
        assert!(policy.allow("ecs:ListTasks").allows("ecs:ListTasks"));
    }
}
