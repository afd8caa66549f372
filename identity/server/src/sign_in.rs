//! Where sessions begin, and nowhere else: proofs are gathered until policy is met, and then one transaction makes the
//! session. A way to sign in proves something, and hands it to [`SignIns::complete`].

use std::sync::Arc;

use http::HeaderValue;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{Candidate, SignInRow, Store};
use latchkey_metrics::catalog::SIGN_INS;
use latchkey_metrics::labels;
use latchkey_protocol::authentication::{
    self, Acr, AcrRequest, Choices, Factors, Facts, Gathered, Method, Needed, Next, Proof, Requirement,
};
use latchkey_protocol::authorize::Stored;
use latchkey_protocol::client::Client;
use latchkey_protocol::recovery::FRESH_MS;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::second_factor::Lacking;
use latchkey_protocol::session::{Limits, Session, State};
use latchkey_protocol::upstream::Provider;
use latchkey_protocol::upstream_outcome::{forced, is_way_of};
use latchkey_protocol::user::User;
use latchkey_protocol::{ClientId, Timestamp, terms};

use crate::browser::{Browser, cookie};
use crate::interaction::Interaction;
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, Problem};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::secret::{digest, new_secret};
use crate::sessions::{Sessions, SignedIn};
use crate::settings::{Settings, is_administrator};
use crate::signer::Signer;
use crate::time::Time;
use crate::unfinished::REQUEST_LIFE_MS;
use crate::{IdentityError, origin};

/// The result of a step of a sign-in, for its page.
pub(crate) enum SignInResult {
    /// The user is signed in.
    Done(Done),
    /// The proof was right, and another page comes before the session.
    Next(Next),
    /// The page again, with this problem.
    Problem(Problem),
}

/// A successful sign-in.
pub(crate) struct Done {
    /// The user.
    pub user: String,
    /// The cookies for the browser.
    pub cookies: Vec<HeaderValue>,
    /// Whether the request was still unanswered.
    pub open: bool,
}

/// Whoever proved to be a user.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub person: User,
    /// Their credential epoch when it was proved: a proof of an earlier one is worth nothing.
    pub epoch: i64,
}

impl From<Candidate> for Identified {
    fn from(candidate: Candidate) -> Self {
        Self {
            person: candidate.person,
            epoch: candidate.credential_epoch,
        }
    }
}

/// What [`SignIns::complete`] made of a proof; with what its own writes returned.
pub(crate) enum Completed<T> {
    /// A session has begun.
    Done(Done, T),
    /// The proof is kept with the request; this comes next.
    Next(Next, T),
    /// The user or the request has changed in the meantime: nothing was written.
    Changed,
}

/// A session that follows another one of the same user and browser.
#[derive(Clone)]
pub(crate) struct Successor {
    session: Session,
    proofs: Vec<Proof>,
    secret: String,
    device: Option<String>,
    at: Timestamp,
}

impl Successor {
    /// Begins it, inside the transaction that ends the one before. Returns its user's credential epoch.
    pub async fn begin(&self, store: &Store, tx: &Tx) -> Result<Option<i64>, IdentityError> {
        let (session, device) = (&self.session, self.device.as_deref());
        store
            .add_session(tx, session, &digest(&self.secret), device, self.at)
            .await?;
        store
            .put_session_proofs(tx, &session.id, &self.proofs, false)
            .await?;
        let steps = store.second_steps(tx, &session.user).await?;
        Ok(steps.map(|steps| steps.epoch))
    }
}

/// Somebody who has proved something for a request already, in this browser.
pub(crate) struct Pending {
    pub who: Identified,
    /// What they proved.
    pub proofs: Vec<Proof>,
    /// What they could prove.
    pub factors: Factors,
    /// What comes next.
    pub next: Next,
}

/// What the facts of a sign-in are so far.
struct Standing {
    /// The session of this browser, whoever's.
    before: Option<SignedIn>,
    proofs: Vec<Proof>,
    factors: Factors,
    choices: Choices,
    next: Next,
}

/// What a sign-in must come up to.
struct Wanted {
    needed: Needed,
    /// Since when proofs count.
    since: Option<Timestamp>,
    client: Option<Arc<Client>>,
}

