-- A card that its owner does not want to be saved is forgotten at this time. Null for one that is saved.
ALTER TABLE cards ADD COLUMN forget_at BIGINT;
CREATE INDEX cards_to_forget ON cards (forget_at) WHERE forget_at IS NOT NULL;
