//! What goes in comes out: the two types, their nulls, and lists.

use latchkey_db::{DbError, sql, sql_list};

use crate::fixture::*;

#[tokio::test]
async fn numbers_texts_and_nulls_come_back_as_they_were() {
    for_each_engine("round_trip", async |place| {
        let rows: Vec<(&str, Option<i64>, Option<&str>)> = vec![
            ("a", Some(i64::MAX), Some("")),
            ("b", Some(i64::MIN), Some("it's; -- \"quoted\" \\ $1 {list} %_")),
            ("c", Some(0), Some("çğıİöşü 日本語 🦀\n\t")),
            ("d", None, None),
        ];
        let expected = rows.clone();
        place
            .db
            .write(async move |tx| {
                for (id, number, word) in rows {
                    sql("INSERT INTO rows (id, number, word) VALUES ($1, $2, $3)")
                        .bind(id)
                        .bind(number)
                        .bind(word)
                        .execute(&tx)
                        .await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        let read = sql("SELECT id, number, word FROM rows ORDER BY id")
            .fetch_all(&place.db)
            .await
            .unwrap();
        for (row, (id, number, word)) in read.iter().zip(&expected) {
            assert_eq!(row.text("id").unwrap(), *id);
            assert_eq!(row.opt_int("number").unwrap(), *number);
            assert_eq!(row.opt_text("word").unwrap().as_deref(), *word);
        }
        assert_eq!(read.len(), expected.len());
    })
    .await;
}

#[tokio::test]
async fn a_null_where_a_value_is_expected_names_its_column() {
    for_each_engine("null", async |place| {
        place.insert("a").await.unwrap();
        let row = sql("SELECT id, number FROM rows")
            .fetch_one(&place.db)
            .await
            .unwrap();
        assert!(matches!(row.int("number"), Err(DbError::Row { column, .. }) if column == "number"));
        assert!(matches!(row.int("id"), Err(DbError::Row { column, .. }) if column == "id"));
        assert!(matches!(row.text("missing"), Err(DbError::Row { column, .. }) if column == "missing"));
    })
    .await;
}

#[tokio::test]
async fn a_text_with_a_nul_byte_is_refused() {
    for_each_engine("nul", async |place| {
        assert!(matches!(place.insert("a\0b").await, Err(DbError::Sql(_))));
        assert!(ids(&place.db).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_list_finds_its_members_however_long_it_is() {
    for_each_engine("list", async |place| {
        let all: Vec<String> = (0..1_000).map(|n| format!("{n:04}")).collect();
        let rows = all.clone();
        place
            .db
            .write(async move |tx| {
                for id in &rows {
                    insert(&tx, id).await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        for length in [0, 1, 2, 1_000] {
            let found = sql_list("SELECT id FROM rows WHERE id >= $1 AND id IN ({list}) ORDER BY id")
                .bind("")
                .bind_list(&all[..length])
                .fetch_all(&place.db)
                .await
                .unwrap();
            assert_eq!(found.len(), length);
        }
        let numbers = sql_list("UPDATE rows SET number = $1 WHERE number IN ({list}) OR id = '0001'")
            .bind(5)
            .bind_list(&[1, 2, 3]);
        let touched = place.db.write(async move |tx| numbers.execute(&tx).await).await;
        assert_eq!(touched.unwrap(), 1);
    })
    .await;
}
