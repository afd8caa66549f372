//! Imports of people from other systems: read as a whole, decided one by one, and written in batches that can be
//! repeated. Nobody who exists is changed.

use std::collections::{BTreeMap, HashSet};

use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, ImportRow, ImportedRow, NewUserRow};
use latchkey_protocol::Timestamp;
use latchkey_protocol::foreign_hash::{ForeignHash, Notation, SaltedDigest};
use latchkey_protocol::import::{Decision, Export, Format, Imported, Line, Summary, decide, usernames};
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::ProofPurpose;
use latchkey_protocol::user::{canonical, username_canonical};
use serde::Serialize;
use serde_json::json;

use super::changes::{AdminError, Changes};
use super::users::Users;
use crate::mail::Mails;
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::registration::check_roles;
use crate::signer::Signer;
use crate::{foreign_hash, password};

/// An import that is asked for.
#[derive(Clone, Debug)]
pub struct Import {
    /// The format of the export.
    pub format: Format,
    /// The export.
    pub text: String,
    /// Which role of the other system stands for which one here; others are dropped.
    pub roles: BTreeMap<String, String>,
    /// Only the report, without writing anything.
    pub dry_run: bool,
    /// Whether those who come without a usable password get a link by mail, if their address is proved.
    pub invite: bool,
}

/// People whose password is still a hash of another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmigrated {
    /// The algorithm and its parameters.
    pub hash: String,
    /// How many people have it.
    pub people: i64,
}

/// Imports people. Cloning is cheap.
#[derive(Clone)]
pub struct Imports {
    pub(crate) changes: Changes,
    pub(crate) users: Users,
    pub(crate) signer: Signer,
    pub(crate) mails: Mails,
    pub(crate) proofs: OneTimeProofs,
}

/// How long the link of somebody who was imported is good for: a week.
const INVITED_MS: i64 = 7 * 24 * 3_600_000;
/// How many people are created in one transaction.
const AT_ONCE: usize = 500;

/// Somebody to create.
struct New {
    user: NewUserRow,
    imported: ImportedRow,
}

/// A person of the export about whom was decided.
struct Decided {
    position: usize,
    person: Imported,
    digest: String,
    decision: Decision,
}

impl Imports {
    /// Imports an export, or only says what would become of it; `tell` gets the report line by line, and stops the import
    /// by an error. What was written stays, and a second run goes on behind it.
    pub async fn run(
        &self,
        import: Import,
        actor: &str,
        mut tell: impl FnMut(&Line) -> Result<(), String>,
    ) -> Result<Summary, AdminError> {
        let Import {
            format,
            text,
            roles,
            dry_run,
            invite,
        } = import;
        let targets: Vec<String> = roles.values().cloned().collect();
        check_roles(&targets, &self.changes.resources().await?).map_err(AdminError::Rejected)?;
        let id = self.changes.random.uuid_v7(self.changes.time.now().0);
        let export = tokio::task::spawn_blocking({
            let (format, id) = (format.clone(), id.clone());
            move || format.read(&text, &id)
        });
        let Export { source, mut people } = export
            .await
            .map_err(|error| AdminError::Rejected(error.to_string()))?
            .map_err(AdminError::Rejected)?;
        for person in &mut people {
            person.map_roles(&roles);
        }
        let begin = ImportRow {
            wrapped_signer_key: match &format {
                Format::Firebase(Some(config)) => Some(self.signer.wrap_import_key(&id, &config.signer_key)),
                _ => None,
            },
            id,
            source,
        };
        let (mut summary, mut names, mut position) = (Summary::default(), HashSet::new(), 0);
        while !people.is_empty() {
            let rest = people.split_off(people.len().min(AT_ONCE));
            let mut decided = Vec::new();
            for person in std::mem::replace(&mut people, rest) {
                position += 1;
                decided.push(self.decide(&begin.source, person, position, &mut names).await?);
            }
            if !dry_run {
                self.create(&begin, &mut decided, invite, actor).await?;
            }
            for one in &decided {
                let line = Line::new(one.position, &one.person, &one.decision);
                summary.count(&line);
                tell(&line).map_err(AdminError::Rejected)?;
            }
        }
        if !dry_run {
            self.finish(&begin, summary, actor).await?;
        }
        Ok(summary)
    }

