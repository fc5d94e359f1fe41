-- Personal access tokens (spec v1beta1 3.20). What one may do are role bindings of the bearer `app/pat`. `hash` is the SHA3-256 of
-- the secret's bytes, as Frontier keeps it. A row with `revoked_at` is dead, and removed with its bindings by the worker.
CREATE TABLE personal_tokens (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB NOT NULL,
  user_id         BLOB NOT NULL,
  organization_id BLOB NOT NULL,
  title           TEXT NOT NULL,
  title_key       TEXT NOT NULL,
  hash            BLOB NOT NULL,
  generation      INTEGER NOT NULL,
  metadata        TEXT NOT NULL,
  expires_at      INTEGER NOT NULL,
  used_at         INTEGER,
  regenerated_at  INTEGER,
  revoked_at      INTEGER,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX personal_tokens_id ON personal_tokens (tenant, id);
CREATE UNIQUE INDEX personal_tokens_hash ON personal_tokens (hash);
CREATE UNIQUE INDEX personal_tokens_title ON personal_tokens (tenant, user_id, organization_id, title_key) WHERE revoked_at IS NULL;
CREATE INDEX personal_tokens_user ON personal_tokens (tenant, user_id, organization_id, id);
CREATE INDEX personal_tokens_organization ON personal_tokens (tenant, organization_id, id);
CREATE INDEX personal_tokens_revoked ON personal_tokens (tenant, id) WHERE revoked_at IS NOT NULL;

-- When a session was last seen, and where from (spec v1beta1 3.21).
ALTER TABLE sessions ADD COLUMN seen_at INTEGER;
ALTER TABLE sessions ADD COLUMN seen_ip TEXT;
ALTER TABLE sessions ADD COLUMN seen_agent TEXT;
