-- What a person allows is a set of pairs, a scope at a resource. Two lists beside each other, of scopes and of resources,
-- said more than any page had shown: `write`, allowed at one resource, was good at every other one that has a scope of
-- that name and was ever named.
--
-- `pairs` says which scopes are for which resource, as a JSON object by the resource's identifier; names of OpenID Connect
-- are in `scope` alone, and belong to the issuer. The lists stay: nodes of before read and write nothing else. A row
-- without pairs is read for what is certain (`Written` in identity/protocol/src/audience/granted.rs): of one resource, its
-- scopes there; of several, the names of OpenID Connect and nothing else.
ALTER TABLE grants ADD COLUMN pairs TEXT;
ALTER TABLE codes ADD COLUMN pairs TEXT;
ALTER TABLE families ADD COLUMN pairs TEXT;

-- Of what was allowed at several resources nobody can tell any more which scope was shown for which: the person is asked
-- again, and what stood on that answer ends. Resources are a JSON array, in which `","` is only ever between two of them.
-- Access tokens that are out live for at most five minutes more; nothing is published for them.
UPDATE families SET revoked_at = (SELECT latest FROM installation WHERE id = 1), cause = 'asked_again'
    WHERE revoked_at IS NULL AND EXISTS
        (SELECT 1 FROM grants g WHERE g.user_id = families.user_id AND g.client_id = families.client_id
            AND g.withdrawn_at IS NULL AND g.resources LIKE '%","%');
DELETE FROM codes WHERE spent_at IS NULL AND EXISTS
    (SELECT 1 FROM grants g WHERE g.user_id = codes.user_id AND g.client_id = codes.client_id
        AND g.withdrawn_at IS NULL AND g.resources LIKE '%","%');
UPDATE grants SET withdrawn_at = updated_at WHERE withdrawn_at IS NULL AND resources LIKE '%","%';