/// How long a cookie of a session that is kept lives, in seconds.
const KEPT_S: u32 = 30 * 86_400;
/// How long a device is remembered, in seconds: a year.
const DEVICE_S: u32 = 31_536_000;

/// Begins sessions. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SignIns {
    pub store: Store,
    pub signer: Signer,
    pub registry: Arc<Registry>,
    pub sessions: Sessions,
    pub revocations: Revocations,
    pub settings: Arc<Settings>,
    pub second: SecondStep,
    pub limits: Limits,
    pub random: Random,
    pub time: Time,
}

impl SignIns {
    /// Adds proofs of a user to those of their request and session. If nothing is missing any more, the session begins;
    /// otherwise the proofs are kept with the request. `also` is written in the same transaction in either case, after
    /// the user was locked; its [`IdentityError::Conflict`] undoes everything.
    pub async fn complete<T, F, Fut>(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        who: &Identified,
        proofs: &[Proof],
        also: F,
    ) -> Result<Completed<T>, ErrorPage>
    where
        T: Send + 'static,
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, IdentityError>> + Send + 'static,
    {
        let choices = Choices::default();
        self.complete_choosing(browser, interaction, who, (proofs, choices), also)
            .await
    }

    /// [`SignIns::complete`] for a user who has chosen something on the way.
    pub async fn complete_choosing<T, F, Fut>(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        who: &Identified,
        (proofs, choices): (&[Proof], Choices),
        also: F,
    ) -> Result<Completed<T>, ErrorPage>
    where
        T: Send + 'static,
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, IdentityError>> + Send + 'static,
    {
        // Every way to sign in says so in its own words before; this is for those that do not.
        if self.elsewhere(who, proofs).await?.is_some() {
            return Ok(Completed::Changed);
        }
        let standing = self.standing(browser, interaction, who, proofs, choices).await?;
        let done = match standing.next {
            Next::Done => self
                .begin_session(browser, interaction, who, standing, also)
                .await
                .map(|(done, more)| Completed::Done(done, more)),
            next => self
                .gather(interaction, who, standing, also)
                .await
                .map(|more| Completed::Next(next, more)),
        };
        match done {
            Ok(completed) => Ok(completed),
            Err(IdentityError::Conflict) => Ok(Completed::Changed),
            Err(other) => Err(other.into()),
        }
    }

    /// The provider that must say who somebody is, where these proofs are another way in.
    pub async fn elsewhere(
        &self,
        who: &Identified,
        proofs: &[Proof],
    ) -> Result<Option<&Provider>, ErrorPage> {
        let Some(provider) = forced(&self.settings.providers, &who.person.email) else {
            return Ok(None);
        };
        let linked = match proofs.iter().any(|proof| proof.method == Method::Upstream) {
            true => {
                let user = &who.person.id;
                self.store.upstream_identities(self.store.db(), user).await?
            }
            false => Vec::new(),
        };
        let there = linked.iter().filter(|known| known.provider == provider.id);
        let there: Vec<&str> = there.map(|known| known.id.as_str()).collect();
        let passes = proofs.iter().all(|proof| is_way_of(proof, &there));
        Ok((!passes).then_some(provider))
    }

    /// Whoever has proved something for this request in this browser, or is signed in here and must prove more.
    pub async fn pending(
        &self,
        browser: &Browser,
        interaction: &Interaction,
    ) -> Result<Option<Pending>, ErrorPage> {
        let user = match gathered(interaction) {
            Some(gathered) => gathered.user,
            None => {
                let known = self.sessions.of(browser).await?;
                match known.filter(|known| known.state == State::Live) {
                    Some(known) => known.person.id,
                    None => return Ok(None),
                }
            }
        };
        let Some(candidate) = self.store.candidate_by_id(&user).await? else {
            return Ok(None);
        };
        let who = Identified::from(candidate);
        if who.person.may_act().is_err() || who.person.is_to_be_deleted(self.time.latest()) {
            return Ok(None);
        }
        let standing = self
            .standing(browser, interaction, &who, &[], Choices::default())
            .await?;
        Ok((!standing.proofs.is_empty()).then_some(Pending {
            who,
            proofs: standing.proofs,
            factors: standing.factors,
            next: standing.next,
        }))
    }

