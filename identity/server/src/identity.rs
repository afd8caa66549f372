//! The identity provider as its process and its administrators see it; and where each of its values gets its
//! dependencies.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use latchkey_bus::{EventBus, Outbox, Relay, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::events::revocation::Revocation as Wire;
use latchkey_http::outgoing::Outgoing;
use latchkey_http::probes::Ready;
use latchkey_identity_store::Store;
use latchkey_protocol::client::Alg;
use latchkey_protocol::metadata::Offers;
use latchkey_protocol::revocation::Subject;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::upstream::{Mode, Provider};
use latchkey_protocol::{refresh, session};
use latchkey_web::{COMMON, MessageFile, Messages, Origins};
use moka::sync::Cache;
use tokio_util::sync::CancellationToken;

use crate::access_token_verifier::AccessTokenVerifier;
use crate::admin::{
    AdminError, AuditTrail, Changes, Clients, Groups, Imports, Invitations, Keys, MailQueue, Resets, Users,
};
use crate::chore::Chore;
use crate::client_authentication::ClientAuthentication;
use crate::deletion::Deletions;
use crate::email_change::EmailChanges;
use crate::error::IdentityError;
use crate::export::Exports;
use crate::feed::Feed;
use crate::grants::Grants;
use crate::interaction::Interactions;
use crate::key_wrapping::KeyWrapper;
use crate::keypair::RsaBits;
use crate::linking::Linking;
use crate::logout_delivery::LogoutDelivery;
use crate::logout_tokens::LogoutTokens;
use crate::mail::{MailDelivery, Mailing, Mails};
use crate::mail_code::MailCodes;
use crate::maintenance::Maintenance;
use crate::new_password::NewPasswords;
use crate::notice_email::NoticeEmails;
use crate::one_time_proofs::OneTimeProofs;
use crate::passkeys::Passkeys;
use crate::password_change::PasswordChanges;
use crate::password_hashing::Pool;
use crate::password_sign_in::Passwords;
use crate::person_seal::PersonSeal;
use crate::pictures::Pictures;
use crate::presented_tokens::PresentedTokens;
use crate::profiles::Profiles;
use crate::recovery::Recoveries;
use crate::registry::Registry;
use crate::registry_sync::RegistrySync;
use crate::relying_party::RelyingParty;
use crate::resources::Resources;
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::seed::{Seed, SeedError, Seeded, Seeds};
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::sign_in::SignIns;
use crate::sign_up::SignUps;
use crate::signer::Signer;
use crate::site::Site;
use crate::step_up::StepUp;
use crate::throttle::Throttle;
use crate::time::Time;
use crate::unfinished::Unfinished;
use crate::upstream::{Providers, Upstreams};

/// The identity provider. Cloning is cheap.
#[derive(Clone)]
pub struct Identity {
    pub(crate) values: Arc<Values>,
}

/// The values that it consists of. A route takes those that it uses; no value knows more than its own fields.
pub(crate) struct Values {
    pub issuer: Arc<str>,
    pub site: Arc<Site>,
    pub store: Store,
    pub revocation_log: RevocationLog,
    pub signer: Signer,
    pub registry: Arc<Registry>,
    pub sync: Arc<RegistrySync>,
    pub presented_tokens: PresentedTokens,
    pub feed: Arc<Feed>,
    pub revocations: Revocations,
    pub sessions: Sessions,
    pub interactions: Arc<Interactions>,
    pub second_step: SecondStep,
    pub step_up: Arc<StepUp>,
    pub sign_ins: SignIns,
    pub passwords: Arc<Passwords>,
    pub mail_codes: MailCodes,
    pub passkeys: Passkeys,
    pub client_authentication: Arc<ClientAuthentication>,
    pub grants: Arc<Grants>,
    pub maintenance: Maintenance,
    pub logouts: LogoutDelivery,
    pub sign_ups: SignUps,
    pub recoveries: Recoveries,
    pub password_changes: PasswordChanges,
    pub email_changes: EmailChanges,
    pub deletions: Deletions,
    pub exports: Exports,
    pub profiles: Profiles,
    pub linking: Linking,
    pub upstreams: Upstreams,
    pub notice_emails: NoticeEmails,
    pub mail_delivery: MailDelivery,
    pub changes: Changes,
    pub clients: Clients,
    pub users: Users,
    pub groups: Groups,
    pub invitations: Invitations,
    pub resets: Resets,
    pub mail_queue: MailQueue,
    pub imports: Imports,
    pub keys: Keys,
    pub audit_trail: AuditTrail,
    pub resources: Resources,
    pub seeds: Seeds,
    pub random: Random,
    pub time: Time,
    pub stop: CancellationToken,
}

