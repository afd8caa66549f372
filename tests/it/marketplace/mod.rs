//! The marketplace as its people see it: a checkout, and each row of the failure matrix in `docs/orders.md`, through
//! every service, its database and the bus.

mod administration;
mod backup;
mod cancelling;
mod checkout;
mod dead_letters;
mod drift;
mod money;
mod outages;
mod pricing;
mod scarcity;
mod strangers;
mod world;

pub use world::{Bus, Shop, by_card};
use world::{Coupon, Item, Person};

/// Makes a test of each function for every back end of the bus: a back end is one module here, and an arm of
/// [`Shop::with`].
macro_rules! on_every_bus {
    ($($name:ident,)*) => {
        mod sql_log {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::marketplace::Bus::SqlLog).await;
            })*
        }

        mod rabbitmq {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::marketplace::Bus::RabbitMq).await;
            })*
        }
    };
}
use on_every_bus;

/// The same with the bus and every database on PostgreSQL, for a few.
macro_rules! on_postgresql {
    ($($name:ident,)*) => {
        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::marketplace::Bus::PostgreSql).await;
            })*
        }
    };
}
use on_postgresql;
