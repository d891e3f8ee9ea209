//! A plan for people: what changes, before → after.

use haute_core::digest::Digest;
use haute_core::plan::{Action, Change, Goal, Plan};

use super::style::{Palette, clean, count};

/// The plan's goal, steps and notes.
pub(crate) fn render(plan: &Plan, palette: Palette) -> String {
    let mut lines = vec![palette.bold(&clean(&headline(plan)))];
    for step in &plan.steps {
        let word = format!("{:7}", word(step.action));
        let word = match step.action {
            Action::Create | Action::Start => palette.good(&word),
            Action::Stop | Action::Delete => palette.bad(&word),
            _ => palette.warn(&word),
        };
        let when = if step.after_verification { palette.dim(" (once verified)") } else { String::new() };
        lines.push(format!("  {word} {}{when}", clean(&step.title)));
        let width = step.changes.iter().map(|change| change.field.chars().count()).max().unwrap_or_default();
        let change =
            |change: &Change| format!("            {:width$}  {}", clean(&change.field), arrow(change));
        lines.extend(step.changes.iter().map(change));
    }
    lines.extend(plan.notes.iter().map(|note| format!("  note: {}", clean(note))));
    lines.push(match plan.steps.len() {
        0 => "Nothing to change.".to_owned(),
        steps => format!("{}.", count(steps, "step")),
    });
    lines.push(String::new());
    lines.join("\n")
}

fn headline(plan: &Plan) -> String {
    let short = |digest: &Option<Digest>| {
        digest.as_ref().map_or_else(|| "nothing".to_owned(), |d| d.short().to_owned())
    };
    let goal = match &plan.goal {
        Goal::Deploy => format!("deploy release {}", short(&plan.release)),
        Goal::Rollback { .. } => format!("roll back to release {}", short(&plan.release)),
        Goal::Remove => "stop serving".to_owned(),
        Goal::Canary { percent } => {
            format!("release {} as a canary with {percent} % of the traffic", short(&plan.release))
        }
        Goal::Promote => format!("promote the canary, release {}", short(&plan.release)),
        Goal::Abort => format!("take the canary away, all to release {}", short(&plan.release)),
        _ => "change".to_owned(),
    };
    format!("{} at {}: {goal}; now serving: {}", plan.target, plan.address, short(&plan.serving))
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Start => "start",
        Action::Stop => "stop",
        Action::Delete => "delete",
        _ => "change",
    }
}

fn arrow(change: &Change) -> String {
    let side = |value: &Option<String>| {
        value.as_deref().map_or("(none)".to_owned(), |v| clean(v).replace('\n', " "))
    };
    match &change.before {
        None => side(&change.after),
        Some(_) => format!("{} → {}", side(&change.before), side(&change.after)),
    }
}

#[cfg(test)]
mod tests {
    use haute_core::plan::Step;

    use super::*;

    #[test]
    fn a_change_is_shown_from_before_to_after() {
        let mut plan = Plan::new("local", "127.0.0.1:8080", Goal::Deploy, Digest::of("world"));
        plan.release = Some(Digest::of("new"));
        plan.serving = Some(Digest::of("old"));
        plan.steps = vec![
            Step::new("start", "Start the release", Action::Start).with_change(Change::new(
                "port",
                None,
                Some("8081".into()),
            )),
            Step::new("switch", "Switch the address", Action::Update)
                .with_change(Change::new("release", Some("old".into()), Some("new".into())))
                .with_change(Change::new("gone", Some("x".into()), None)),
        ];
        plan.notes = vec!["the old process is drained".to_owned()];
        let text = render(&plan, Palette::new(false));
        assert!(text.contains("release  old → new"), "{text}");
        insta::assert_snapshot!(text, @r"
        local at 127.0.0.1:8080: deploy release 11507a0e2f5e; now serving: cba06b5736fa
          start   Start the release
                    port  8081
          update  Switch the address
                    release  old → new
                    gone     x → (none)
          note: the old process is drained
        2 steps.
        ");
        plan.steps.clear();
        assert!(render(&plan, Palette::new(false)).ends_with("Nothing to change.\n"));
    }
}
