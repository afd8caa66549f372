-- A second address, which notices go to as well and nothing else; and since when.
-- personal: notice_email
ALTER TABLE users ADD COLUMN notice_email TEXT;
ALTER TABLE users ADD COLUMN notice_email_at BIGINT;

-- When the relay last refused a mail to the address of the account for good; absent once one was taken.
ALTER TABLE users ADD COLUMN mail_refused_at BIGINT;
