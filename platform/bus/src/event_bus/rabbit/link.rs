//! Connections to the broker: opened when they are needed, and again after they have failed.
//!
//! A connection that has failed is not repaired but replaced, with its channels: an acknowledgement never reaches
//! another channel than the one that delivered.

use std::time::Duration;

use futures::TryFutureExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::sync::Mutex;

use super::address::Address;
use super::tls::TlsRuntime;
use super::topology::short;
use crate::BusError;

/// How long any answer of the broker may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub(super) struct Link {
    address: Address,
    purpose: &'static str,
    connection: Mutex<Option<Connection>>,
}

/// A message to publish.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub exchange: String,
    pub key: String,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
}

/// A connection with a channel on which the broker confirms.
pub(super) struct Publisher {
    link: Link,
    channel: Mutex<Option<Channel>>,
}

impl Link {
    pub fn new(address: Address, purpose: &'static str) -> Self {
        Self {
            address,
            purpose,
            connection: Mutex::new(None),
        }
    }

    /// A new channel.
    pub async fn channel(&self) -> Result<Channel, BusError> {
        let mut held = self.connection.lock().await;
        let alive = held.take().filter(|connection| connection.status().connected());
        let connection = match alive {
            Some(connection) => connection,
            None => {
                let name = format!("latchkey {}", self.purpose);
                let properties = ConnectionProperties::default().with_connection_name(name.as_str().into());
                let uri = self.address.uri.clone();
                match &self.address.authorities {
                    None => in_time(Connection::connect_uri(uri, properties).err_into()).await?,
                    Some(authorities) => {
                        let tls = TlsRuntime::new(&uri.authority.host, authorities)?;
                        let connecting = Connection::connect_uri_with_runtime(uri, properties, tls.into());
                        in_time(connecting.err_into()).await?
                    }
                }
            }
        };
        let channel = in_time(connection.create_channel().err_into()).await?;
        *held = Some(connection);
        Ok(channel)
    }

    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take()
            && let Err(error) = in_time(connection.close(200, "closed".into()).err_into()).await
        {
            tracing::debug!(error = %error, "the connection to the broker was gone already");
        }
    }
}

impl Publisher {
    pub fn new(link: Link) -> Self {
        Self {
            link,
            channel: Mutex::new(None),
        }
    }

    /// Publishes in this order and returns when the broker has stored every message in every queue that takes it.
    pub async fn publish(&self, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let published = in_time(self.publish_all(messages)).await;
        if let Err(BusError::Broker(_) | BusError::Silent) = published {
            // Whatever is still unconfirmed on the channel has failed with it.
            self.channel.lock().await.take();
        }
        published
    }

    async fn publish_all(&self, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let mut confirms = Vec::with_capacity(messages.len());
        {
            // Held while sending, so that batches do not mix, and not while waiting.
            let mut held = self.channel.lock().await;
            let alive = held.take().filter(|channel| channel.status().connected());
            let channel = match alive {
                Some(channel) => channel,
                None => {
                    let channel = self.link.channel().await?;
                    channel.confirm_select(ConfirmSelectOptions::default()).await?;
                    channel
                }
            };
            for message in messages {
                let options = BasicPublishOptions {
                    mandatory: true,
                    ..Default::default()
                };
                let (exchange, key) = (short(&message.exchange)?, short(&message.key)?);
                let confirm = channel
                    .basic_publish(exchange, key, options, &message.body, message.properties)
                    .await?;
                confirms.push((message.key, confirm));
            }
            *held = Some(channel);
        }
        let mut refused = None;
        for (key, confirm) in confirms {
            match confirm.await? {
                Confirmation::Ack(None) => {}
                // With the message it was routed to no queue at all, and is lost.
                Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested => {
                    refused.get_or_insert(key);
                }
            }
        }
        refused.map_or(Ok(()), |key| Err(BusError::NotAccepted(key)))
    }

    pub async fn close(&self) {
        self.channel.lock().await.take();
        self.link.close().await;
    }
}

/// The result of `operation`, unless it takes too long.
pub(super) async fn in_time<T>(operation: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    tokio::time::timeout(PATIENCE, operation)
        .await
        .unwrap_or(Err(BusError::Silent))
}
