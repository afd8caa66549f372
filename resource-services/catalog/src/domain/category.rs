//! The categories: a tree of at most two levels.

use serde::Deserialize;
use utoipa::ToSchema;

use latchkey_kit::{FieldErrors, is_id, objects};

use super::{DomainError, slug_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: String,
    pub parent_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub position: i64,
    pub version: i64,
}

/// The body of POST and PUT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct CategoryDraft {
    /// 2 to 60 characters; the slug is derived from it.
    pub name: String,
    /// A top-level category.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// The position among its siblings, 0 to 10 000.
    #[serde(default)]
    pub position: i64,
}

/// The facts around a category that a decision about it needs.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The parent named by the draft, if it exists.
    pub parent: Option<Category>,
    /// Whether another category has the slug of the draft.
    pub taken: bool,
    pub children: i64,
    pub courses: i64,
}

objects!(CategoryDraft);

impl CategoryDraft {
    pub fn slug(&self) -> String {
        slug_of(&self.name)
    }
}

impl Category {
    /// Creates a category.
    pub fn create(id: String, draft: CategoryDraft, place: &Place) -> Result<Self, DomainError> {
        let empty = Self {
            id,
            parent_id: None,
            name: String::new(),
            slug: String::new(),
            position: 0,
            version: 0,
        };
        empty.edit(draft, place, 0)
    }

    /// The category with the content of the draft.
    pub fn edit(&self, draft: CategoryDraft, place: &Place, read: i64) -> Result<Self, DomainError> {
        if self.version != read {
            return Err(DomainError::Stale);
        }
        let slug = draft.slug();
        let mut errors = FieldErrors::default();
        let name = errors.line("name", &draft.name, 2, 60);
        if !(0..=10_000).contains(&draft.position) {
            errors.add("position", "must be 0 to 10000");
        }
        if let Some(parent) = &draft.parent_id {
            let first_level = place
                .parent
                .as_ref()
                .is_some_and(|found| found.parent_id.is_none());
            // Two levels and no cycle: a parent has no parent, and a category with children cannot get one.
            if !is_id(parent) || !first_level || *parent == self.id || place.children > 0 {
                errors.add("parent_id", "must name another top-level category");
            }
        }
        errors.into_result(()).map_err(DomainError::Invalid)?;
        if place.taken {
            return Err(DomainError::CategoryTaken);
        }
        let version = self.version.checked_add(1).ok_or(DomainError::Overflow)?;
        Ok(Self {
            id: self.id.clone(),
            parent_id: draft.parent_id,
            name,
            slug,
            position: draft.position,
            version,
        })
    }

    /// Only an empty category can be deleted.
    pub fn may_go(&self, place: &Place, read: i64) -> Result<(), DomainError> {
        if self.version != read {
            return Err(DomainError::Stale);
        }
        if place.children > 0 || place.courses > 0 {
            return Err(DomainError::CategoryInUse);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::fields;
    use super::*;

    const ID: &str = "0199aaaa-0000-7000-8000-0000000000c1";
    const OTHER: &str = "0199aaaa-0000-7000-8000-0000000000c2";

    fn category(id: &str, parent_id: Option<&str>) -> Category {
        Category {
            id: id.into(),
            parent_id: parent_id.map(str::to_owned),
            name: "Music".into(),
            slug: "music".into(),
            position: 0,
            version: 1,
        }
    }

    fn under(parent: &str) -> CategoryDraft {
        CategoryDraft {
            name: "Guitar".into(),
            parent_id: Some(parent.into()),
            position: 3,
        }
    }

    #[test]
    fn a_category_takes_its_slug_from_its_name() {
        let born = Category::create(
            ID.into(),
            CategoryDraft {
                name: "Data & AI".into(),
                ..Default::default()
            },
            &Place::default(),
        );
        assert_eq!(
            born.map(|born| (born.slug, born.version)),
            Ok(("data-ai".into(), 1))
        );
    }

    #[test]
    fn the_tree_has_two_levels_and_no_cycle() {
        let top = Place {
            parent: Some(category(OTHER, None)),
            ..Place::default()
        };
        let nested = Place {
            parent: Some(category(OTHER, Some(ID))),
            ..Place::default()
        };
        let with_children = Place {
            children: 1,
            ..top.clone()
        };
        let itself = Place {
            parent: Some(category(ID, None)),
            ..Place::default()
        };
        let edit = |place, parent| category(ID, None).edit(under(parent), place, 1);
        assert!(edit(&top, OTHER).is_ok());
        for (place, parent) in [
            (&Place::default(), OTHER),
            (&nested, OTHER),
            (&with_children, OTHER),
            (&itself, ID),
        ] {
            assert_eq!(fields(&edit(place, parent).unwrap_err()), ["parent_id"]);
        }
    }

    #[test]
    fn a_used_shelf_stays() {
        let shelf = category(ID, None);
        assert_eq!(
            shelf.may_go(
                &Place {
                    courses: 1,
                    ..Place::default()
                },
                1
            ),
            Err(DomainError::CategoryInUse)
        );
        assert_eq!(
            shelf.may_go(
                &Place {
                    children: 1,
                    ..Place::default()
                },
                1
            ),
            Err(DomainError::CategoryInUse)
        );
        assert_eq!(shelf.may_go(&Place::default(), 2), Err(DomainError::Stale));
        assert_eq!(shelf.may_go(&Place::default(), 1), Ok(()));
    }

    #[test]
    fn two_categories_never_share_an_address() {
        let taken = Place {
            taken: true,
            ..Place::default()
        };
        assert_eq!(
            Category::create(
                ID.into(),
                CategoryDraft {
                    name: "Music".into(),
                    ..Default::default()
                },
                &taken
            ),
            Err(DomainError::CategoryTaken)
        );
    }
}
