//! Registered statements: every text of SQL that the server sends, with its class, in one list that tests walk.
//!
//! Placeholders are `$1…$n`. In a statement of a tenant `$1` is the tenant's number and is bound by [`crate::Tx`]; the
//! caller's parameters begin at `$2`. In the others (all in `directory.rs`) they begin at `$1`.
use crate::{
    access_change, access_role, api_key, application, application_consent, application_device, application_session,
    attempt, audit, audit_record_key, backup_code, branding, directory, erasure, group, holding, idempotency, identity,
    identity_provider, import_progress, invitation, kyc, mail, mail_sign_in, managed, meta_schema, mfa_challenge,
    mfa_method, organization, organization_domain, organization_removal, passkey_request, permission, personal_token,
    policy, preference, project, prospect, resource, revision, role_binding, saml_assertion, scim_user,
    service_credential, service_user, session, sign_in_start, tenant, tenant_domain, user, webhook, webhook_delivery,
};

/// What a statement costs, proved by its query plan (engine.md 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Finds at most one row by a unique key.
    Point,
    /// Walks a range of an index, at most 250 rows of it.
    Page,
    /// Everything else that reads: counts, substrings, exports. Run it in [`crate::Db::scan`].
    Scan,
    /// Changes rows.
    Write,
}

/// A statement. Made with `statements!`.
#[derive(Debug)]
pub struct Sql {
    /// Where it is written: `portcullis_store::user::BY_ID`.
    pub name: &'static str,
    /// Its text, the same for both engines.
    pub text: &'static str,
    /// Its cost.
    pub class: Class,
    /// Is `$1` the tenant?
    pub tenant: bool,
}

/// Every statement of the crate.
pub fn statements() -> impl Iterator<Item = &'static Sql> {
    [
        audit::ALL,
        directory::ALL,
        revision::ALL,
        access_change::ALL,
        access_role::ALL,
        api_key::ALL,
        application::ALL,
        application_consent::ALL,
        application_device::ALL,
        application_session::ALL,
        attempt::ALL,
        backup_code::ALL,
        branding::ALL,
        erasure::ALL,
        group::ALL,
        holding::ALL,
        idempotency::ALL,
        identity::ALL,
        identity_provider::ALL,
        import_progress::ALL,
        invitation::ALL,
        kyc::ALL,
        mail::ALL,
        mail_sign_in::ALL,
        managed::ALL,
        meta_schema::ALL,
        mfa_challenge::ALL,
        mfa_method::ALL,
        organization::ALL,
        organization_domain::ALL,
        organization_removal::ALL,
        passkey_request::ALL,
        permission::ALL,
        personal_token::ALL,
        policy::ALL,
        preference::ALL,
        project::ALL,
        prospect::ALL,
        resource::ALL,
        role_binding::ALL,
        scim_user::ALL,
        saml_assertion::ALL,
        service_credential::ALL,
        service_user::ALL,
        session::ALL,
        sign_in_start::ALL,
        tenant::ALL,
        tenant_domain::ALL,
        user::ALL,
        audit_record_key::ALL,
        webhook::ALL,
        webhook_delivery::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Names statements and lists them as `ALL`.
///
/// ```ignore
/// statements! {
///     BY_ID: point "SELECT id, email FROM users WHERE tenant = $1 AND id = $2";
///     pub(crate) INSERT: write "INSERT INTO users (tenant, id, email) VALUES ($1, $2, $3)";
/// }
/// ```
/// The classes are `point`, `page`, `scan` and `write`. With `global;` as the first line (`directory.rs` only) the
/// statements belong to no tenant. A text may be a `concat!`.
macro_rules! statements {
    (global; $($rest:tt)*) => { statements! { @build false; $($rest)* } };
    (@build $tenant:literal; $($(#[$meta:meta])* $vis:vis $name:ident: $class:ident $text:expr;)+) => {
        $(
            $(#[$meta])*
            $vis const $name: $crate::Sql = $crate::Sql {
                name: concat!(module_path!(), "::", stringify!($name)),
                text: $text,
                class: statements!(@class $class),
                tenant: $tenant,
            };
        )+
        /// The statements of this file.
        pub(crate) const ALL: &[&$crate::Sql] = &[$(&$name),+];
    };
    (@class point) => { $crate::Class::Point };
    (@class page) => { $crate::Class::Page };
    (@class scan) => { $crate::Class::Scan };
    (@class write) => { $crate::Class::Write };
    ($($rest:tt)+) => { statements! { @build true; $($rest)+ } };
}
