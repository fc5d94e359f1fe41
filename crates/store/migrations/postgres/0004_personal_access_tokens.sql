-- Personal access tokens (spec v1beta1 3.20). What one may do are role bindings of the bearer `app/pat`. `hash` is the SHA3-256 of
-- the secret's bytes, as Frontier keeps it. A row with `revoked_at` is dead, and removed with its bindings by the worker.
CREATE TABLE personal_tokens (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  user_id         uuid NOT NULL,
  organization_id uuid NOT NULL,
  title           text COLLATE "C" NOT NULL,
  title_key       text COLLATE "C" NOT NULL,
  hash            bytea NOT NULL,
  generation      bigint NOT NULL,
  metadata        text COLLATE "C" NOT NULL,
  expires_at      bigint NOT NULL,
  used_at         bigint,
  regenerated_at  bigint,
  revoked_at      bigint,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL
);
CREATE UNIQUE INDEX personal_tokens_id ON personal_tokens (tenant, id);
CREATE UNIQUE INDEX personal_tokens_hash ON personal_tokens (hash);
CREATE UNIQUE INDEX personal_tokens_title ON personal_tokens (tenant, user_id, organization_id, title_key) WHERE revoked_at IS NULL;
CREATE INDEX personal_tokens_user ON personal_tokens (tenant, user_id, organization_id, id);
CREATE INDEX personal_tokens_organization ON personal_tokens (tenant, organization_id, id);
CREATE INDEX personal_tokens_revoked ON personal_tokens (tenant, id) WHERE revoked_at IS NOT NULL;

-- When a session was last seen, and where from (spec v1beta1 3.21).
ALTER TABLE sessions ADD COLUMN seen_at bigint;
ALTER TABLE sessions ADD COLUMN seen_ip text COLLATE "C";
ALTER TABLE sessions ADD COLUMN seen_agent text COLLATE "C";
