//! For any task definition there could be: nothing is lost, and order where there is none is no change.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{READ_ONLY, TaskDefinition};

/// Any JSON, with names that mean something to ECS among others.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(member(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "environment",
            "secrets",
            "name",
            "value",
            "valueFrom",
            "portMappings",
            "containerPort",
            "hostPort",
            "protocol",
            "options",
            "mountPoints",
            "healthCheck",
            "volumes",
            "runtimePlatform",
            "cpu",
            "memory",
            "networkMode",
            "requiresCompatibilities",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,8}",
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let container = btree_map(member(), anything(), 0..6);
    (vec(container, 1..4), btree_map(member(), anything(), 0..6)).prop_map(|(containers, members)| {
        let mut body: Map<String, Value> = members.into_iter().collect();
        body.insert("family".to_owned(), json!("motor"));
        let containers = containers.into_iter().enumerate().map(|(at, members)| {
            let mut container: Map<String, Value> = members.into_iter().collect();
            container.insert("name".to_owned(), json!(format!("container-{at}")));
            Value::Object(container)
        });
        body.insert("containerDefinitions".to_owned(), containers.collect());
        Value::Object(body)
    })
}

/// The body with what has no order the other way round: members everywhere, and the named lists of ECS.
fn reordered(value: &Value, list: &str) -> Value {
    const UNORDERED: &[&str] = &[
        "containerDefinitions",
        "environment",
        "secrets",
        "mountPoints",
        "portMappings",
        "volumes",
        "requiresCompatibilities",
    ];
    match value {
        Value::Object(members) => {
            let turned = members.iter().rev().map(|(name, value)| (name.clone(), reordered(value, name)));
            Value::Object(turned.collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| reordered(item, "")).collect();
            if UNORDERED.contains(&list) && names_differ(&items) {
                items.reverse();
            }
            Value::Array(items)
        }
        leaf => leaf.clone(),
    }
}

/// Of things of one name, and of things without names, the order is kept: it may mean something.
fn names_differ(items: &[Value]) -> bool {
    let names: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            Value::Object(members) => members.get("name").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        })
        .collect();
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    names.len() == items.len() && different.len() == names.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_on_the_way(body in body(), at in any::<prop::sample::Index>()) {
        let mut described = body.clone();
        for member in READ_ONLY {
            described[member] = json!("only told");
        }
        let definition = TaskDefinition::from_described(json!({"taskDefinition": described})).expect("it is read");
        let container = format!("container-{}", at.index(definition.containers().len()));
        let registered = definition.with_image(&container, "motor@sha256:aa").expect("there is one").register_body();

        let mut expected = body;
        expected.as_object_mut().expect("an object").retain(|_, value| {
            *value != Value::Null && *value != json!("") && *value != json!([]) && *value != json!({})
        });
        for candidate in expected["containerDefinitions"].as_array_mut().expect("a list") {
            if candidate["name"] == json!(container) {
                candidate["image"] = json!("motor@sha256:aa");
            }
        }
        prop_assert_eq!(registered, expected);
    }

    #[test]
    fn nothing_changes_from_a_definition_to_itself_in_another_order(body in body()) {
        let turned = reordered(&body, "");
        let definition = TaskDefinition::from_body(body).expect("it is read");
        let turned = TaskDefinition::from_body(turned).expect("it is read");
        prop_assert_eq!(definition.changes_to(&turned), vec![]);
        prop_assert_eq!(definition.changes_to(&definition.clone()), vec![]);
    }

    #[test]
    fn another_image_is_always_told_and_nothing_else(body in body()) {
        let definition = TaskDefinition::from_body(body).expect("it is read");
        let patched = definition.with_image("container-0", "motor@sha256:new").expect("there is one");
        let fields: Vec<_> = definition.changes_to(&patched).into_iter().map(|change| change.field).collect();
        prop_assert_eq!(fields, vec!["containerDefinitions[container-0].image".to_owned()]);
    }

    #[test]
    fn what_is_told_to_change_is_all_that_changes(before in body(), after in body()) {
        let before = TaskDefinition::from_body(before).expect("it is read");
        let after = TaskDefinition::from_body(after).expect("it is read");
        let there: Vec<_> = before.changes_to(&after).into_iter().map(|change| (change.field, change.before, change.after)).collect();
        let back: Vec<_> = after.changes_to(&before).into_iter().map(|change| (change.field, change.after, change.before)).collect();
        prop_assert_eq!(there, back);
    }
}