    /// Forgets what was proved for a request: its user goes away without a session.
    pub async fn drop_proofs(&self, interaction: &Interaction) -> Result<(), ErrorPage> {
        let (store, row) = (self.store.clone(), interaction.row.clone());
        let dropped = self.store.db().write(move |tx| async move {
            store.gather(&tx, &row.id, row.proofs.as_deref(), None).await?;
            Ok::<_, IdentityError>(())
        });
        Ok(dropped.await?)
    }

    /// Everything that a user has proved for a request by now, and what follows from it.
    async fn standing(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        who: &Identified,
        new: &[Proof],
        choices: Choices,
    ) -> Result<Standing, ErrorPage> {
        let before = self.sessions.of(browser).await?;
        let Wanted {
            mut needed,
            since,
            client,
        } = self.wanted(interaction, &who.person).await?;
        let (mut proofs, mut before_choices) = (Vec::new(), Choices::default());
        if let Some(known) = before.as_ref().filter(|known| is_same(known, &who.person)) {
            let session = &known.row.session;
            before_choices = Choices {
                keep: session.kept,
                later_until: session.later_until,
                ..Choices::default()
            };
            // What was proved for this very request counts, however old.
            let since = since.filter(|_| interaction.row.session.as_ref() != Some(&session.id));
            proofs = authentication::fresh(self.store.session_proofs(session).await?, since);
        }
        let kept = gathered(interaction)
            .filter(|gathered| gathered.user == who.person.id && gathered.epoch == who.epoch);
        let (kept, chosen) = kept
            .map(|gathered| (gathered.proofs, gathered.choices))
            .unwrap_or_default();
        let choices = before_choices.and(chosen).and(choices);
        let proofs = authentication::merged(authentication::merged(proofs, &kept), new);
        // Whoever must sign in anew must do all of it anew.
        let remembered = since.is_none() && self.second.is_remembered(browser, &who.person).await?;
        let factors = self.store.factors(&who.person.id).await?;
        let (reached, latest) = (authentication::level(&proofs), self.time.latest());
        let waives = |policy: &Acr| {
            let lacking = Lacking {
                policy: *policy,
                reach: authentication::reach(reached.unwrap_or(Acr::Email), factors),
                remembered,
                enrolment: self
                    .settings
                    .enrolment(client.as_deref(), &who.person, reached, latest),
                later_until: choices.later_until,
            };
            lacking.is_waived(latest)
        };
        needed.policy = needed.policy.filter(|policy| !waives(policy));
        let required = self.required(&who.person, choices).await?;
        let next = authentication::next(Facts {
            proofs: &proofs,
            needed,
            factors,
            remembered,
            required: &required,
        });
        Ok(Standing {
            before,
            proofs,
            factors,
            choices,
            next,
        })
    }

    /// What somebody must do besides proving who they are.
    async fn required(&self, person: &User, choices: Choices) -> Result<Vec<Requirement>, ErrorPage> {
        let required = match self.terms_asked(person).await? {
            _ if choices.terms_accepted => false,
            terms::Asked::Needed => true,
            terms::Asked::MayWait => !choices.terms_later,
            terms::Asked::Nothing => false,
        };
        let deletion = person.deletion_due_at.map(|_| Requirement::Deletion);
        Ok(required
            .then_some(Requirement::Terms)
            .into_iter()
            .chain(deletion)
            .collect())
    }

    /// Whether somebody has yet to accept the terms.
    pub async fn terms_asked(&self, person: &User) -> Result<terms::Asked, ErrorPage> {
        let Some(current) = &self.settings.sign_up.terms else {
            return Ok(terms::Asked::Nothing);
        };
        let accepted = self
            .store
            .has_accepted(self.store.db(), &person.id, &current.version)
            .await?;
        Ok(terms::asked(Some(current), accepted, self.time.latest()))
    }

    /// The highest class that the request, its client and the user's roles need; what is merely wished is none.
    pub async fn needed(&self, interaction: &Interaction, person: &User) -> Result<Option<Acr>, ErrorPage> {
        let needed = self.wanted(interaction, person).await?.needed;
        Ok(needed.policy.max(needed.essential))
    }