    /// How many people have not signed in by password since they were imported.
    pub async fn unmigrated(&self) -> Result<Vec<Unmigrated>, AdminError> {
        let works = self.changes.store.foreign_works().await?.into_iter();
        Ok(works.map(|(hash, people)| Unmigrated { hash, people }).collect())
    }

    async fn decide(
        &self,
        source: &str,
        person: Imported,
        position: usize,
        names: &mut HashSet<String>,
    ) -> Result<Decided, AdminError> {
        // A MAC: what stays of a person who is deleted later names nobody.
        let digest = self.signer.mac("import", &[source, &person.source_id]);
        let digest = digest.ok_or_else(|| AdminError::Rejected("the signer has no keys yet".to_owned()))?;
        let wanted = usernames(&person, &digest);
        let email = person.email.as_deref().unwrap_or_default();
        let mut facts = self.changes.store.import_facts(&digest, email, &wanted).await?;
        let here = wanted.iter().map(|name| username_canonical(name));
        facts.taken.extend(here.filter(|name| names.contains(name)));
        let decision = decide(&person, &wanted, &facts);
        if let Decision::Create(name) = &decision {
            names.insert(username_canonical(name));
        }
        Ok(Decided {
            position,
            person,
            digest,
            decision,
        })
    }

    /// One batch: one transaction. Whoever was created by somebody else in the meantime is left as they are.
    async fn create(
        &self,
        begin: &ImportRow,
        decided: &mut [Decided],
        invite: bool,
        actor: &str,
    ) -> Result<(), AdminError> {
        let mut new = Vec::new();
        let mut wrapped = self.wrapped(decided).await?.into_iter();
        for (at, one) in decided.iter().enumerate() {
            let Decision::Create(username) = &one.decision else {
                continue;
            };
            let password = match &one.person.password {
                Notation::Kept(hash) => Some(hash.clone()),
                Notation::Digest(_) => wrapped.next(),
                Notation::None | Notation::Weak(_) | Notation::Unknown(_) => None,
            };
            new.push((at, self.row(begin, one, username, password)));
        }
        if new.is_empty() {
            return Ok(());
        }
        let (imports, begin, actor) = (self.clone(), begin.clone(), actor.to_owned());
        let now = self.changes.time.now();
        let written = self
            .changes
            .store
            .db()
            .write(move |tx| async move {
                let store = &imports.changes.store;
                store.begin_import(&tx, &begin, now).await?;
                let (mut late, mut foreign) = (Vec::new(), false);
                for (at, one) in &new {
                    match imports.create_one(&tx, one, &actor, now).await? {
                        None => {
                            foreign |= one.imported.work.is_some();
                            if invite {
                                imports.invite(&tx, one, now).await?;
                            }
                        }
                        Some(decision) => late.push((*at, decision)),
                    }
                }
                if foreign {
                    // Running nodes learn at once which hash is the commonest.
                    store.touch_registry(&tx).await?;
                }
                Ok::<_, AdminError>(late)
            })
            .await?;
        for (at, decision) in written {
            decided[at].decision = decision;
        }
        Ok(())
    }

    fn row(&self, begin: &ImportRow, one: &Decided, username: &str, password: Option<ForeignHash>) -> New {
        let person = &one.person;
        let user = NewUserRow {
            id: self.changes.random.uuid_v7(self.changes.time.now().0),
            username: username.to_owned(),
            email: person.email.clone().unwrap_or_default(),
            email_verified: person.email_verified,
            password_hash: password.as_ref().map(ToString::to_string),
            roles: person.roles.clone(),
            claims: person.claims.clone(),
        };
        let imported = ImportedRow {
            digest: one.digest.clone(),
            import: begin.id.clone(),
            user: user.id.clone(),
            work: password.map(|hash| hash.work),
            disabled: person.disabled,
        };
        New { user, imported }
    }

