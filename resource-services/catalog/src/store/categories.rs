//! Categories. Every writer first locks the tree.

use latchkey_db::{DbError, On, Row, Tx, sql};

use crate::domain::{Category, CategoryDraft, Place};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, parent_id, name, slug, position, version FROM categories ",
            $rest
        )
    };
}

/// All categories, in display order.
pub async fn categories(on: impl Into<On<'_>>) -> Result<Vec<Category>, DbError> {
    sql(select!("ORDER BY position, slug"))
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// The category with this id.
pub async fn category(on: impl Into<On<'_>>, id: &str) -> Result<Option<Category>, DbError> {
    sql(select!("WHERE id = $1"))
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The version of the whole list.
pub async fn tree_version(on: impl Into<On<'_>>) -> Result<i64, DbError> {
    sql("SELECT version FROM category_tree WHERE id = 1")
        .fetch_one(on)
        .await?
        .int("version")
}

/// Locks the tree against other writers, and gives the list a new version.
pub async fn lock_tree(tx: &Tx) -> Result<(), DbError> {
    match sql("UPDATE category_tree SET version = version + 1 WHERE id = 1")
        .execute(tx)
        .await?
    {
        1 => Ok(()),
        _ => Err(DbError::row("category_tree", "its one row is missing")),
    }
}

/// The facts around the category `id`, as far as `draft` needs them.
pub async fn place(tx: &Tx, id: &str, draft: Option<&CategoryDraft>) -> Result<Place, DbError> {
    let mut place = Place::default();
    if let Some(draft) = draft {
        if let Some(parent) = &draft.parent_id {
            place.parent = category(tx, parent).await?;
        }
        let other = sql("SELECT id FROM categories WHERE slug = $1 AND id <> $2")
            .bind(draft.slug())
            .bind(id)
            .fetch_optional(tx)
            .await?;
        place.taken = other.is_some();
    }
    let row = sql(
        "SELECT CAST((SELECT COUNT(*) FROM categories WHERE parent_id = $1) AS BIGINT) AS children, \
         CAST((SELECT COUNT(*) FROM courses WHERE category_id = $1) AS BIGINT) AS courses",
    )
    .bind(id)
    .fetch_one(tx)
    .await?;
    place.children = row.int("children")?;
    place.courses = row.int("courses")?;
    Ok(place)
}

pub async fn insert_category(tx: &Tx, category: &Category) -> Result<(), DbError> {
    sql("INSERT INTO categories (id, parent_id, name, slug, position, version) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(&category.id)
        .bind(category.parent_id.clone())
        .bind(&category.name)
        .bind(&category.slug)
        .bind(category.position)
        .bind(category.version)
        .execute(tx)
        .await?;
    Ok(())
}

/// Updates a category of the previous version. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn update_category(tx: &Tx, category: &Category) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE categories SET parent_id = $1, name = $2, slug = $3, position = $4, version = $5 \
         WHERE id = $6 AND version = $5 - 1",
    )
    .bind(category.parent_id.clone())
    .bind(&category.name)
    .bind(&category.slug)
    .bind(category.position)
    .bind(category.version)
    .bind(&category.id)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Deletes a category. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn delete_category(tx: &Tx, category: &Category) -> Result<bool, DbError> {
    let rows = sql("DELETE FROM categories WHERE id = $1 AND version = $2")
        .bind(&category.id)
        .bind(category.version)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Category, DbError> {
    Ok(Category {
        id: row.text("id")?,
        parent_id: row.opt_text("parent_id")?,
        name: row.text("name")?,
        slug: row.text("slug")?,
        position: row.int("position")?,
        version: row.int("version")?,
    })
}