    /// What the request, its client and the user's roles want.
    async fn wanted(&self, interaction: &Interaction, person: &User) -> Result<Wanted, ErrorPage> {
        let row = &interaction.row;
        let client = match ClientId::parse(&row.client_id) {
            Some(id) => self.registry.client(&id).await?,
            None => None,
        };
        let stored = serde_json::from_str::<Stored>(&row.parsed).ok();
        let request = client
            .as_ref()
            .and_then(|client| stored.and_then(|stored| stored.revive(client)));
        let policy = authentication::policy(client.as_deref(), person, &self.settings.required_acr);
        let asked = request.as_ref().map(|request| request.acr.clone());
        let page = (row.origin == origin::ACCOUNT).then(|| OwnPage::read(&row.parsed));
        let own = page.as_ref().map(|page| AcrRequest {
            wished: page.acr.into_iter().collect(),
            ..AcrRequest::default()
        });
        let asked = asked.or(own);
        let started = Timestamp(row.expires_at.0 - REQUEST_LIFE_MS);
        let since = request.and_then(|request| request.since(started, self.time.now()));
        let fresh = page.is_some_and(|page| page.fresh);
        let since = since.or_else(|| fresh.then_some(Timestamp(started.0 - FRESH_MS + 1)));
        Ok(Wanted {
            needed: Needed::of(&asked.unwrap_or_default(), policy),
            since,
            client,
        })
    }

    /// Keeps proofs with the request until the next page has brought its own.
    async fn gather<T, F, Fut>(
        &self,
        interaction: &Interaction,
        who: &Identified,
        standing: Standing,
        also: F,
    ) -> Result<T, IdentityError>
    where
        T: Send + 'static,
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, IdentityError>> + Send + 'static,
    {
        let after = serde_json::to_string(&Gathered {
            user: who.person.id.clone(),
            epoch: who.epoch,
            proofs: standing.proofs,
            choices: standing.choices,
        })
        .map_err(|_| IdentityError::Unexpected("a list of proofs"))?;
        let (store, now, epoch) = (self.store.clone(), self.time.now(), who.epoch);
        let (row, user) = (interaction.row.clone(), who.person.id.clone());
        // Unlike other steps, this one needs a row for our own pages, too.
        let missing_row = (!interaction.has_row).then(|| interaction.bare_row());
        self.store
            .db()
            .write(move |tx| async move {
                if let Some(row) = &missing_row {
                    store.add_request(&tx, row, now).await?;
                }
                if !store
                    .gather(&tx, &row.id, row.proofs.as_deref(), Some(&after))
                    .await?
                    || !store.lock_user(&tx, &user, epoch).await?
                {
                    return Err(IdentityError::Conflict);
                }
                also(store, tx).await
            })
            .await
    }

