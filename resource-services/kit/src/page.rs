//! Paged lists: a limit, and a cursor with the position after the last page; and lists of named resources.

use latchkey_http::{Problem, codes, cursor, is_uuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A page size between 1 and 100, by default 20; 400 otherwise.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked {
        None => Ok(20),
        Some(limit @ 1..=100) => Ok(limit),
        Some(_) => Err(codes::INVALID_LIMIT.into()),
    }
}

/// The position after the previous page, if this is not the first one. `fits` rejects a cursor of another list.
pub fn after<P: DeserializeOwned>(
    cursor: Option<&str>,
    fits: impl Fn(&P) -> bool,
) -> Result<Option<P>, Problem> {
    let position = cursor.map(cursor::decode::<P>).transpose()?;
    match position {
        Some(position) if !fits(&position) => Err(codes::INVALID_CURSOR.into()),
        position => Ok(position),
    }
}

/// Cuts a page of `limit` from one row more, which shows whether it is the last page, and returns the cursor.
pub fn cut<T, P: Serialize>(
    mut found: Vec<T>,
    limit: i64,
    position: impl Fn(&T) -> P,
) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| cursor::encode(&position(last)));
    (found, next)
}

/// The ids of `?ids=`, each once and in their order, or what is wrong with them.
pub fn ids(text: &str) -> Result<Vec<String>, &'static str> {
    let mut parsed: Vec<String> = Vec::new();
    for id in text.split(',') {
        if !is_uuid(id) {
            return Err("contains an entry that is not an id");
        }
        if !parsed.iter().any(|known| known == id) {
            parsed.push(id.to_owned());
        }
        if parsed.len() > MOST_IDS {
            return Err("contains more than 100 entries");
        }
    }
    Ok(parsed)
}

const MOST_IDS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_between_1_and_100_entries() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        for bad in [0, -1, 101, 1 << 31, i64::MIN, i64::MAX] {
            assert_eq!(limit(Some(bad)).unwrap_err().code, "invalid_limit");
        }
    }

    #[test]
    fn ids_are_at_most_a_hundred_and_each_counts_once() {
        let id = |n: usize| format!("01a1ebbc-0000-7000-8000-{n:012}");
        let list = |count: usize| (0..count).map(id).collect::<Vec<_>>().join(",");
        assert_eq!(ids(&list(100)).map(|ids| ids.len()), Ok(100));
        assert_eq!(ids(&format!("{0},{0}", id(1))), Ok(vec![id(1)]));
        assert!(ids(&list(101)).is_err());
        for bad in ["", ",", "x", &format!("{},", id(1))] {
            assert!(ids(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_ends_with_a_cursor_only_when_there_is_more() {
        let page = |found: usize| cut((0..found).collect(), 2, |at| *at);
        assert_eq!(page(2), (vec![0, 1], None));
        let (items, next) = page(3);
        assert_eq!(items, [0, 1]);
        assert_eq!(after::<usize>(next.as_deref(), |_| true).unwrap(), Some(1));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let cursor = cursor::encode(&7);
        let refused = after::<i64>(Some(&cursor), |at| *at != 7).unwrap_err();
        assert_eq!(refused.code, "invalid_cursor");
        assert_eq!(after::<i64>(None, |_| false).unwrap(), None);
    }
}
