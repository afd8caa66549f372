//! The list of services. Configuration, start, edge, readiness, demo and the tests of the structure all iterate over
//! it: adding a service is one line here, and its own crate.

use latchkey_contracts::resource::ResourceContract;
use latchkey_kit::ServiceSpec;
use latchkey_protocol::Resource;
use latchkey_protocol::resource::ResourceScope;

/// A list of services that a process can play.
pub type Services = &'static [&'static ServiceSpec];

/// The services of the marketplace.
pub static SERVICES: Services = &[&latchkey_catalog::SPEC];

/// A service as a resource of the issuer.
pub(crate) fn resource(contract: &ResourceContract) -> Resource {
    let scope = |scope: &&latchkey_contracts::resource::ScopeContract| ResourceScope {
        name: scope.name.to_owned(),
        description: Some(scope.description.to_owned()),
        roles: scope.roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    Resource {
        identifier: contract.audience.to_owned(),
        title: Some(contract.title.to_owned()),
        aliases: Vec::new(),
        scopes: contract.scopes.iter().map(scope).collect(),
        wants_roles: true,
    }
}

/// The resources of all services.
pub(crate) fn resources(services: Services) -> Vec<Resource> {
    services.iter().map(|spec| resource(spec.resource)).collect()
}
