//! One-time proofs: issues a code and a link, and uses them, in the transaction of whoever needs them.

use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::Store;
use latchkey_protocol::Timestamp;
use latchkey_protocol::one_time_proof::{OneTimeProof, Presented, ProofError, ProofPurpose, check};

use crate::IdentityError;
use crate::secret::{digest, is_secret, new_secret};
use crate::signer::Signer;

/// What a proof is to be issued for. See [`OneTimeProof`].
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub purpose: ProofPurpose,
    pub subject: &'a str,
    pub address: Option<&'a str>,
    pub bound: Option<String>,
    pub epoch: Option<i64>,
    /// The secret of the browser in which the code counts; without one there is only a link.
    pub browser: Option<&'a str>,
    pub life_ms: i64,
}

/// What is mailed, and known at this time alone.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The token of the link.
    pub token: String,
    /// Six digits, if it was issued for a browser.
    pub code: String,
    pub expires_at: Timestamp,
}

/// Issues and uses one-time proofs. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct OneTimeProofs {
    pub store: Store,
    pub signer: Signer,
    pub random: Random,
}

impl OneTimeProofs {
    /// Issues a proof. Those that were issued before stay as they are: a stranger who asks for another one takes nothing
    /// from the owner of the mailbox.
    pub async fn issue(
        &self,
        tx: &Tx,
        wanted: &Wanted<'_>,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Issued, IdentityError> {
        let token = new_secret(&self.random);
        let token_hash = digest(&token);
        let code = format!("{:06}", u64::from_be_bytes(self.random.bytes()) % 1_000_000);
        let expires_at = Timestamp(latest.0 + wanted.life_ms);
        let code_hash = match wanted.browser {
            Some(_) => Some(self.code_hash(&token_hash, &code)?),
            None => None,
        };
        let proof = OneTimeProof {
            token_hash,
            purpose: wanted.purpose,
            subject: wanted.subject.to_owned(),
            address: wanted.address.map(str::to_owned),
            bound: wanted.bound.clone(),
            epoch: wanted.epoch,
            code_hash,
            tries: 0,
            browser_hash: wanted.browser.map(digest),
            created_at: now,
            expires_at,
            spent_at: None,
        };
        self.store.add_one_time_proof(tx, &proof).await?;
        Ok(Issued {
            token,
            code,
            expires_at,
        })
    }

    /// The proof of a link, for the page that it opens: nothing is used. The error is the one that using it would have.
    pub async fn look(
        &self,
        purpose: ProofPurpose,
        token: &str,
        epoch: Option<i64>,
        latest: Timestamp,
    ) -> Result<Result<OneTimeProof, ProofError>, IdentityError> {
        if !is_secret(token) {
            return Ok(Err(ProofError::Used));
        }
        let found = self.store.one_time_proof(self.store.db(), &digest(token)).await?;
        let Some(proof) = found else {
            return Ok(Err(ProofError::Used));
        };
        Ok(check(&proof, purpose, Presented::Link, epoch, latest).map(|()| proof))
    }

    /// Uses the proof of a link, and closes every other of its purpose and subject.
    pub async fn spend_link(
        &self,
        tx: &Tx,
        purpose: ProofPurpose,
        token: &str,
        epoch: Option<i64>,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Result<OneTimeProof, ProofError>, IdentityError> {
        if !is_secret(token) {
            return Ok(Err(ProofError::Used));
        }
        let Some(proof) = self.store.one_time_proof(tx, &digest(token)).await? else {
            return Ok(Err(ProofError::Used));
        };
        match check(&proof, purpose, Presented::Link, epoch, latest) {
            Ok(()) => self.spend(tx, proof, now).await,
            Err(error) => Ok(Err(error)),
        }
    }

    /// Uses a code of a subject in this browser: any that is alive, because mails arrive late and out of order. Counts the
    /// try first, so the caller commits after an error, too.
    pub async fn spend_code(
        &self,
        tx: &Tx,
        of: (ProofPurpose, &str),
        code: &str,
        browser: Option<&str>,
        epoch: Option<i64>,
        (now, latest): (Timestamp, Timestamp),
    ) -> Result<Result<OneTimeProof, ProofError>, IdentityError> {
        let (purpose, subject) = of;
        let browser_hash = browser.map(digest);
        self.store
            .count_code_try(tx, purpose, subject, browser_hash.as_deref())
            .await?;
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        // The newest says why none of them is right, unless an older one is.
        let mut first = None;
        for proof in self.store.one_time_proofs_of(tx, purpose, subject).await? {
            let right = match &proof.code_hash {
                Some(_) => {
                    let presented = Presented::Code {
                        right: self.is_code(&proof, &code),
                        browser_hash: browser_hash.as_deref(),
                    };
                    check(&proof, purpose, presented, epoch, latest)
                }
                None => Err(ProofError::Wrong),
            };
            match right {
                Ok(()) => return self.spend(tx, proof, now).await,
                Err(error) => first = first.or(Some(error)),
            }
        }
        Ok(Err(first.unwrap_or(ProofError::Wrong)))
    }

    async fn spend(
        &self,
        tx: &Tx,
        proof: OneTimeProof,
        now: Timestamp,
    ) -> Result<Result<OneTimeProof, ProofError>, IdentityError> {
        if !self
            .store
            .spend_one_time_proof(tx, &proof.token_hash, now)
            .await?
        {
            return Ok(Err(ProofError::Used));
        }
        self.store
            .close_one_time_proofs(tx, proof.purpose, &proof.subject, now)
            .await?;
        Ok(Ok(proof))
    }

    fn code_hash(&self, token_hash: &str, code: &str) -> Result<String, IdentityError> {
        let hash = self.signer.mac("one_time_code", &[token_hash, code]);
        hash.ok_or(IdentityError::Unexpected("the key of codes"))
    }

    fn is_code(&self, proof: &OneTimeProof, code: &str) -> bool {
        let known = proof.code_hash.as_deref().unwrap_or_default();
        self.signer
            .verify_mac("one_time_code", &[&proof.token_hash, code], known)
    }
}