    /// Creates a person with their event and audit record; or says why not after all.
    async fn create_one(
        &self,
        tx: &Tx,
        new: &New,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Decision>, AdminError> {
        let (store, id) = (&self.changes.store, &new.user.id);
        if !store.claim_import(tx, &new.imported).await? {
            return Ok(Some(Decision::Exists("imported before")));
        }
        if !store.add_user(tx, &new.user, now).await? {
            store.drop_import_claim(tx, &new.imported.digest).await?;
            return Ok(Some(Decision::Conflict(
                "somebody got the address or user name during the import".to_owned(),
            )));
        }
        store.complete_import(tx, &new.imported, now).await?;
        let row = self.users.existing(tx, id).await?;
        self.users.publish(tx, wire::REGISTERED, &row, actor).await?;
        self.changes.record(tx, "user.imported", actor, id, now).await?;
        Ok(None)
    }

    /// Mails a link to somebody who was just created without a password: only to an address that was proved, and never to
    /// somebody who may not sign in. The queue sends no faster than it may.
    async fn invite(&self, tx: &Tx, new: &New, now: Timestamp) -> Result<(), AdminError> {
        let user = &new.user;
        let silent = user.password_hash.is_some() || !user.email_verified || new.imported.disabled;
        let Some(to) = Address::parse(&user.email).filter(|_| !silent) else {
            return Ok(());
        };
        let Some(owner) = self.changes.store.owner(tx, &user.id).await? else {
            return Ok(());
        };
        let mailbox = canonical(to.as_str());
        let wanted = Wanted {
            purpose: ProofPurpose::AdminReset,
            subject: &owner.id,
            address: Some(&mailbox),
            bound: None,
            epoch: Some(owner.epoch),
            browser: None,
            life_ms: INVITED_MS,
        };
        let latest = self.changes.time.latest();
        let issued = self.proofs.issue(tx, &wanted, now, latest).await?;
        let purpose = Purpose::Welcome {
            token: issued.token,
            expires_at: issued.expires_at,
        };
        self.mails
            .queue(tx, &to, Some(&owner.id), &owner.locale, &purpose, now)
            .await?;
        Ok(())
    }

    /// The salted digests of those who are to be created, wrapped, in their order: on every core, and never on one that
    /// answers requests.
    async fn wrapped(&self, decided: &[Decided]) -> Result<Vec<ForeignHash>, AdminError> {
        let digests: Vec<SaltedDigest> = decided
            .iter()
            .filter(|one| matches!(one.decision, Decision::Create(_)))
            .filter_map(|one| match &one.person.password {
                Notation::Digest(digest) => Some(digest.clone()),
                _ => None,
            })
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let parts = digests.chunks(digests.len().div_ceil(cores).max(1)).map(|part| {
            let (part, random) = (part.to_vec(), self.changes.random.clone());
            tokio::task::spawn_blocking(move || {
                let mut memory = password::Memory::default();
                let wrap = |digest| foreign_hash::wrap(digest, password::CURRENT, &random, &mut memory);
                part.iter().map(wrap).collect::<Option<Vec<_>>>()
            })
        });
        let mut wrapped = Vec::new();
        for part in parts.collect::<Vec<_>>() {
            let part = part.await.ok().flatten();
            wrapped
                .extend(part.ok_or_else(|| AdminError::Rejected("a password cannot be wrapped".to_owned()))?);
        }
        Ok(wrapped)
    }

    async fn finish(&self, begin: &ImportRow, summary: Summary, actor: &str) -> Result<(), AdminError> {
        let (changes, id, now) = (self.changes.clone(), begin.id.clone(), self.changes.time.now());
        let row = AuditRow {
            id: changes.random.uuid_v7(now.0),
            kind: "import.finished".to_owned(),
            actor: actor.to_owned(),
            subject: id.clone(),
            request_id: None,
            detail: json!({ "source": begin.source, "counts": summary }),
        };
        self.changes
            .store
            .db()
            .write(move |tx| async move {
                changes.store.finish_import(&tx, &id, now).await?;
                Ok(changes.store.audit(&tx, &row, now).await?)
            })
            .await
    }
}
