-- Groups of the tenant as /v1 knows them (spec v1 3.1, 4.4): a name for people that is unique, a description, and the roles of
-- the tenant that each member holds (`{"admin": <since>}`). `title_key` is of the tenant's own groups alone.
ALTER TABLE groups ADD COLUMN title_key TEXT;
ALTER TABLE groups ADD COLUMN description TEXT;
ALTER TABLE groups ADD COLUMN role_mappings TEXT NOT NULL DEFAULT '{}';
CREATE UNIQUE INDEX groups_title ON groups (tenant, title_key);
CREATE INDEX groups_scope ON groups (tenant, scope_id, id);
