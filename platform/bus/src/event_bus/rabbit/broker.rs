//! The connections to a broker, and the names of what is declared there.

use std::sync::Arc;
use std::time::Duration;

use futures::TryFutureExt;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use lapin::{ErrorKind, ExchangeKind};
use latchkey_clock::{Clock, Random};

use super::address::Address;
use super::link::{Link, Publisher, in_time};
use super::topology::{Names, short};
use crate::BusError;

/// How often somebody looks who waits for a database.
const POLL: Duration = Duration::from_secs(1);

/// The back end. Cloning is cheap.
#[derive(Clone)]
pub struct RabbitEventBus {
    pub(super) names: Names,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) publisher: Arc<Publisher>,
    /// Apart from the publisher's connection, which the broker stops reading when it is short of memory.
    pub(super) consuming: Arc<Link>,
    pub(super) address: Address,
    pub(super) poll: Duration,
}

impl RabbitEventBus {
    /// Connects, and checks that the exchanges are declared.
    pub(in crate::event_bus) async fn open(
        url: &str,
        clock: Clock,
        random: Random,
    ) -> Result<Self, BusError> {
        let address = Address::parse(url)?;
        let names = Names::new(&address.prefix);
        let bus = Self {
            names,
            clock,
            random,
            publisher: Arc::new(Publisher::new(Link::new(address.clone(), "publisher"))),
            consuming: Arc::new(Link::new(address.clone(), "consumer")),
            address,
            poll: POLL,
        };
        bus.check().await?;
        Ok(bus)
    }

    /// A connection for one operation of an operator.
    pub(super) fn operator(&self) -> Link {
        Link::new(self.address.clone(), "operator")
    }

    async fn check(&self) -> Result<(), BusError> {
        let (channel, exchange) = (self.consuming.channel().await?, self.names.events());
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let arguments = FieldTable::default();
        let asked = channel.exchange_declare(short(&exchange)?, ExchangeKind::Topic, passive, arguments);
        in_time(asked.map_err(|error| undeclared(error, &exchange))).await?;
        in_time(channel.close(200, "done".into()).err_into()).await
    }
}

/// The error of an operation on `name`, which may not have been declared.
pub(super) fn undeclared(error: lapin::Error, name: &str) -> BusError {
    const NOT_FOUND: u16 = 404;
    match error.kind() {
        ErrorKind::ProtocolError(reason) if reason.get_id() == NOT_FOUND => {
            BusError::NotDeclared(name.to_owned())
        }
        _ => error.into(),
    }
}
