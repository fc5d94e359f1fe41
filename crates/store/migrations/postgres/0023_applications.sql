-- Applications that sign people in through this server (decision 15). Secrets are hashes; the one before the last is taken until
-- `old_secret_ends_at`.
CREATE TABLE applications (
  tenant                    bigint NOT NULL REFERENCES tenants (tenant),
  id                        uuid NOT NULL,
  name                      text COLLATE "C" NOT NULL,
  kind                      text COLLATE "C" NOT NULL,
  redirect_uris             text COLLATE "C" NOT NULL,
  post_logout_redirect_uris text COLLATE "C" NOT NULL,
  grants                    text COLLATE "C" NOT NULL,
  scopes                    text COLLATE "C" NOT NULL,
  third_party               bigint NOT NULL,
  secret_hash               bytea,
  secret_made_at            bigint,
  old_secret_hash           bytea,
  old_secret_ends_at        bigint,
  created_by                uuid,
  created_at                bigint NOT NULL,
  updated_at                bigint NOT NULL,
  revision                  bigint NOT NULL
);
CREATE UNIQUE INDEX applications_id ON applications (tenant, id);

-- Somebody signed in to an application: first a code, which is spent once, then tokens. It ends with the session behind it unless
-- it is `offline`; then who vouched for that session can still end it. One of a device has no code.
CREATE TABLE application_sessions (
  tenant         bigint NOT NULL REFERENCES tenants (tenant),
  id             uuid NOT NULL,
  application_id uuid NOT NULL,
  user_id        uuid NOT NULL,
  session_id     uuid NOT NULL,
  identity_provider uuid,
  began_with     text COLLATE "C" NOT NULL,
  scopes         text COLLATE "C" NOT NULL,
  offline        bigint NOT NULL,
  amr            text COLLATE "C" NOT NULL,
  auth_time      bigint NOT NULL,
  nonce          text COLLATE "C",
  redirect_uri   text COLLATE "C",
  challenge      text COLLATE "C",
  code_hash      bytea,
  code_ends_at   bigint,
  code_spent_at  bigint,
  refresh_family bytea,
  refresh_hash   bytea,
  created_at     bigint NOT NULL,
  expires_at     bigint NOT NULL,
  revoked_at     bigint
);
CREATE UNIQUE INDEX application_sessions_id ON application_sessions (tenant, id);
CREATE UNIQUE INDEX application_sessions_code ON application_sessions (tenant, code_hash) WHERE code_hash IS NOT NULL;
CREATE UNIQUE INDEX application_sessions_refresh ON application_sessions (tenant, refresh_family) WHERE refresh_family IS NOT NULL;
CREATE INDEX application_sessions_user ON application_sessions (tenant, user_id, application_id, id);
CREATE INDEX application_sessions_provider ON application_sessions (tenant, identity_provider, id) WHERE identity_provider IS NOT NULL;
CREATE INDEX application_sessions_end ON application_sessions (tenant, expires_at);

-- What somebody allowed an application of somebody else to learn of them.
CREATE TABLE application_consents (
  tenant         bigint NOT NULL REFERENCES tenants (tenant),
  user_id        uuid NOT NULL,
  application_id uuid NOT NULL,
  scopes         text COLLATE "C" NOT NULL,
  created_at     bigint NOT NULL,
  updated_at     bigint NOT NULL,
  PRIMARY KEY (tenant, user_id, application_id)
);

-- Devices that wait until somebody confirms them elsewhere (RFC 8628). What that person types, and the address that it began at, are
-- kept as keyed digests.
CREATE TABLE application_devices (
  tenant                 bigint NOT NULL REFERENCES tenants (tenant),
  id                     uuid NOT NULL,
  application_id         uuid NOT NULL,
  device_hash            bytea NOT NULL,
  user_code_hash         bytea NOT NULL,
  address_hash           bytea,
  scopes                 text COLLATE "C" NOT NULL,
  state                  text COLLATE "C" NOT NULL,
  application_session_id uuid,
  user_id                uuid,
  interval_seconds       bigint NOT NULL,
  polled_at              bigint,
  created_at             bigint NOT NULL,
  expires_at             bigint NOT NULL
);
CREATE UNIQUE INDEX application_devices_id ON application_devices (tenant, id);
CREATE UNIQUE INDEX application_devices_device ON application_devices (tenant, device_hash);
CREATE UNIQUE INDEX application_devices_user_code ON application_devices (tenant, user_code_hash);
CREATE INDEX application_devices_application ON application_devices (tenant, application_id, expires_at);
CREATE INDEX application_devices_address ON application_devices (tenant, address_hash, expires_at) WHERE address_hash IS NOT NULL;
CREATE INDEX application_devices_end ON application_devices (tenant, expires_at);
