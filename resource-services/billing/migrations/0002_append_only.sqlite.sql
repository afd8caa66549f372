-- What is written stays as it is: a correction is another entry. Triggers have no text that both engines take.

CREATE TRIGGER invoices_refuse_update BEFORE UPDATE ON invoices
BEGIN
    SELECT RAISE(ABORT, 'invoices is append-only');
END;

CREATE TRIGGER invoices_refuse_delete BEFORE DELETE ON invoices
BEGIN
    SELECT RAISE(ABORT, 'invoices is append-only');
END;

CREATE TRIGGER credit_notes_refuse_update BEFORE UPDATE ON credit_notes
BEGIN
    SELECT RAISE(ABORT, 'credit_notes is append-only');
END;

CREATE TRIGGER credit_notes_refuse_delete BEFORE DELETE ON credit_notes
BEGIN
    SELECT RAISE(ABORT, 'credit_notes is append-only');
END;

CREATE TRIGGER journal_entries_refuse_update BEFORE UPDATE ON journal_entries
BEGIN
    SELECT RAISE(ABORT, 'journal_entries is append-only');
END;

CREATE TRIGGER journal_entries_refuse_delete BEFORE DELETE ON journal_entries
BEGIN
    SELECT RAISE(ABORT, 'journal_entries is append-only');
END;

CREATE TRIGGER journal_lines_refuse_update BEFORE UPDATE ON journal_lines
BEGIN
    SELECT RAISE(ABORT, 'journal_lines is append-only');
END;

CREATE TRIGGER journal_lines_refuse_delete BEFORE DELETE ON journal_lines
BEGIN
    SELECT RAISE(ABORT, 'journal_lines is append-only');
END;
