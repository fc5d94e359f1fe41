-- What directories write over SCIM (spec v1 4.18). A person whom one made has its id; what only it says of them is in `scim`, and the
-- `userName` once more in lower case. Ids of theirs are apart for each directory, and from those that are set by hand (the nil id).
ALTER TABLE users ADD COLUMN directory_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE users ADD COLUMN scim_name text COLLATE "C";
ALTER TABLE users ADD COLUMN scim text COLLATE "C";
DROP INDEX users_external_id;
CREATE UNIQUE INDEX users_external_id ON users (tenant, external_id, directory_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX users_scim_name ON users (tenant, directory_id, scim_name) WHERE scim_name IS NOT NULL;
CREATE INDEX users_directory ON users (tenant, directory_id, id) WHERE scim_name IS NOT NULL;

-- A key of a directory works for it and for nothing else.
ALTER TABLE api_keys ADD COLUMN identity_provider_id uuid;
CREATE INDEX api_keys_provider ON api_keys (tenant, identity_provider_id, id) WHERE identity_provider_id IS NOT NULL;
