//! The list of services. Configuration, start, edge, readiness, demo and the tests of the structure all iterate over
//! it: adding a service is one line here, and its own crate.

use latchkey_bus::Group;
use latchkey_kit::ServiceSpec;
use latchkey_protocol::Resource;

/// A list of services that a process can play.
pub type Services = &'static [&'static ServiceSpec];

/// The services of the marketplace.
pub static SERVICES: Services = &[
    &latchkey_catalog::SPEC,
    &latchkey_basket::SPEC,
    &latchkey_discount::SPEC,
    &latchkey_inventory::SPEC,
    &latchkey_payment::SPEC,
    &latchkey_order::SPEC,
    &latchkey_photo::SPEC,
    &latchkey_billing::SPEC,
    &latchkey_events::SPEC,
];

/// The resources of all services.
pub(crate) fn resources(services: Services) -> Vec<Resource> {
    services
        .iter()
        .map(|spec| latchkey_identity::resource_of(spec.resource))
        .collect()
}

/// The consumer groups of all services.
pub(crate) fn groups(services: Services) -> Vec<Group> {
    let consumers = services.iter().flat_map(|spec| spec.consumers);
    consumers.map(|consumer| (consumer.group)()).collect()
}
