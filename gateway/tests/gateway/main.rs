//! The gateway seen from both sides: a client on one socket, an upstream on another.

#![expect(clippy::unwrap_used, reason = "a test ends where its fixture fails")]

mod address_limits;
mod bodies;
mod bounds;
mod failures;
mod forwarding;
mod harness;
mod headers;
mod hosts;
mod logs;
mod own_services;
mod pages;
mod paths;
mod streams;
mod tls;
mod verify;
mod websockets;
