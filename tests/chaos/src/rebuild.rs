//! Read models are emptied and filled again by the product, from all events that there ever were: what they are then is
//! what they were before, byte by byte.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::database::Databases;
use crate::installation::Installation;
use crate::plan::ChaosError;

/// What a service keeps of what others told it.
struct ReadModel {
    database: &'static str,
    /// Who fills it; nobody, if the service does at its start.
    consumer: Option<&'static str>,
    /// Statements whose rows are all of it.
    reads: &'static [&'static str],
    /// Statements that leave nothing of it.
    empties: &'static [&'static str],
}

const MODELS: [ReadModel; 11] = [
    ReadModel {
        database: "basket",
        consumer: Some("basket.courses"),
        reads: &["SELECT * FROM courses"],
        empties: &["DELETE FROM courses"],
    },
    ReadModel {
        database: "basket",
        consumer: Some("basket.stock"),
        reads: &["SELECT * FROM stock", "SELECT * FROM owned"],
        empties: &["DELETE FROM stock", "DELETE FROM owned"],
    },
    ReadModel {
        database: "catalog",
        consumer: Some("catalog.stock"),
        reads: &["SELECT * FROM seats", "SELECT * FROM owned"],
        empties: &["DELETE FROM seats", "DELETE FROM owned"],
    },
    ReadModel {
        database: "discount",
        consumer: Some("discount.courses"),
        reads: &["SELECT * FROM courses"],
        empties: &["DELETE FROM courses"],
    },
    ReadModel {
        database: "inventory",
        consumer: Some("inventory.courses"),
        reads: &["SELECT * FROM stock"],
        // The rest of a row is inventory's own.
        empties: &[
            "UPDATE stock SET title = '', slug = '', instructor_id = '', on_sale = 0, course_version = 0",
        ],
    },
    ReadModel {
        database: "order",
        consumer: Some("order.courses"),
        reads: &["SELECT * FROM course_titles"],
        empties: &["DELETE FROM course_titles"],
    },
    ReadModel {
        database: "order",
        consumer: Some("order.items"),
        reads: &["SELECT * FROM consumed_items", "SELECT * FROM learned_courses"],
        empties: &["DELETE FROM consumed_items", "DELETE FROM learned_courses"],
    },
    ReadModel {
        database: "photo",
        consumer: Some("photo.courses"),
        reads: &["SELECT * FROM uses", "SELECT id, refs FROM photos"],
        empties: &[
            "DELETE FROM uses",
            "UPDATE photos SET refs = 0, unused_since = 9000000000000 WHERE refs > 0",
        ],
    },
    ReadModel {
        database: "billing",
        consumer: Some("billing.wallets"),
        reads: &["SELECT * FROM wallet_balances"],
        empties: &["DELETE FROM wallet_balances"],
    },
    ReadModel {
        database: "billing",
        consumer: Some("billing.payments"),
        // Entries of the journal are found to be there.
        reads: &["SELECT * FROM captures", "SELECT * FROM journal_lines"],
        empties: &["DELETE FROM captures"],
    },
    ReadModel {
        database: "catalog",
        consumer: None,
        reads: &["SELECT id, seq FROM courses WHERE seq IS NOT NULL"],
        empties: &["DELETE FROM course_index", "UPDATE courses SET seq = NULL"],
    },
];

/// The words of the index by course, on each engine.
const WORDS_OF_SQLITE: &str =
    "SELECT c.id, w.term FROM temp.course_index_words w JOIN courses c ON c.seq = w.doc";
const WORDS_OF_POSTGRES: &str =
    "SELECT c.id, CAST(i.words AS TEXT) AS words FROM course_index i JOIN courses c ON c.seq = i.rowid";

/// A row of a read model, and where it is.
type Line = (&'static str, &'static str, String);

/// Rebuilds all read models, and says what is not as it was; nothing may be under way.
pub async fn rebuild(installation: &mut Installation) -> Result<Vec<String>, ChaosError> {
    let databases = installation.databases().await?;
    let before = read(&databases).await?;
    installation.pause().await?;
    for model in &MODELS {
        for empty in model.empties {
            databases.execute(model.database, empty).await?;
        }
    }
    for consumer in MODELS.iter().filter_map(|model| model.consumer) {
        installation.replay(consumer).await?;
    }
    installation.go_on("catalog").await?;
    let begun = Instant::now();
    loop {
        let over = begun.elapsed() > PATIENCE || is_settled(&databases, begun).await?;
        let after = read(&databases).await?;
        if after == before || over {
            let differ = before.symmetric_difference(&after);
            return Ok(differ
                .map(|line @ (database, statement, row)| {
                    let when = if after.contains(line) { "after" } else { "before" };
                    format!("only {when} the rebuilding, {database} ({statement}): {row}")
                })
                .collect());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether all events have been handled once more, and all courses are in the index.
async fn is_settled(databases: &Databases, begun: Instant) -> Result<bool, ChaosError> {
    // What a broker says of its queues is some seconds old.
    if !databases.are_sqlite() && begun.elapsed() < OLD {
        return Ok(false);
    }
    let missing = "SELECT COUNT(*) FROM courses WHERE status = 'published' AND seq IS NULL";
    Ok(databases.count("catalog", missing).await? == 0 && databases.undelivered().await? == 0)
}

async fn read(databases: &Databases) -> Result<BTreeSet<Line>, ChaosError> {
    let mut lines = BTreeSet::new();
    let words = match databases.are_sqlite() {
        true => {
            let table = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.course_index_words USING fts5vocab(main, course_index, instance)";
            databases.execute("catalog", table).await?;
            WORDS_OF_SQLITE
        }
        false => WORDS_OF_POSTGRES,
    };
    let models = MODELS
        .iter()
        .flat_map(|model| model.reads.iter().map(|statement| (model.database, *statement)));
    for (database, statement) in models.chain([("catalog", words)]) {
        for row in databases.rows(database, statement).await? {
            lines.insert((database, statement, row.line()));
        }
    }
    Ok(lines)
}

const OLD: Duration = Duration::from_secs(15);
/// Each event of the run is handled once more by each of its consumers.
const PATIENCE: Duration = Duration::from_secs(300);
