-- Mails that wait: written with the change that they tell of, gone once they were taken or given up. Address, subject and text
-- are sealed with the tenant's key. A mail of many (an import's) waits behind those that somebody waits for.
CREATE TABLE mails (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid    NOT NULL,
  user_id    uuid,
  purpose    text COLLATE "C" NOT NULL,
  sealed     bytea   NOT NULL,
  of_many    bigint NOT NULL,
  attempts   bigint NOT NULL,
  due_at     bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX mails_due ON mails (tenant, of_many, due_at);
CREATE INDEX mails_user ON mails (tenant, user_id) WHERE user_id IS NOT NULL;

-- A password reset has a place of its own, so that asking for one takes nobody's invitation away.
ALTER TABLE users ADD COLUMN reset_hash bytea;
ALTER TABLE users ADD COLUMN reset_expires_at bigint;
CREATE UNIQUE INDEX users_reset_hash ON users (reset_hash) WHERE reset_hash IS NOT NULL;
