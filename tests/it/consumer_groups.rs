//! The names of consumer groups. The bus and the inboxes remember under them what a service has handled, so two
//! services must never share one, and none may change once its service runs.

use std::collections::BTreeSet;

use latchkey::services::SERVICES;

/// A group whose name is older than the rule.
const OLDER: (&str, &str) = ("catalog", "catalog");

/// A service and the names of its groups.
type Groups = (String, Vec<String>);

fn groups() -> Vec<Groups> {
    let specs = SERVICES.iter().copied().chain([&latchkey_toy::SPEC]);
    // The service of dead letters hears nothing itself.
    specs
        .filter(|spec| !spec.operator)
        .map(|spec| {
            let names = spec.consumers.iter().map(|consumer| (consumer.group)().name);
            (spec.name().to_owned(), names.map(str::to_owned).collect())
        })
        .collect()
}

/// Every group that is not named `<service>.<subject>`, and every name that is taken twice.
fn misnamed(groups: &[Groups]) -> Vec<String> {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for (service, names) in groups {
        for name in names {
            let subject = name
                .strip_prefix(service.as_str())
                .and_then(|rest| rest.strip_prefix('.'));
            if !subject.is_some_and(word) && (service.as_str(), name.as_str()) != OLDER {
                found.push(format!("{name} of {service}"));
            }
            if !taken.insert(name) {
                found.push(format!("{name} twice"));
            }
        }
    }
    found
}

#[test]
fn consumer_groups_are_named_after_their_service_and_unique() {
    let groups = groups();
    for (service, names) in &groups {
        assert!(!names.is_empty(), "no group of {service} was found");
    }
    assert_eq!(misnamed(&groups), Vec::<String>::new());
}

#[test]
fn a_planted_group_name_is_found() {
    for planted in [
        "order",
        "order-users",
        "order.",
        "ordering.users",
        "users",
        "order.users",
    ] {
        let mut groups = vec![("order".to_owned(), vec!["order.users".to_owned()])];
        assert_eq!(misnamed(&groups), Vec::<String>::new());
        groups.push(("basket".to_owned(), vec![planted.to_owned()]));
        assert!(!misnamed(&groups).is_empty(), "{planted}");
        groups[1].0 = "order".to_owned();
        assert_eq!(misnamed(&groups).len(), 1, "{planted}");
    }
}
