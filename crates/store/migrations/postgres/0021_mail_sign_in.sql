-- Sign-ins that wait for what a mail said (spec v1beta1 4.2). `hash` is of what names one, `tag` a keyed digest of the code.
CREATE TABLE mail_sign_ins (
  tenant     bigint NOT NULL,
  hash       bytea NOT NULL,
  strategy   text COLLATE "C" NOT NULL,
  email      text COLLATE "C" NOT NULL,
  tag        bytea NOT NULL,
  return_to  text COLLATE "C",
  tries      bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant, hash)
);
CREATE INDEX mail_sign_ins_email ON mail_sign_ins (tenant, email);
CREATE INDEX mail_sign_ins_end ON mail_sign_ins (tenant, expires_at);