    /// One transaction: the step of the request, the locked user, the session with its proofs, and the history.
    async fn begin_session<T, F, Fut>(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        who: &Identified,
        standing: Standing,
        also: F,
    ) -> Result<(Done, T), IdentityError>
    where
        T: Send + 'static,
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, IdentityError>> + Send + 'static,
    {
        let Identified { person, epoch } = who.clone();
        let Standing {
            before,
            proofs,
            choices,
            ..
        } = standing;
        let method = proofs.first().map_or(labels::Method::Other, |proof| {
            labels::Method::of(proof.method.name())
        });
        let kept = choices.keep && !is_administrator(&person);
        let sign_in = authentication::sign_in(&proofs);
        let sign_in = sign_in.ok_or(IdentityError::Unexpected("a sign-in without a proof"))?;
        let (now, latest) = (self.time.now(), self.time.latest());
        let (idle_expires_at, expires_at) = self.limits.of(kept).begin(latest);
        let same = before.as_ref().filter(|known| is_same(known, &person));
        let fresh = self.random.uuid_v7(now.0);
        let mut session = Session {
            id: same.map_or_else(|| fresh.clone(), |known| known.row.session.id.clone()),
            user: person.id.clone(),
            sign_in,
            idle_expires_at,
            expires_at,
            ended_at: None,
            kept,
            later_until: choices.later_until,
        };
        let renewed = same.is_some();
        // Another user was signed in with this browser: nothing of theirs stays.
        let other = before
            .filter(|known| known.person.id != person.id)
            .map(|known| known.row.session.id);
        let secret = new_secret(&self.random);
        let (store, revocations, secret_hash) =
            (self.store.clone(), self.revocations.clone(), digest(&secret));
        let mut line = self.line(browser, person.id.clone(), "signed_in");
        let (device, user) = (browser.agent(), person.id.clone());
        let (row, missing_row) = (interaction.row.clone(), interaction.missing_row());
        let ours = row.origin == origin::ACCOUNT;
        let request_id = latchkey_http::current_request_id().to_string();
        let (open, more) = self
            .store
            .db()
            .write(move |tx| async move {
                // The request first, as where its code is written: pressing a button twice waits there.
                if let Some(row) = &missing_row {
                    store.add_request(&tx, row, now).await?;
                }
                let open = store.step_request(&tx, &row.id, None, Some(&session.id)).await?;
                // Gathered proofs make one session.
                if row.proofs.is_some() && !store.gather(&tx, &row.id, row.proofs.as_deref(), None).await? {
                    return Err(IdentityError::Conflict);
                }
                if !store.lock_user(&tx, &user, epoch).await? {
                    return Err(IdentityError::Conflict);
                }
                if let Some(session) = other {
                    let end = Revocation::Session { session };
                    revocations
                        .revoke_in(&tx, RevocationCause::Replaced, end, &user, &request_id, now)
                        .await?;
                }
                if !renewed || !store.renew_session(&tx, &session, &secret_hash, now).await? {
                    // Even if the session to renew has ended in the meantime: the user has just authenticated.
                    if session.id != fresh {
                        session.id = fresh;
                        store.step_request(&tx, &row.id, None, Some(&session.id)).await?;
                    }
                    store
                        .add_session(&tx, &session, &secret_hash, device.as_deref(), now)
                        .await?;
                }
                store
                    .put_session_proofs(&tx, &session.id, &proofs, renewed)
                    .await?;
                line.session = Some(session.id);
                store.add_sign_in(&tx, &line).await?;
                // A page of ours waits for anybody, and has no row.
                Ok::<_, IdentityError>((open || ours, also(store, tx).await?))
            })
            .await?;
        SIGN_INS.inc((method, labels::SignIn::SignedIn));
        tracing::info!(sub = person.id, "signed in");
        let cookies = self.cookies(browser, who, &secret, kept);
        let user = person.id;
        Ok((Done { user, cookies, open }, more))
    }

