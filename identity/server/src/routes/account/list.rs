//! Lists of the account's pages: a page of each, and the position after which the next one continues.

use std::sync::Arc;

use latchkey_http::{Form, cursor};
use latchkey_protocol::ClientId;
use latchkey_protocol::client::Client;
use latchkey_protocol::error::PageError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::IdentityError;
use crate::pages::client_name;
use crate::registry::Registry;

/// How many lines a page of a list has.
pub(crate) const MOST: i64 = 50;

/// A page of a list.
pub(crate) struct Listing<T> {
    pub lines: Vec<T>,
    /// Whether it continues an earlier page.
    pub goes_on: bool,
    /// The page token of the next page, if there is one.
    pub older: Option<String>,
}

impl<T> Listing<T> {
    /// A page of rows, of which one more than a page was queried.
    pub fn of<P: Serialize>(mut rows: Vec<T>, goes_on: bool, place: impl Fn(&T) -> P) -> Self {
        let whole = usize::try_from(MOST).unwrap_or(usize::MAX);
        let more = rows.len() > whole;
        rows.truncate(whole);
        let last = rows.last().filter(|_| more);
        Self {
            older: last.map(|last| cursor::encode(&place(last))),
            goes_on,
            lines: rows,
        }
    }

    pub fn map<U>(self, line: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            lines: self.lines.into_iter().map(line).collect(),
            goes_on: self.goes_on,
            older: self.older,
        }
    }
}

/// The parameters of an address.
pub(crate) fn parameters(query: &str) -> Result<Form, PageError> {
    Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)
}

/// The position in a list, if the address contains one. Its content is bound; no id of ours has anything but visible
/// ASCII.
pub(crate) fn place<T: DeserializeOwned>(
    form: &mut Form,
    name: &str,
    id: impl Fn(&T) -> &str,
) -> Result<Option<T>, PageError> {
    let Some(text) = form.take(name) else {
        return Ok(None);
    };
    let place: T = cursor::decode(&text).map_err(|_| PageError::Malformed)?;
    if !id(&place).bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(PageError::Malformed);
    }
    Ok(Some(place))
}

/// The client with this id, if it still exists.
pub(crate) async fn existing_client(
    registry: &Registry,
    id: &str,
) -> Result<Option<Arc<Client>>, IdentityError> {
    match ClientId::parse(id) {
        Some(id) => registry.client(&id).await,
        None => Ok(None),
    }
}

/// The name of a client; its id if it is gone.
pub(crate) fn name_of(client: Option<&Client>, id: &str) -> String {
    client.map_or(id, client_name).to_owned()
}
