-- A code that its browser was given twice, for a button that was pressed twice, may come twice.
ALTER TABLE codes ADD COLUMN repeated_at BIGINT;
