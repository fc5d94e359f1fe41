-- Applications that sign people in through this server (decision 15). Secrets are hashes; the one before the last is taken until
-- `old_secret_ends_at`.
CREATE TABLE applications (
  tenant                    INTEGER NOT NULL REFERENCES tenants (tenant),
  id                        BLOB NOT NULL,
  name                      TEXT NOT NULL,
  kind                      TEXT NOT NULL,
  redirect_uris             TEXT NOT NULL,
  post_logout_redirect_uris TEXT NOT NULL,
  grants                    TEXT NOT NULL,
  scopes                    TEXT NOT NULL,
  third_party               INTEGER NOT NULL,
  secret_hash               BLOB,
  secret_made_at            INTEGER,
  old_secret_hash           BLOB,
  old_secret_ends_at        INTEGER,
  created_by                BLOB,
  created_at                INTEGER NOT NULL,
  updated_at                INTEGER NOT NULL,
  revision                  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX applications_id ON applications (tenant, id);

-- Somebody signed in to an application: first a code, which is spent once, then tokens. It ends with the session behind it unless
-- it is `offline`; then who vouched for that session can still end it. One of a device has no code.
CREATE TABLE application_sessions (
  tenant         INTEGER NOT NULL REFERENCES tenants (tenant),
  id             BLOB NOT NULL,
  application_id BLOB NOT NULL,
  user_id        BLOB NOT NULL,
  session_id     BLOB NOT NULL,
  identity_provider BLOB,
  began_with     TEXT NOT NULL,
  scopes         TEXT NOT NULL,
  offline        INTEGER NOT NULL,
  amr            TEXT NOT NULL,
  auth_time      INTEGER NOT NULL,
  nonce          TEXT,
  redirect_uri   TEXT,
  challenge      TEXT,
  code_hash      BLOB,
  code_ends_at   INTEGER,
  code_spent_at  INTEGER,
  refresh_family BLOB,
  refresh_hash   BLOB,
  created_at     INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  revoked_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX application_sessions_id ON application_sessions (tenant, id);
CREATE UNIQUE INDEX application_sessions_code ON application_sessions (tenant, code_hash) WHERE code_hash IS NOT NULL;
CREATE UNIQUE INDEX application_sessions_refresh ON application_sessions (tenant, refresh_family) WHERE refresh_family IS NOT NULL;
CREATE INDEX application_sessions_user ON application_sessions (tenant, user_id, application_id, id);
CREATE INDEX application_sessions_provider ON application_sessions (tenant, identity_provider, id) WHERE identity_provider IS NOT NULL;
CREATE INDEX application_sessions_end ON application_sessions (tenant, expires_at);

-- What somebody allowed an application of somebody else to learn of them.
CREATE TABLE application_consents (
  tenant         INTEGER NOT NULL REFERENCES tenants (tenant),
  user_id        BLOB NOT NULL,
  application_id BLOB NOT NULL,
  scopes         TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, user_id, application_id)
) STRICT, WITHOUT ROWID;

-- Devices that wait until somebody confirms them elsewhere (RFC 8628). What that person types, and the address that it began at, are
-- kept as keyed digests.
CREATE TABLE application_devices (
  tenant                 INTEGER NOT NULL REFERENCES tenants (tenant),
  id                     BLOB NOT NULL,
  application_id         BLOB NOT NULL,
  device_hash            BLOB NOT NULL,
  user_code_hash         BLOB NOT NULL,
  address_hash           BLOB,
  scopes                 TEXT NOT NULL,
  state                  TEXT NOT NULL,
  application_session_id BLOB,
  user_id                BLOB,
  interval_seconds       INTEGER NOT NULL,
  polled_at              INTEGER,
  created_at             INTEGER NOT NULL,
  expires_at             INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX application_devices_id ON application_devices (tenant, id);
CREATE UNIQUE INDEX application_devices_device ON application_devices (tenant, device_hash);
CREATE UNIQUE INDEX application_devices_user_code ON application_devices (tenant, user_code_hash);
CREATE INDEX application_devices_application ON application_devices (tenant, application_id, expires_at);
CREATE INDEX application_devices_address ON application_devices (tenant, address_hash, expires_at) WHERE address_hash IS NOT NULL;
CREATE INDEX application_devices_end ON application_devices (tenant, expires_at);
