-- Second factors (spec v1 3.1, 9): what somebody has enrolled or is about to. Of an app: a seed, sealed with the tenant's key, and
-- `last_step`, the newest step of which a code counted. Of a passkey or security key: while it waits the SHA-256 of the challenge that
-- it was asked to answer, then its id, its COSE key, how often it was used, and how a browser reaches it (a JSON list).
CREATE TABLE mfa_methods (
  tenant       bigint NOT NULL REFERENCES tenants (tenant),
  id           uuid NOT NULL,
  user_id      uuid NOT NULL,
  kind         text COLLATE "C" NOT NULL,
  device_name  text COLLATE "C",
  seed         bytea,
  last_step    bigint,
  created_at   bigint NOT NULL,
  confirmed_at bigint,
  expires_at   bigint,
  last_used_at bigint,
  challenge_hash bytea,
  credential_id  bytea,
  public_key     bytea,
  counter        bigint,
  transports     text COLLATE "C"
);
CREATE UNIQUE INDEX mfa_methods_id ON mfa_methods (tenant, id);
CREATE UNIQUE INDEX mfa_methods_totp ON mfa_methods (tenant, user_id) WHERE kind = 'totp' AND confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX mfa_methods_credential ON mfa_methods (tenant, credential_id) WHERE credential_id IS NOT NULL;
CREATE INDEX mfa_methods_user ON mfa_methods (tenant, user_id, id);
CREATE INDEX mfa_methods_pending ON mfa_methods (tenant, expires_at) WHERE expires_at IS NOT NULL;

-- Codes for whoever has lost their factor: keyed digests, one row a code, gone when it is used.
CREATE TABLE backup_codes (
  tenant  bigint NOT NULL,
  user_id uuid NOT NULL,
  tag     bytea NOT NULL,
  PRIMARY KEY (tenant, user_id, tag)
);

-- Sign-ins that wait for their second step. `proof` is a digest of the password hash that was verified; `asked_hash` of what a passkey or
-- security key was asked to answer.
CREATE TABLE mfa_challenges (
  tenant     bigint NOT NULL,
  hash       bytea NOT NULL,
  user_id    uuid NOT NULL,
  purpose    text COLLATE "C" NOT NULL,
  amr        text COLLATE "C" NOT NULL,
  proof      bytea,
  seed       bytea,
  asked_hash bytea,
  tries      bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE UNIQUE INDEX mfa_challenges_hash ON mfa_challenges (hash, tenant);
CREATE INDEX mfa_challenges_user ON mfa_challenges (tenant, user_id, created_at);
CREATE INDEX mfa_challenges_end ON mfa_challenges (tenant, expires_at);

-- Passkeys that are asked for before anybody says who they are: the SHA-256 of what is asked.
CREATE TABLE passkey_requests (
  tenant     bigint NOT NULL,
  hash       bytea NOT NULL,
  expires_at bigint NOT NULL
);
CREATE UNIQUE INDEX passkey_requests_hash ON passkey_requests (hash, tenant);
CREATE INDEX passkey_requests_end ON passkey_requests (tenant, expires_at);

-- Has this person a second factor? And must this session's person enrol or show one before it may do anything else (spec v1 9.2)?
ALTER TABLE users ADD COLUMN mfa_enrolled bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN restricted bigint NOT NULL DEFAULT 0;
