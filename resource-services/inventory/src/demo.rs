//! The demo's seats and library: of the catalog's demo courses, before their events arrive.

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_bus::Cause;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::resource::INSTRUCTOR;
use latchkey_kit::{Context, DemoUser, Transaction, demo_course_id};

use crate::domain::{Grant, Stock};
use crate::{Error, commands};

/// Limited courses and their seats.
const SEATS: [(&str, &str, i64); 3] = [
    (
        "Web Security for People Who Build Things",
        "web-security-for-people-who-build-things",
        24,
    ),
    ("Service Design in a Week", "service-design-in-a-week", 3),
    ("Öykü Yazma Atölyesi", "oyku-yazma-atolyesi", 12),
];
/// Courses that the first user owns who neither teaches nor administers.
const LIBRARY: [(&str, &str); 2] = [
    ("Git Beyond Commit and Push", "git-beyond-commit-and-push"),
    ("Statistics Without Tears", "statistics-without-tears"),
];

/// Gives the demo's limited courses their seats, and its learner a library.
pub fn fill(context: Context, users: Vec<DemoUser>) -> BoxFuture<'static, Result<(), String>> {
    async move {
        let teaches = |user: &&DemoUser| user.roles.iter().any(|role| role == INSTRUCTOR);
        let Some(instructor) = users.iter().find(teaches) else {
            return Ok(());
        };
        let learner = users.iter().find(|user| user.roles.is_empty());
        let (teacher, learner) = (instructor.id.clone(), learner.map(|user| user.id.clone()));
        context
            .write(Cause::request("", &instructor.id), async move |t| {
                seed(&t, &teacher, learner).await
            })
            .await
            .map_err(|error| latchkey_http::reasons(&error))
    }
    .boxed()
}

/// All in one transaction: what is there already stays as it is.
async fn seed(t: &Transaction, teacher: &str, learner: Option<String>) -> Result<(), Error> {
    for (title, slug, seats) in SEATS {
        commands::announce(t, stock(title, slug, teacher, Some(seats))).await?;
    }
    for (title, slug) in LIBRARY {
        let stock = stock(title, slug, teacher, None);
        let item_id = stock.item_id.clone();
        if !commands::announce(t, stock).await? {
            continue;
        }
        if let Some(user) = learner.clone() {
            let gift = Grant {
                user,
                item_id,
                quantity: 1,
                reason: "The demo".to_owned(),
            };
            commands::grant(t, gift).await?;
        }
    }
    Ok(())
}

/// Not for sale before the catalog has told about it.
fn stock(title: &str, slug: &str, teacher: &str, capacity: Option<i64>) -> Stock {
    Stock {
        item_id: demo_course_id(slug),
        kind: CourseKind::Course,
        instructor_id: teacher.to_owned(),
        title: title.to_owned(),
        slug: slug.to_owned(),
        on_sale: false,
        course_version: 0,
        capacity,
        capacity_version: 1,
        sold: 0,
        reserved: 0,
        version: 1,
    }
}