    /// Adds a proof to a session: it continues with another secret. `also` comes first in the transaction; its
    /// [`IdentityError::Conflict`] undoes everything, and then the result is `None`. Returns the cookies, too.
    pub async fn prove_more<T, F, Fut>(
        &self,
        browser: &Browser,
        known: &SignedIn,
        proof: Proof,
        also: F,
    ) -> Result<Option<(T, Vec<HeaderValue>)>, ErrorPage>
    where
        T: Send + 'static,
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, IdentityError>> + Send + 'static,
    {
        let before = known.row.session.clone();
        let proofs = self.store.session_proofs(&before).await?;
        let proofs = authentication::merged(proofs, &[proof]);
        let sign_in = authentication::sign_in(&proofs);
        let sign_in = sign_in.ok_or(IdentityError::Unexpected("a session without a proof"))?;
        let (now, secret) = (self.time.now(), new_secret(&self.random));
        let (store, secret_hash) = (self.store.clone(), digest(&secret));
        let session = Session { sign_in, ..before };
        let (age, user) = (session.kept.then_some(KEPT_S), session.user.clone());
        let written = self.store.db().write(move |tx| async move {
            if !store.lock_for_factors(&tx, &user).await? {
                return Err(IdentityError::Conflict);
            }
            let done = also(store.clone(), tx.clone()).await?;
            if !store.renew_session(&tx, &session, &secret_hash, now).await? {
                return Err(IdentityError::Conflict);
            }
            store.put_session_proofs(&tx, &session.id, &proofs, true).await?;
            Ok(done)
        });
        match written.await {
            Ok(done) => {
                let cookie = browser.site.set_cookie(cookie::SESSION, &secret, age);
                Ok(Some((done, vec![cookie])))
            }
            Err(IdentityError::Conflict) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// A session in place of one whose user changes what they sign in with: `also` ends it, like all others, and says
    /// whether it has. The new one rests on the proofs that `stay`, and there is none without any. Returns the cookies.
    pub async fn begin_anew<F, Fut>(
        &self,
        browser: &Browser,
        known: &SignedIn,
        stay: impl Fn(&Proof) -> bool,
        also: F,
    ) -> Result<Vec<HeaderValue>, ErrorPage>
    where
        F: FnOnce(Store, Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<bool, IdentityError>> + Send + 'static,
    {
        let Some(successor) = self.successor(browser, known, stay).await? else {
            let (store, db) = (self.store.clone(), self.store.db());
            db.write(move |tx| async move { also(store, tx).await }).await?;
            return Ok(Vec::new());
        };
        let (store, begun) = (self.store.clone(), successor.clone());
        let written = self.store.db().write(move |tx| async move {
            if !also(store.clone(), tx.clone()).await? {
                return Ok(None);
            }
            begun.begin(&store, &tx).await
        });
        let Some(epoch) = written.await? else {
            return Ok(Vec::new());
        };
        Ok(self.cookies_of(browser, known, &successor, epoch))
    }

    /// The session that follows one that its user's own change ends: it rests on the proofs that `stay`, and there is none
    /// without any.
    pub async fn successor(
        &self,
        browser: &Browser,
        known: &SignedIn,
        stay: impl Fn(&Proof) -> bool,
    ) -> Result<Option<Successor>, ErrorPage> {
        let before = known.row.session.clone();
        let mut proofs = self.store.session_proofs(&before).await?;
        proofs.retain(stay);
        let Some(sign_in) = authentication::sign_in(&proofs) else {
            return Ok(None);
        };
        let now = self.time.now();
        Ok(Some(Successor {
            session: Session {
                id: self.random.uuid_v7(now.0),
                sign_in,
                ended_at: None,
                ..before
            },
            proofs,
            secret: new_secret(&self.random),
            device: browser.agent(),
            at: now,
        }))
    }

    /// The cookies of a session that has followed another.
    pub fn cookies_of(
        &self,
        browser: &Browser,
        known: &SignedIn,
        successor: &Successor,
        epoch: i64,
    ) -> Vec<HeaderValue> {
        let who = Identified {
            person: known.person.clone(),
            epoch,
        };
        self.cookies(browser, &who, &successor.secret, successor.session.kept)
    }

    fn cookies(&self, browser: &Browser, who: &Identified, secret: &str, kept: bool) -> Vec<HeaderValue> {
        let age = kept.then_some(KEPT_S);
        let mut cookies = vec![browser.site.set_cookie(cookie::SESSION, secret, age)];
        let (id, epoch) = (&who.person.id, who.epoch);
        if browser.is_known_to(&self.signer, id, epoch).is_none() {
            let device = new_secret(&self.random);
            // With the epoch in it: another password, and no device is known any more.
            let mac = self.signer.mac("device", &[id, &device, &epoch.to_string()]);
            let value = format!("{device}.{}", mac.unwrap_or_default());
            cookies.push(browser.site.set_cookie(cookie::DEVICE, &value, Some(DEVICE_S)));
        }
        cookies
    }

    /// A line of a user's history.
    pub fn line(&self, browser: &Browser, user: String, outcome: &str) -> SignInRow {
        let at = self.time.now();
        SignInRow {
            id: self.random.uuid_v7(at.0),
            user,
            session: None,
            at,
            outcome: outcome.to_owned(),
            device: browser.agent(),
        }
    }
}

fn is_same(known: &SignedIn, person: &User) -> bool {
    known.person.id == person.id && known.state == State::Live
}

/// What was proved for a request so far. What a newer node has written and this one cannot read counts as nothing.
fn gathered(interaction: &Interaction) -> Option<Gathered> {
    let text = interaction.row.proofs.as_deref()?;
    serde_json::from_str(text).ok()
}

/// The page of a request for what comes next.
pub(crate) fn page_of(next: Next, handle: &str) -> String {
    let path = match next {
        Next::First | Next::Done => "/login",
        Next::Second => "/second",
        Next::Required(requirement) => match requirement {
            Requirement::Terms => "/required/terms",
            Requirement::Address => "/required/address",
            Requirement::NewPassword => "/required/password",
            Requirement::Factor => "/required/factor",
            Requirement::Deletion => "/required/deletion",
        },
    };
    format!("{path}?request={handle}")
}