/// The dependencies of an identity provider.
pub struct Parts {
    /// The configured issuer, without a trailing slash.
    pub issuer: String,
    /// The origins by which browsers reach it; the issuer's own is the first.
    pub origins: Origins,
    /// What the pages say: [`messages`], with the language of whoever asks for none of theirs.
    pub messages: Messages,
    /// The database, with [`MIGRATIONS`](crate::MIGRATIONS) and the tables of the outbox.
    pub db: latchkey_db::Db,
    /// The revocation log, as every guard receives it.
    pub revocation_log: RevocationLog,
    /// The resources that exist in every installation: its services, by their contracts.
    pub resources: Vec<latchkey_protocol::Resource>,
    /// The unlocked master key.
    pub key_wrapper: KeyWrapper,
    /// The size of new RSA keys.
    pub rsa: RsaBits,
    /// What the operator decides about people.
    pub settings: Settings,
    /// For calls to addresses that clients have registered, and to other providers.
    pub outgoing: Outgoing,
    /// What becomes of mails.
    pub mailing: Mailing,
    /// The clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// Ends long-lived responses when the listener stops.
    pub stop: CancellationToken,
}

/// True if this database contains anything that only a master key opens.
pub async fn is_sealed(db: &latchkey_db::Db) -> Result<bool, IdentityError> {
    Ok(Store::new(db.clone()).is_sealed().await?)
}

impl Identity {
    /// Opens the registry and creates missing keys.
    pub async fn open(parts: Parts) -> Result<Self, IdentityError> {
        let resources = parts.resources.clone();
        let own = |provider: &&Provider| provider.issuer == parts.issuer;
        if let Some(own) = parts.settings.providers.iter().find(own) {
            return Err(IdentityError::Settings(format!(
                "upstream.{}.issuer is this issuer's own",
                own.id
            )));
        }
        let party = RelyingParty::of(&parts.issuer, parts.settings.rp_id.as_deref())?;
        let identity = Self {
            values: Arc::new(Values::of(parts, party)),
        };
        identity.values.sync.declare_resources(resources).await?;
        identity.refresh().await?;
        identity.check_relying_party().await?;
        Ok(identity)
    }

    /// Passkeys cannot follow to another domain: whoever changes it says so by removing them first.
    async fn check_relying_party(&self) -> Result<(), IdentityError> {
        let values = &self.values;
        let Some(party) = &values.passkeys.party else {
            return Ok(());
        };
        match values.store.other_rp_id(&party.id).await? {
            None => Ok(()),
            Some(other) => Err(IdentityError::Settings(format!(
                "passkeys are bound to {other:?}, and this issuer would look for {:?}: set rp_id to {other:?}",
                party.id
            ))),
        }
    }

    /// The conditions for taking requests.
    pub fn ready(&self) -> Ready {
        let (keys, feed, registry) = (self.clone(), self.clone(), self.clone());
        Ready::new()
            .when("registry", move || registry.values.registry.is_current())
            .when("keys", move || keys.can_sign())
            .when("signals", move || feed.values.feed.is_live())
    }

