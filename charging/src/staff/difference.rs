use std::collections::BTreeSet;

use serde_json::Value;

/// One thing that is otherwise now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stands: names joined by dots.
    pub name: String,
    /// `None`: there was nothing.
    pub before: Option<String>,
    /// `None`: there is nothing any more.
    pub after: Option<String>,
}

/// What differs between two states, in the order of names. Lists are one text, since the order of what they hold rarely says
/// more than the whole.
pub fn difference(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(String::new(), before, after, &mut changes);
    changes
}

fn compare(name: String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    let (before, after) = (before.filter(|value| !value.is_null()), after.filter(|value| !value.is_null()));
    if before == after {
        return;
    }
    let fields = [before, after].map(|value| value.and_then(Value::as_object));
    let is_plain = |value: Option<&Value>| value.is_some_and(|value| !value.is_object());
    if fields == [None, None] || is_plain(before) || is_plain(after) {
        changes.push(Change { name, before: before.map(words), after: after.map(words) });
        return;
    }
    let names: BTreeSet<&String> = fields.into_iter().flatten().flat_map(serde_json::Map::keys).collect();
    for field in names {
        let inner = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
        compare(inner, fields[0].and_then(|f| f.get(field)), fields[1].and_then(|f| f.get(field)), changes);
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn change(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { name: name.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "李娜", "roles": ["agent"], "blocked": false, "of": {"a": 1, "b": 2}});
        let after = json!({"name": "李娜", "roles": ["agent", "auditor"], "blocked": true, "of": {"a": 1, "b": 3}});
        let expected = vec![
            change("blocked", Some("false"), Some("true")),
            change("of.b", Some("2"), Some("3")),
            change("roles", Some("agent"), Some("agent, auditor")),
        ];
        assert_eq!(difference(Some(&before), Some(&after)), expected);
    }

    #[test]
    fn what_came_and_what_went_stand_alone() {
        let state = json!({"login": "li.na", "roles": []});
        let came = vec![change("login", None, Some("li.na")), change("roles", None, Some(""))];
        assert_eq!(difference(None, Some(&state)), came);
        let went = vec![change("login", Some("li.na"), None), change("roles", Some(""), None)];
        assert_eq!(difference(Some(&state), None), went);
        let turned = vec![change("login", Some("li.na"), Some("1"))];
        assert_eq!(difference(Some(&json!({"login": "li.na"})), Some(&json!({"login": 1}))), turned);
        assert_eq!(difference(None, None), []);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,2}", inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_state_differs_from_itself_in_nothing_and_both_ways_alike(a in value(), b in value()) {
            prop_assert_eq!(difference(Some(&a), Some(&a)), vec![]);
            let there = difference(Some(&a), Some(&b));
            let back: Vec<Change> = difference(Some(&b), Some(&a))
                .into_iter()
                .map(|change| Change { before: change.after, after: change.before, ..change })
                .collect();
            prop_assert_eq!(there, back);
        }
    }
}
