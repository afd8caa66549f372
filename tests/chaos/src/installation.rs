//! Where buyers order: one process, or many.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::database::Databases;
use crate::embedded::Embedded;
use crate::plan::{ChaosError, Plan, Shape};
use crate::scaled::Scaled;

/// What runs, and can be killed.
#[derive(Debug)]
pub enum Installation {
    Embedded(Embedded),
    Scaled(Scaled),
}

impl Installation {
    /// Starts a new one and waits until it is ready.
    pub async fn start(plan: &Plan) -> Result<Self, ChaosError> {
        match &plan.shape {
            Shape::Embedded { core } => {
                let mut embedded = Embedded::new(&plan.binary, plan.buyers, *core)?;
                embedded.start().await?;
                Ok(Self::Embedded(embedded))
            }
            Shape::Scaled { xtask, .. } => {
                let scaled = Scaled::start(xtask, &plan.binary, plan.buyers).await?;
                Ok(Self::Scaled(scaled))
            }
        }
    }

    pub fn api(&self) -> String {
        match self {
            Self::Embedded(one) => one.api(),
            Self::Scaled(all) => all.api(),
        }
    }

    pub fn issuer(&self) -> String {
        match self {
            Self::Embedded(one) => one.issuer(),
            Self::Scaled(all) => all.issuer(),
        }
    }

    /// The certificate whose owner must be trusted; none without TLS.
    pub fn authority(&self) -> Result<Option<Vec<u8>>, ChaosError> {
        match self {
            Self::Embedded(_) => Ok(None),
            Self::Scaled(all) => all.authority().map(Some),
        }
    }

    /// Kills a process with SIGKILL and starts it again; says which.
    pub async fn kill(&mut self, random: &mut StdRng) -> Result<String, ChaosError> {
        match self {
            Self::Embedded(one) => {
                one.kill().await?;
                one.start().await?;
                Ok("up".to_owned())
            }
            Self::Scaled(all) => {
                let role = all.roles()[random.random_range(0..all.roles().len())].clone();
                all.kill(&role).await?;
                Ok(role)
            }
        }
    }

    /// Begins to restart the broker, if there is one.
    pub async fn restart_broker(&mut self, in_order: bool) -> Result<(), ChaosError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Scaled(all) => all.restart_broker(in_order).await,
        }
    }

    /// How often the broker has come back.
    pub fn broker_was_back(&self) -> usize {
        match self {
            Self::Embedded(_) => 0,
            Self::Scaled(all) => all.broker_was_back(),
        }
    }

    /// Which processes ended by themselves and were started again, and how often.
    pub fn ended_by_themselves(&self) -> Vec<(String, usize)> {
        match self {
            Self::Embedded(_) => Vec::new(),
            Self::Scaled(all) => all.ended_by_themselves(),
        }
    }

    /// Stops what would write to a file that we write to.
    pub async fn pause(&mut self) -> Result<(), ChaosError> {
        match self {
            Self::Embedded(one) => one.kill().await,
            Self::Scaled(_) => Ok(()),
        }
    }

    /// Goes on, with a service that has just been started.
    pub async fn go_on(&mut self, service: &str) -> Result<(), ChaosError> {
        match self {
            Self::Embedded(one) => one.start().await,
            Self::Scaled(all) => all.kill(service).await,
        }
    }

    /// Delivers all that a consumer has ever heard to it again.
    pub async fn replay(&self, consumer: &str) -> Result<(), ChaosError> {
        match self {
            Self::Embedded(one) => one.replay(consumer).await,
            Self::Scaled(all) => all.replay(consumer).await,
        }
    }

    /// The databases of services and bus.
    pub async fn databases(&self) -> Result<Databases, ChaosError> {
        match self {
            Self::Embedded(one) => one.databases().await,
            Self::Scaled(all) => all.databases().await,
        }
    }

    /// Ends everything. What one process has written stays as long as this value; what many have goes.
    pub async fn stop(&mut self) -> Result<(), ChaosError> {
        match self {
            Self::Embedded(one) => one.kill().await,
            Self::Scaled(all) => all.stop().await,
        }
    }
}
