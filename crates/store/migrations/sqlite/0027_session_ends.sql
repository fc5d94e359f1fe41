-- Until when the provider that vouched for somebody wants them signed in (SAML Core 2.7.2, `SessionNotOnOrAfter`).
ALTER TABLE mfa_challenges ADD COLUMN session_ends_at INTEGER;

-- Consents to an application that is gone are found without a look at all the others.
CREATE INDEX application_consents_application ON application_consents (tenant, application_id);
