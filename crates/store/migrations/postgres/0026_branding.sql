-- How a tenant shows itself. `mails` holds the words of mails as JSON; `logo` is a data URI, `logo_digest` its SHA-256.
CREATE TABLE brandings (
  tenant      bigint NOT NULL,
  name        text COLLATE "C",
  accent      text COLLATE "C",
  welcome     text COLLATE "C",
  help        text COLLATE "C",
  mails       text COLLATE "C" NOT NULL,
  logo_digest bytea,
  revision    bigint NOT NULL,
  logo        text COLLATE "C",
  PRIMARY KEY (tenant)
);