    /// Why this node is not ready yet, as far as it is known.
    pub fn why_not_ready(&self) -> Option<String> {
        let mut reasons = Vec::new();
        if !self.can_sign() {
            reasons.push("there is no signing key".to_owned());
        }
        if !self.values.feed.is_live() {
            reasons.push("the revocation log has not been read to its end".to_owned());
        }
        reasons.extend(self.values.time.problem());
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn can_sign(&self) -> bool {
        let values = &self.values;
        values.signer.can_sign(Alg::default(), values.time.now())
    }

    /// Runs one of the background loops, until `stop`.
    pub async fn run(&self, chore: Chore, stop: CancellationToken) {
        let values = &self.values;
        match chore {
            Chore::Feed => {
                values
                    .feed
                    .listen(&values.revocation_log, &values.time, stop)
                    .await
            }
            Chore::Registry => values.sync.keep_up(&stop).await,
            Chore::Keys => values.sync.keep_keys(&stop).await,
            Chore::Expiry => values.maintenance.forget_expired(&stop).await,
            Chore::History => values.maintenance.forget_history(&stop).await,
            Chore::LargeEnds => values.revocations.end_what_is_left(&stop).await,
            Chore::Logouts => values.logouts.run(&stop).await,
            Chore::Mails => values.mail_delivery.run(&stop).await,
            Chore::Recoveries => values.recoveries.run(&stop).await,
            Chore::Roles => values.users.end_roles(&stop).await,
            Chore::Deletions => values.deletions.run(&stop).await,
            Chore::Exports => values.exports.run(&stop).await,
        }
    }

    /// Moves the events of its outbox: revocations to the revocation log, the others to the bus.
    pub fn relay(&self, bus: EventBus) -> Relay {
        let values = &self.values;
        Relay::new(bus, values.store.db().clone(), values.time.clock()).revocations(
            values.revocation_log.clone(),
            Wire::TYPES,
            Wire::SOURCE,
        )
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.values.issuer
    }

    /// The identity database.
    pub fn store(&self) -> &Store {
        &self.values.store
    }

    /// The signer, for code that must issue tokens that guards accept.
    pub fn signer(&self) -> &Signer {
        &self.values.signer
    }

    /// The registered clients.
    pub fn clients(&self) -> &Clients {
        &self.values.clients
    }

    /// The users.
    pub fn users(&self) -> &Users {
        &self.values.users
    }

    /// The groups of users.
    pub fn groups(&self) -> &Groups {
        &self.values.groups
    }

    /// Invitations and approvals.
    pub fn invitations(&self) -> &Invitations {
        &self.values.invitations
    }

    /// Resets of users who cannot sign in any more.
    pub fn resets(&self) -> &Resets {
        &self.values.resets
    }

    /// The mails.
    pub fn mails(&self) -> &MailQueue {
        &self.values.mail_queue
    }

    /// Whether mails stay here.
    pub(crate) fn keeps_mails(&self) -> bool {
        matches!(self.values.mail_delivery.mailing, Mailing::Kept)
    }

    /// Imports of people from other systems.
    pub fn imports(&self) -> &Imports {
        &self.values.imports
    }

    /// The audit trail.
    pub fn audit_trail(&self) -> &AuditTrail {
        &self.values.audit_trail
    }

    /// The signing keys.
    pub fn keys(&self) -> &Keys {
        &self.values.keys
    }

    /// The resources that tokens can be for.
    pub fn resources(&self) -> &Resources {
        &self.values.resources
    }

    /// Writes a seed in one transaction: all of it or nothing. A secret is generated for a confidential client that has
    /// none.
    pub async fn seed(&self, seed: Seed, actor: &str) -> Result<Seeded, SeedError> {
        self.values.seeds.write(seed, actor).await
    }

    /// Records that the database was restored from a backup: every earlier refresh token becomes invalid, without
    /// counting as theft, and followers of the revocation log or feed start again.
    pub async fn restored(&self, actor: &str) -> Result<(), AdminError> {
        self.values
            .changes
            .restored(&self.values.revocation_log, actor)
            .await
    }

    /// Ends what the policy says for this cause, and tells everybody. `false` when it had ended before.
    pub async fn revoke(
        &self,
        cause: RevocationCause,
        subject: impl Into<Subject>,
        actor: &str,
    ) -> Result<bool, IdentityError> {
        self.values.revocations.revoke(cause, subject, actor).await
    }

    /// Begins the deletion of a user, who can keep the account until the instant that is returned.
    pub async fn request_deletion(&self, name: &str, actor: &str) -> Result<String, AdminError> {
        self.values.deletions.request_by(name, actor).await
    }

    /// Synchronizes with the database and creates the keys that are due.
    pub async fn refresh(&self) -> Result<(), IdentityError> {
        self.values.sync.refresh().await
    }
}

impl Values {
    fn of(parts: Parts, party: Option<RelyingParty>) -> Self {
        let Parts {
            issuer,
            origins,
            messages,
            db,
            revocation_log,
            resources,
            key_wrapper,
            rsa,
            settings,
            outgoing,
            mailing,
            clock,
            random,
            stop,
        } = parts;
        let site = Arc::new(Site::new(
            issuer.clone(),
            origins,
            messages,
            settings.brand.clone(),
        ));
        let issuer: Arc<str> = issuer.into();
        let signer = Signer::new(key_wrapper, rsa, random.clone());
        let seal = PersonSeal {
            signer: signer.clone(),
            random: random.clone(),
        };
        let time = Time::new(clock.clone());
        let latest = time.clone();
        let store = Store::new(db)
            .at(move || latest.latest())
            .sealed_by(Arc::new(seal));
        let outbox = Outbox::new(Wire::SOURCE, clock.clone(), random.clone());
        let offers = Offers {
            registers: settings.sign_up.mode.is_public(),
            mail_code: settings.mail_code,
            upstream: settings
                .providers
                .iter()
                .any(|provider| provider.mode == Mode::SignIn),
            policy: settings.brand.policy.clone(),
            terms: settings.sign_up.terms.as_ref().map(|terms| terms.url.clone()),
        };
        let registry = Arc::new(Registry::new(store.clone(), &issuer, resources, offers));
        let throttle = Arc::new(Throttle::default());
        let verifier = Arc::new(AccessTokenVerifier::new(&issuer, clock.clone()));
        let sync = Arc::new(RegistrySync::new(
            issuer.clone(),
            store.clone(),
            signer.clone(),
            registry.clone(),
            throttle.clone(),
            verifier.clone(),
            time.clone(),
        ));
        let revocations = Revocations {
            store: store.clone(),
            outbox: outbox.clone(),
            random: random.clone(),
            time: time.clone(),
            sync: sync.clone(),
        };
        let sessions = Sessions {
            store: store.clone(),
            time: time.clone(),
        };
        let settings = Arc::new(settings);
        let mails = Mails::new(store.clone(), signer.clone(), random.clone(), &mailing);
        let second_step = SecondStep {
            mails: mails.clone(),
            store: store.clone(),
            signer: signer.clone(),
            throttle: throttle.clone(),
            random: random.clone(),
            time: time.clone(),
        };
        let interactions = Arc::new(Interactions {
            issuer: issuer.clone(),
            store: store.clone(),
            signer: signer.clone(),
            registry: registry.clone(),
            sessions: sessions.clone(),
            settings: settings.clone(),
            second: second_step.clone(),
            unfinished: Unfinished::default(),
            limits: session::Limits::default(),
            random: random.clone(),
            time: time.clone(),
        });
        let sign_ins = SignIns {
            store: store.clone(),
            signer: signer.clone(),
            registry: registry.clone(),
            sessions: sessions.clone(),
            revocations: revocations.clone(),
            settings: settings.clone(),
            second: second_step.clone(),
            limits: session::Limits::default(),
            random: random.clone(),
            time: time.clone(),
        };
        let hashing = Arc::new(Pool::new());
        let passwords = Arc::new(Passwords {
            store: store.clone(),
            signer: signer.clone(),
            hashing: hashing.clone(),
            foreign_hashes: sync.foreign_hashes(),
            throttle: throttle.clone(),
            sign_ins: sign_ins.clone(),
            random: random.clone(),
            time: time.clone(),
        });
        let passkeys = Passkeys {
            party: party.map(Arc::new),
            store: store.clone(),
            signer: signer.clone(),
            throttle: throttle.clone(),
            sign_ins: sign_ins.clone(),
            revocations: revocations.clone(),
            second: second_step.clone(),
            random: random.clone(),
            time: time.clone(),
        };
        let client_authentication = ClientAuthentication {
            store: store.clone(),
            signer: signer.clone(),
            registry: registry.clone(),
            throttle,
            time: time.clone(),
        };
        let presented_tokens = PresentedTokens {
            issuer: issuer.clone(),
            store: store.clone(),
            signer: signer.clone(),
            verifier,
        };
        let grants = Grants {
            issuer: issuer.clone(),
            store: store.clone(),
            signer: signer.clone(),
            tokens: presented_tokens.clone(),
            registry: registry.clone(),
            revocations: revocations.clone(),
            outbox: outbox.clone(),
            redeemed: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_secs(600))
                .build(),
            limits: refresh::Limits::default(),
            random: random.clone(),
            time: time.clone(),
        };
        let changes = Changes {
            store: store.clone(),
            random: random.clone(),
            time: time.clone(),
            sync: sync.clone(),
        };
        let clients = Clients {
            changes: changes.clone(),
            signer: signer.clone(),
            revocations: revocations.clone(),
        };
        let users = Users {
            changes: changes.clone(),
            outbox,
            revocations: revocations.clone(),
            breached: settings.breached.clone(),
        };
        let new_passwords = NewPasswords {
            site: site.clone(),
            hashing,
            settings: settings.clone(),
            random: random.clone(),
        };
        let groups = Groups { users: users.clone() };
        let proofs = OneTimeProofs {
            store: store.clone(),
            signer: signer.clone(),
            random: random.clone(),
        };
        let mail_codes = MailCodes {
            store: store.clone(),
            passwords: passwords.clone(),
            mails: mails.clone(),
            proofs: proofs.clone(),
            settings: settings.clone(),
        };
        let recoveries = Recoveries {
            store: store.clone(),
            users: users.clone(),
            mails: mails.clone(),
            proofs: proofs.clone(),
            second: second_step.clone(),
            passwords: passwords.clone(),
            new_passwords: new_passwords.clone(),
            settings: settings.clone(),
            random: random.clone(),
            time: time.clone(),
        };
        let sign_ups = SignUps {
            store: store.clone(),
            users: users.clone(),
            groups: groups.clone(),
            mails: mails.clone(),
            proofs: proofs.clone(),
            new_passwords,
            settings: settings.clone(),
            random: random.clone(),
            time: time.clone(),
        };
        let step_up = Arc::new(StepUp {
            sessions: sessions.clone(),
            interactions: interactions.clone(),
            random: random.clone(),
        });
        let linking = Linking {
            settings: settings.clone(),
            store: store.clone(),
            interactions: interactions.clone(),
            sessions: sessions.clone(),
            step_up: step_up.clone(),
            sign_ins: sign_ins.clone(),
            sign_ups: sign_ups.clone(),
            revocations: revocations.clone(),
            second: second_step.clone(),
            random: random.clone(),
            time: time.clone(),
        };
        Self {
            linking,
            resets: Resets {
                users: users.clone(),
                mails: mails.clone(),
                proofs: proofs.clone(),
            },
            password_changes: PasswordChanges {
                recoveries: recoveries.clone(),
                passwords: passwords.clone(),
                sign_ins: sign_ins.clone(),
            },
            email_changes: EmailChanges {
                recoveries: recoveries.clone(),
            },
            deletions: Deletions {
                recoveries: recoveries.clone(),
            },
            exports: Exports {
                recoveries: recoveries.clone(),
            },
            profiles: Profiles {
                store: store.clone(),
                users: users.clone(),
                pictures: Pictures::new(store.clone(), issuer.clone(), random.clone()),
                random: random.clone(),
                time: time.clone(),
            },
            notice_emails: NoticeEmails {
                recoveries: recoveries.clone(),
            },
            recoveries,
            upstreams: Upstreams {
                issuer: issuer.clone(),
                store: store.clone(),
                signer: signer.clone(),
                sessions: sessions.clone(),
                settings: settings.clone(),
                providers: Providers::new(outgoing.clone(), time.clone()),
                random: random.clone(),
                time: time.clone(),
            },
            feed: Arc::default(),
            step_up,
            interactions,
            second_step,
            sign_ins,
            passwords,
            mail_codes,
            passkeys,
            client_authentication: Arc::new(client_authentication),
            grants: Arc::new(grants),
            maintenance: Maintenance {
                store: store.clone(),
                foreign_hashes: sync.foreign_hashes(),
                retention: settings.retention,
                time: time.clone(),
            },
            logouts: LogoutDelivery {
                store: store.clone(),
                tokens: LogoutTokens::new(&issuer, signer.clone(), random.clone()),
                outgoing,
                time: time.clone(),
            },
            mail_delivery: MailDelivery {
                store: store.clone(),
                signer: signer.clone(),
                site: site.clone(),
                mailing,
                random: random.clone(),
                time: time.clone(),
            },
            site,
            imports: Imports {
                changes: changes.clone(),
                users: users.clone(),
                signer: signer.clone(),
                mails: mails.clone(),
                proofs: proofs.clone(),
            },
            audit_trail: AuditTrail {
                store: store.clone(),
                signer: signer.clone(),
            },
            keys: Keys {
                changes: changes.clone(),
                signer: signer.clone(),
                revocations: revocations.clone(),
            },
            resources: Resources {
                changes: changes.clone(),
                issuer: issuer.clone(),
            },
            seeds: Seeds {
                issuer: issuer.clone(),
                changes: changes.clone(),
                clients: clients.clone(),
                users: users.clone(),
            },
            mail_queue: MailQueue {
                changes: changes.clone(),
            },
            invitations: Invitations {
                users: users.clone(),
                groups: groups.clone(),
                mails,
                issuer: issuer.clone(),
            },
            changes,
            clients,
            users,
            groups,
            sign_ups,
            revocations,
            sessions,
            issuer,
            store,
            revocation_log,
            signer,
            registry,
            sync,
            presented_tokens,
            random,
            time,
            stop,
        }
    }
}

