-- A family was in seven indexes besides its keys, and each new one writes to all of them. These two are now one: what can
-- be refreshed at a client and which is the oldest, and what ends together there.
--
-- Its second to last column is 0 for a family without a refresh token, 1 for one that a sign-out ends, and 2 for one with
-- offline_access. That never changes while a family lives: a refresh writes to no index.
--
-- What is dropped comes first: taking its lock after the weaker one of a new index would meet a node that has read.
DROP INDEX families_refreshing;
DROP INDEX families_granted;
CREATE INDEX families_living ON families (user_id, client_id,
        (CASE WHEN mac_key_id IS NULL THEN 0 WHEN offline_at IS NULL THEN 1 ELSE 2 END), created_at)
    WHERE revoked_at IS NULL;