impl FromRef<Identity> for Arc<Site> {
    fn from_ref(identity: &Identity) -> Self {
        identity.values.site.clone()
    }
}

impl FromRef<Identity> for Arc<Registry> {
    fn from_ref(identity: &Identity) -> Self {
        identity.values.registry.clone()
    }
}

impl FromRef<Identity> for Arc<ClientAuthentication> {
    fn from_ref(identity: &Identity) -> Self {
        identity.values.client_authentication.clone()
    }
}

impl FromRef<Identity> for Arc<Grants> {
    fn from_ref(identity: &Identity) -> Self {
        identity.values.grants.clone()
    }
}

/// Everything that the issuer's pages say, in every language. Who asks for none of them gets the given one, or English.
pub fn messages(language: Option<&str>) -> Result<Messages, IdentityError> {
    let messages = Messages::read(&[COMMON, MESSAGES].concat())?;
    Ok(match language {
        Some(language) => messages.by_default(language)?,
        None => messages,
    })
}

/// The messages of the issuer's own, English first.
pub const MESSAGES: [MessageFile; 3] = [
    (
        "identity/server/messages/en.ftl",
        include_str!("../messages/en.ftl"),
    ),
    (
        "identity/server/messages/tr.ftl",
        include_str!("../messages/tr.ftl"),
    ),
    (
        "identity/server/messages/fr.ftl",
        include_str!("../messages/fr.ftl"),
    ),
];
